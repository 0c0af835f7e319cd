"""What a worker and its jobs ask the API: one HTTP request each, or one patiently repeated."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
import requests

from model_training.jobs.settings import WorkerSettings
from solar.errors import FlarewatchError
from solar.process import Backoff, retry_after_seconds
from solar.settings import without_password

PIECE_BYTES = 4 * 2**20
# So long a page of the store is asked for while the API is away.
STORE_PATIENCE_SECONDS = 600.0
_TIMEOUT_SECONDS = (3.05, 30.0)
_TEMPORARY = frozenset({408, 425, 429})
_INSUFFICIENT_STORAGE = 507
_LONGEST_RETRY_AFTER_SECONDS = 60.0
T = TypeVar("T")


class ApiAwayError(FlarewatchError):
    """The API does not answer now; the same request may succeed later."""

    status = 503
    title = "API away"
    retry_after_seconds = 0.0


class ApiRefusedError(FlarewatchError):
    """The API will not take this request, however often it comes."""

    status = 403
    title = "API refused"


class AttemptOverError(FlarewatchError):
    """The run is no longer, or not, for this job to execute."""

    status = 409
    title = "Attempt over"


class _OtherOffsetError(FlarewatchError):
    """The piece of a file that comes next begins elsewhere."""

    offset = 0


def patiently(call: Callable[[], T], *, seconds: float) -> T:
    """Call until the API answers; raises ApiAwayError when it is away for longer."""
    backoff = Backoff(0.2, 15.0, jitter=(0.5, 1.0))
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except ApiAwayError as error:
            wait = backoff.next_seconds(error.retry_after_seconds)
            if time.monotonic() + wait > deadline:
                raise
        time.sleep(wait)


class WorkerApi:
    """The routes ``/api/v1/worker`` of one API; a process that is forked makes one of its own."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._url = settings.api_url.rstrip("/") + "/api/v1/worker"
        self._session = requests.Session()
        # The settings say where the API is; a proxy or a .netrc of the environment does not.
        self._session.trust_env = False
        if settings.worker_key is not None:
            self._session.headers["X-API-Key"] = settings.worker_key.get_secret_value()

    def register(self, worker: dict[str, Any]) -> dict[str, Any]:
        """Say who and how busy this worker is.

        Raises
        ------
        AttemptOverError
            When the API knows no such worker (any more).
        ApiAwayError, ApiRefusedError
            As every request.
        """
        return _object(self.send("POST", "/register", json=worker))

    def send(self, method: str, path: str, **content: Any) -> requests.Response:
        """Send one request; raises one of the errors above unless it succeeds."""
        address = without_password(self._url + path)
        try:
            response = self._session.request(
                method, self._url + path, timeout=_TIMEOUT_SECONDS, **content
            )
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise ApiRefusedError(f"{address} is no address; correct FLARE_API_URL") from error
        except requests.RequestException as error:
            raise ApiAwayError(f"{address} does not answer: {type(error).__name__}") from error
        if response.ok:
            return response
        raise _refusal(response, address)


class RunApi:
    """What the job of one attempt of one run asks."""

    def __init__(self, api: WorkerApi, run_id: str, attempt: int) -> None:
        self.run_id, self.attempt = run_id, attempt
        self._api = api

    def claim(self, job: dict[str, Any]) -> dict[str, Any]:
        """Begin the attempt; the same claim again has the same answer."""
        return self._post("claim", job)

    def report(self, state: dict[str, Any]) -> dict[str, Any]:
        """Say what is new, and learn how much has arrived and whether to stop."""
        return self._post("report", state)

    def end(self, end: dict[str, Any]) -> dict[str, Any]:
        """Say how the attempt ended; the same end again has the same answer."""
        return self._post("end", end)

    def read(self, sha256: str, *, start: int, end: int) -> bytes:
        """Return the bytes of an input from `start` to before `end`."""
        query = {"run_id": self.run_id, "attempt": self.attempt}
        header = {"Range": f"bytes={start}-{end - 1}"}
        answer = self._api.send("GET", f"/files/{sha256}", params=query, headers=header)
        return bytes(answer.content)

    def store_pages(self, table: str) -> Iterator[pa.Table]:
        """Yield the pages of a table of the store in the time of a snapshot run."""
        query: dict[str, Any] | None = {"attempt": self.attempt}
        while query is not None:
            path = f"/runs/{self.run_id}/store/{table}"
            read = partial(self._api.send, "GET", path, params=query)
            answer = patiently(read, seconds=STORE_PATIENCE_SECONDS)
            yield pq.read_table(io.BytesIO(answer.content))
            cursor = answer.headers.get("X-Next-Cursor")
            query = None if cursor is None else {"attempt": self.attempt, "cursor": cursor}

    def deliver(self, path: Path, name: str, *, kind: str, patience_seconds: float) -> str:
        """Deliver a file as an output, piece by piece, and return its SHA-256.

        A file that is replaced meanwhile is delivered as it was: it stays open. Raises what `send`
        raises, and ApiAwayError only after the patience with each piece.
        """
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            whole = {"kind": kind, "bytes": file.tell(), "sha256": sha256}
            offset: int | None = 0
            while offset is not None:
                file.seek(offset)
                query, piece = whole | {"offset": offset}, file.read(PIECE_BYTES)
                send = partial(self._put, name, query, piece)
                offset = patiently(send, seconds=patience_seconds)
        return sha256

    def _put(self, name: str, query: dict[str, Any], piece: bytes) -> int | None:
        """Send a piece; return where the next one begins, None after the last."""
        try:
            path, query = f"/runs/{self.run_id}/outputs/{name}", {"attempt": self.attempt, **query}
            kind = {"Content-Type": "application/octet-stream"}
            response = self._api.send("PUT", path, params=query, data=piece, headers=kind)
        except _OtherOffsetError as error:
            return error.offset
        answer = _object(response)
        return None if answer["is_complete"] else int(answer["received"])

    def _post(self, verb: str, content: dict[str, Any]) -> dict[str, Any]:
        path = f"/runs/{self.run_id}/{verb}"
        return _object(self._api.send("POST", path, json={"attempt": self.attempt, **content}))


def _refusal(response: requests.Response, address: str) -> FlarewatchError:
    status, said = response.status_code, f"{address} answered {response.status_code}"
    reason = _detail(response)
    if "X-Next-Offset" in response.headers:
        elsewhere = _OtherOffsetError(reason)
        elsewhere.offset = int(response.headers["X-Next-Offset"])
        return elsewhere
    if status in (404, 409):
        return AttemptOverError(reason)
    if status in (401, 403):
        hint = "set FLARE_WORKER_KEY to a key with the scope work"
        return ApiRefusedError(f"{said}: {reason}; {hint}")
    if status in _TEMPORARY or (status >= 500 and status != _INSUFFICIENT_STORAGE):
        away = ApiAwayError(f"{said}: {reason}")
        asked = retry_after_seconds(response.headers.get("Retry-After"), now=datetime.now(UTC))
        away.retry_after_seconds = min(asked, _LONGEST_RETRY_AFTER_SECONDS)
        return away
    return ApiRefusedError(f"{said}: {reason}")


def _detail(response: requests.Response) -> str:
    try:
        problem = response.json()
        return str(problem.get("detail") or problem.get("title") or response.reason)
    except (requests.JSONDecodeError, AttributeError):
        # Something else than the API answered, such as a proxy.
        return response.text[:200].strip() or str(response.reason)


def _object(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except requests.JSONDecodeError as error:
        raise ApiRefusedError(
            f"{response.url} answered without JSON: not the API; check FLARE_API_URL"
        ) from error
    if not isinstance(body, dict):
        raise ApiRefusedError(f"{response.url} answered {type(body).__name__}, not an object")
    return body
