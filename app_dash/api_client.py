"""The client of the prediction API, which is asked in the name of whoever is signed in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

import requests
from flask import g, has_request_context

from app_dash.settings import DashSettings
from solar.errors import (
    ConflictError,
    FlarewatchError,
    InvalidInputError,
    NotFoundError,
    PreconditionError,
)
from solar.settings import without_password

TIMEOUT_SECONDS = 10.0
HEALTH_TIMEOUT_SECONDS = 1.0
_HEALTH_CACHE_SECONDS = 4.0
# A busy API refuses a request of the Lab before it does anything. Others end within this.
_BUSY_TRIES, _BUSY_PAUSE_SECONDS = 10, 0.2


class ApiUnavailableError(FlarewatchError):
    """The API gives no valid response; the same call may succeed later."""

    status = 503
    title = "API unavailable"


class RefusedError(FlarewatchError):
    """The API refuses: nobody is signed in (401), without the permission (403), too often (429)."""

    status = 403
    title = "Not allowed"
    retry_after: str | None = None


_REFUSALS: dict[int, type[FlarewatchError]] = {
    401: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionError,
    416: InvalidInputError,
    422: InvalidInputError,
    429: RefusedError,
}


@dataclass(frozen=True)
class Api:
    """The address of an API, and in whose name it is asked: a session's, or nobody's.

    The dashboard's own key only vouches for the address of the browser; it lends nobody its scopes.
    """

    url: str
    api_key: str | None = None
    token: str | None = None
    timeout_seconds: float = TIMEOUT_SECONDS

    def get(self, path: str, parameters: Mapping[str, str]) -> requests.Response:
        """Send a GET request; raises what `call` raises."""
        return self.call("GET", path, parameters=parameters)

    def call(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        is_streamed: bool = False,
        passes_refusals: bool = False,
    ) -> requests.Response:
        """Call the API and return a successful response; a streamed one is read by its caller.

        `body` is sent as JSON, `data` as it is; with `passes_refusals` a refusal is returned too.

        Raises
        ------
        InvalidInputError, NotFoundError, ConflictError, RefusedError
            When the API refuses, with the text of its problem.
        ApiUnavailableError
            When there is no response in time, or one that means nothing.
        """
        send = partial(
            requests.request,
            method,
            self.url.rstrip("/") + path,
            params=parameters,
            json=body,
            data=data,
            headers={**self._identity(), **(headers or {})},
            timeout=self.timeout_seconds,
            stream=is_streamed,
        )
        response = self._answer(send)
        for _ in range(0 if passes_refusals else _BUSY_TRIES):
            if not _is_busy(response):
                break
            time.sleep(_BUSY_PAUSE_SECONDS)
            response = self._answer(send)
        if not passes_refusals and not 200 <= response.status_code < 300:
            raise _error_of(response, without_password(self.url.rstrip("/")))
        return response

    def _answer(self, send: Callable[[], requests.Response]) -> requests.Response:
        url = without_password(self.url.rstrip("/"))
        try:
            return send()
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

    def _identity(self) -> dict[str, str]:
        headers = {"X-API-Key": self.api_key} if self.api_key else {}
        return headers | ({"Authorization": f"Bearer {self.token}"} if self.token else {})


def api_of(settings: DashSettings, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Api:
    """Return the API of the settings, asked in the name of the session of the current request."""
    key = settings.api_key.get_secret_value() if settings.api_key else None
    token = g.get("token") if has_request_context() else None
    return Api(settings.api_url, key, token, timeout_seconds)


def ask(
    settings: DashSettings,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> dict[str, Any]:
    """Have the API do something for who is signed in, and return its answer.

    Raises what `Api.call` raises.
    """
    response = api_of(settings, timeout_seconds=timeout_seconds).call(
        method, f"/api/v1{path}", parameters=parameters, body=body, headers=headers
    )
    if response.status_code == requests.codes.no_content:
        return {}
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise ApiUnavailableError(f"the answer of the API at {settings.api_url} cannot be read")
    return answer


def acknowledge(settings: DashSettings, alert_id: str, *, comment: str | None = None) -> None:
    """Acknowledge an alert; raises what `Api` raises."""
    path = f"/api/v1/alerts/{quote(alert_id, safe='')}/acknowledge"
    api_of(settings).call("POST", path, body={"comment": comment or None})


def _is_busy(response: requests.Response) -> bool:
    """Tell whether the API leaves its threads to forecasting, and would answer a moment later."""
    if response.status_code != requests.codes.unavailable:
        return False
    try:
        problem = response.json()
    except requests.JSONDecodeError:
        return False
    return isinstance(problem, dict) and problem.get("title") == "Busy"


def _error_of(response: requests.Response, url: str) -> FlarewatchError:
    kind = _REFUSALS.get(response.status_code, ApiUnavailableError)
    status_text = f"the API at {url} answered {response.status_code}; try again in a moment"
    error = kind(problem_text(response) or status_text)
    if isinstance(error, RefusedError):
        error.status = response.status_code
        error.retry_after = response.headers.get("Retry-After")
    return error


def problem_text(response: requests.Response) -> str:
    """Return what the problem in a response says; empty where there is none."""
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
        raise InvalidInputError(
            f"FLARE_API_URL is {without_password(api_url)!r}; write http://host:port"
        )
    try:
        response = requests.get(f"{api_url.rstrip('/')}/health", timeout=HEALTH_TIMEOUT_SECONDS)
    except requests.RequestException:
        return False
    return bool(response.status_code == requests.codes.ok)
