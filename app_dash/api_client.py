"""The way to the API for what the dashboard neither may write nor can compute by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import requests

from app_dash.settings import DashSettings
from solar.errors import FlarewatchError, InvalidInputError, NotFoundError

TIMEOUT_SECONDS = 10.0
_REFUSALS: dict[int, type[FlarewatchError]] = {404: NotFoundError, 422: InvalidInputError}


class ApiUnavailableError(FlarewatchError):
    """The API gives no usable answer; the same call may succeed later."""

    status = 503
    title = "API unavailable"


@dataclass(frozen=True)
class Api:
    """A connection to one API; `api_key` is None where the API asks for none."""

    url: str
    api_key: str | None = None
    timeout_seconds: float = TIMEOUT_SECONDS

    def get(self, path: str, parameters: Mapping[str, str]) -> requests.Response:
        """Ask something that needs the scope read; see `_call` for what is raised."""
        return self._call("GET", path, scope="read", parameters=parameters)

    def post(self, path: str, body: Mapping[str, str | None]) -> requests.Response:
        """Have something written, which needs the scope admin; see `_call` for what is raised."""
        return self._call("POST", path, scope="admin", body=body)

    def _call(
        self, method: str, path: str, *, scope: str,
        parameters: Mapping[str, str] | None = None, body: Mapping[str, str | None] | None = None,
    ) -> requests.Response:  # fmt: skip
        """Call and return a success.

        Raises
        ------
        InvalidInputError, NotFoundError
            When the API refuses, with the API's own words.
        ApiUnavailableError
            When there is no answer, none in time, or the key does not suffice.
        """
        url = self.url.rstrip("/")
        headers = {"X-API-Key": self.api_key} if self.api_key else {}
        try:
            answer = requests.request(
                method, url + path, params=parameters, json=body, headers=headers,
                timeout=self.timeout_seconds,
            )  # fmt: skip
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
        if answer.status_code != requests.codes.ok:
            raise _refusal(answer, url, scope)
        return answer


def api_of(settings: DashSettings, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Api:
    """Return the API that the settings name, with their key."""
    key = settings.api_key.get_secret_value() if settings.api_key else None
    return Api(settings.api_url, key, timeout_seconds)


def acknowledge(
    settings: DashSettings, alert_id: str, *, by: str, comment: str | None = None
) -> None:
    """Take note of an alert in somebody's name; raises what `Api` does."""
    path = f"/api/v1/alerts/{quote(alert_id, safe='')}/acknowledge"
    api_of(settings).post(path, {"by": by, "comment": comment or None})


def _refusal(answer: requests.Response, url: str, scope: str) -> FlarewatchError:
    if answer.status_code in (401, 403):
        return ApiUnavailableError(
            f"the API at {url} refuses the dashboard's key; set FLARE_API_KEY to a key with the"
            f" scope {scope}"
        )
    kind = _REFUSALS.get(answer.status_code, ApiUnavailableError)
    answered = f"the API at {url} answered {answer.status_code}; try again in a moment"
    return kind(_said(answer) or answered)


def _said(answer: requests.Response) -> str:
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        return ""
    if not isinstance(body, dict):
        return ""
    listed = [error for error in body.get("errors") or [] if isinstance(error, dict)]
    parts = [f"{error.get('path', '')}: {error.get('message', '')}" for error in listed]
    return "; ".join(filter(None, [str(body.get("detail") or ""), *parts]))
