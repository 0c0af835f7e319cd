"""The client of the prediction API: health, explanations and acknowledgements."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

import requests

from app_dash.settings import DashSettings
from solar.errors import FlarewatchError, InvalidInputError, NotFoundError

TIMEOUT_SECONDS = 10.0
_REFUSALS: dict[int, type[FlarewatchError]] = {404: NotFoundError, 422: InvalidInputError}
HEALTH_TIMEOUT_SECONDS = 1.0
_HEALTH_CACHE_SECONDS = 4.0


class ApiUnavailableError(FlarewatchError):
    """The API gives no valid response; the same call may succeed later."""

    status = 503
    title = "API unavailable"


@dataclass(frozen=True)
class Api:
    """The address of an API and its key, None if the API requires none."""

    url: str
    api_key: str | None = None
    timeout_seconds: float = TIMEOUT_SECONDS

    def get(self, path: str, parameters: Mapping[str, str]) -> requests.Response:
        """Send a GET request, which needs the scope read; raises what `_call` raises."""
        return self._call("GET", path, scope="read", parameters=parameters)

    def post(self, path: str, body: Mapping[str, str | None]) -> requests.Response:
        """Send a POST request, which needs the scope admin; raises what `_call` raises."""
        return self._call("POST", path, scope="admin", body=body)

    def _call(
        self,
        method: str,
        path: str,
        *,
        scope: str,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, str | None] | None = None,
    ) -> requests.Response:
        """Call the API and return a successful response.

        Raises
        ------
        InvalidInputError, NotFoundError
            When the API refuses, with the text of its problem.
        ApiUnavailableError
            When there is no response in time, or the key is not sufficient.
        """
        url = self.url.rstrip("/")
        headers = {"X-API-Key": self.api_key} if self.api_key else {}
        try:
            response = requests.request(
                method,
                url + path,
                params=parameters,
                json=body,
                headers=headers,
                timeout=self.timeout_seconds,
            )
        except requests.Timeout as error:
            raise ApiUnavailableError(
                f"the API at {url} did not answer within {self.timeout_seconds:g} s;"
                " try again in a moment"
            ) from error
        except requests.RequestException as error:
            raise ApiUnavailableError(
                f"the API at {url} cannot be reached; see that it runs"
                " (`flarewatch api serve`) and that FLARE_API_URL names it"
            ) from error
        if response.status_code != requests.codes.ok:
            raise _error_of(response, url, scope)
        return response


def api_of(settings: DashSettings, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Api:
    """Return the API of the settings."""
    key = settings.api_key.get_secret_value() if settings.api_key else None
    return Api(settings.api_url, key, timeout_seconds)


def acknowledge(
    settings: DashSettings, alert_id: str, *, by: str, comment: str | None = None
) -> None:
    """Acknowledge an alert in a person's name; raises what `Api` raises."""
    path = f"/api/v1/alerts/{quote(alert_id, safe='')}/acknowledge"
    api_of(settings).post(path, {"by": by, "comment": comment or None})


def _error_of(response: requests.Response, url: str, scope: str) -> FlarewatchError:
    if response.status_code in (401, 403):
        return ApiUnavailableError(
            f"the API at {url} refuses the dashboard's key; set FLARE_API_KEY to a key with the"
            f" scope {scope}"
        )
    kind = _REFUSALS.get(response.status_code, ApiUnavailableError)
    status_text = f"the API at {url} answered {response.status_code}; try again in a moment"
    return kind(_problem_text(response) or status_text)


def _problem_text(response: requests.Response) -> str:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return ""
    if not isinstance(body, dict):
        return ""
    listed = [error for error in body.get("errors") or [] if isinstance(error, dict)]
    parts = [f"{error.get('path', '')}: {error.get('message', '')}" for error in listed]
    return "; ".join(filter(None, [str(body.get("detail") or ""), *parts]))


def is_api_up(api_url: str) -> bool:
    """Tell whether the API answers; all browsers share one request every few seconds."""
    return _is_up(api_url, int(time.monotonic() / _HEALTH_CACHE_SECONDS))


@lru_cache(maxsize=4)
def _is_up(api_url: str, _span: int) -> bool:
    return is_healthy(api_url)


def is_healthy(api_url: str) -> bool:
    """Tell whether ``/health`` of the API at this address succeeds."""
    if not api_url.startswith(("http://", "https://")):
        raise InvalidInputError(f"FLARE_API_URL is {api_url!r}; write http://host:port")
    try:
        response = requests.get(f"{api_url.rstrip('/')}/health", timeout=HEALTH_TIMEOUT_SECONDS)
    except requests.RequestException:
        return False
    return bool(response.status_code == requests.codes.ok)
