"""The API as the sender sees it: one POST, repeated with patience."""

from __future__ import annotations

import email.utils
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import requests
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema

from data_sender.delivery.call import JSON_TYPE, Call, call_of
from data_sender.delivery.spool import Post
from data_sender.stop import GraceOverError, StopSignal
from solar.errors import FlarewatchError

FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 15.0
LONGEST_RETRY_AFTER_SECONDS = 300.0
# An outage of hours must not end in a number that no float holds.
_DOUBLINGS = 30
BUSY_PATIENCE_SECONDS = 60.0
TIMEOUT_SECONDS = (3.05, 30.0)

# What concerns the rows of a call, and so is answered to the caller.
ABOUT_ROWS = frozenset({400, 413, 422})
BUSY = 429
PASSING = frozenset({408, 425, BUSY})


class ApiAwayError(FlarewatchError):
    """The API does not take rows now; the same call may succeed later."""

    status = 503
    title = "API away"

    def __init__(
        self, message: str, *, retry_after_seconds: float = 0.0, is_busy: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.is_busy = is_busy


class ApiRefusedError(FlarewatchError):
    """The API will never take what this sender says: a wrong key or a wrong address."""

    status = 403
    title = "API refused"


@dataclass(frozen=True)
class Answer:
    """What the API said to a call: 200, or a status about the rows."""

    status: int
    body: dict[str, Any]


class Backoff:
    """Exponential back-off with full jitter (AWS Architecture Blog, 2015)."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng()
        self._failures = 0

    def next_seconds(self, at_least: float = 0.0) -> float:
        """Return the next wait [s], not below what the API asked for."""
        longest = min(
            LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(self._failures, _DOUBLINGS)
        )
        self._failures += 1
        # On top of it, so that those who were told the same time do not come back as one.
        return at_least + float(self._rng.uniform(0.0, longest))

    def reset(self) -> None:
        """Begin again with short waits."""
        self._failures = 0


class ApiClient:
    """Posts to one API with one key over one kept connection."""

    def __init__(self, url: str, api_key: str | None, stop: StopSignal) -> None:
        self._url = url.rstrip("/")
        self._stop = stop
        self._session = requests.Session()
        # The settings say where the API is; a proxy or a .netrc of the environment does not.
        self._session.trust_env = False
        if api_key:
            self._session.headers["X-API-Key"] = api_key

    def send(self, post: Post, *, attempts: int) -> Answer:
        """Post, trying up to `attempts` times.

        Raises
        ------
        ApiAwayError
            When no attempt succeeded, or the wish to stop came in between.
        ApiRefusedError
            When no attempt can ever succeed.
        """
        call, backoff = call_of(post), Backoff()
        patient_until = time.monotonic() + BUSY_PATIENCE_SECONDS
        while True:
            try:
                return self._attempt(call)
            except ApiAwayError as error:
                # An API that is busy is there: waiting for it costs no attempt, for a while.
                is_patient = error.is_busy and time.monotonic() < patient_until
                if is_patient:
                    backoff.reset()
                attempts -= not is_patient
                wait = backoff.next_seconds(error.retry_after_seconds)
                if attempts == 0 or self._stop.wait(wait):
                    raise

    def ask(self, path: str, content: dict[str, Any]) -> Answer:
        """Post once what carries no rows; raises as `send` does."""
        return self._attempt(Call(path, JSON_TYPE, orjson.dumps(content)))

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _attempt(self, call: Call) -> Answer:
        url = self._url + call.path
        try:
            with self._stop.abandonable():
                response = self._session.post(
                    url,
                    data=call.body,
                    headers={"Content-Type": call.content_type},
                    timeout=TIMEOUT_SECONDS,
                )
        except GraceOverError as error:
            raise ApiAwayError(f"{url} had not answered when this sender was stopped") from error
        except (MissingSchema, InvalidSchema, InvalidURL) as error:
            raise ApiRefusedError(f"{url} is no address: {error}; check FLARE_API_URL") from error
        except requests.RequestException as error:
            raise ApiAwayError(f"{url} does not answer: {type(error).__name__}") from error
        return _understand(response, url)


def _understand(response: requests.Response, url: str) -> Answer:
    status = response.status_code
    if status >= 500 or status in PASSING:
        raise ApiAwayError(
            f"{url} answered {status}: {_detail(response)}",
            retry_after_seconds=_retry_after_seconds(response.headers.get("Retry-After")),
            is_busy=status == BUSY,
        )
    if status in (401, 403):
        raise ApiRefusedError(
            f"{url} answered {status}: {_detail(response)}; set FLARE_API_KEY to a key"
            " with the scope ingest"
        )
    if response.ok or status in ABOUT_ROWS:
        return Answer(status, _json(response, url))
    raise ApiRefusedError(
        f"{url} answered {status}: {_detail(response)}; check that FLARE_API_URL names the API"
    )


def _json(response: requests.Response, url: str) -> dict[str, Any]:
    try:
        body = response.json()
    except requests.JSONDecodeError as error:
        if response.ok:
            raise ApiRefusedError(
                f"{url} answered {response.status_code} without JSON: not the API;"
                " check FLARE_API_URL"
            ) from error
        body = {"detail": _detail(response)}
    return body if isinstance(body, dict) else {"detail": str(body)}


def _detail(response: requests.Response) -> str:
    try:
        problem = response.json()
        return str(problem.get("detail") or problem.get("title") or response.reason)
    except (requests.JSONDecodeError, AttributeError):
        return response.text[:200].strip() or str(response.reason)


def _retry_after_seconds(header: str | None) -> float:
    if not header:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return 0.0
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER_SECONDS)
