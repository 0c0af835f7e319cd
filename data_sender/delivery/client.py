"""The API client: POSTs, as JSON or as Arrow streams, and what has changed since the last look."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode

import numpy as np
import orjson
import pyarrow as pa
import requests
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema

from data_sender.delivery.spool import Post
from data_sender.rows import RowItems, Rows
from solar.columns import Floats, Times
from solar.errors import FlarewatchError
from solar.process import Backoff, GraceExpiredError, StopSignal, retry_after_seconds
from solar.settings import without_password

JSON_TYPE = "application/json"
ARROW_TYPE = "application/vnd.apache.arrow.stream"
# Below it the schema of a stream weighs more than the names in each JSON row.
FEWEST_ARROW_ROWS = 50

FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 15.0
LONGEST_RETRY_AFTER_SECONDS = 300.0
BUSY_PATIENCE_SECONDS = 60.0
TIMEOUT_SECONDS = (3.05, 30.0)

# Statuses about the rows of a call, which are returned to the caller.
ABOUT_ROWS = frozenset({400, 413, 422})
OK, CONFLICT = 200, 409
NOT_MODIFIED = 304
TOO_MANY_REQUESTS = 429
TEMPORARY = frozenset({408, 425, TOO_MANY_REQUESTS})


class ApiUnavailableError(FlarewatchError):
    """The API does not accept rows now; the same call may succeed later."""

    status = 503
    title = "API unavailable"

    def __init__(
        self, message: str, *, retry_after_seconds: float = 0.0, is_busy: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.is_busy = is_busy


class ApiRefusedError(FlarewatchError):
    """The API will never accept what this sender posts: a wrong key or a wrong address."""

    status = 403
    title = "API refused"


@dataclass(frozen=True)
class Answer:
    """The response of the API to a call: 200, or a status about the rows."""

    status: int
    body: dict[str, Any]


class Transport(Protocol):
    """Stores a post, or raises ApiUnavailableError (later, perhaps) or ApiRefusedError (never)."""

    def send(self, post: Post, *, attempts: int) -> Answer:
        """Return when the post is stored, or safe with the broker that stores it."""

    def close(self) -> None:
        """Close the connection."""


def api_backoff() -> Backoff:
    """Return the waits between attempts to reach the API."""
    return Backoff(FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS)


@dataclass(frozen=True)
class Request:
    """The path with its query, the content type and the body of one POST."""

    path: str
    content_type: str
    body: bytes


def encode(post: Post) -> Request:
    """Write a post, in columns where there are many rows; rows from the spool stay JSON."""
    items = post.items
    if isinstance(items, RowItems) and len(items) >= FEWEST_ARROW_ROWS:
        query = _query(post.extra.get("sender", {}))
        return Request(post.path + query, ARROW_TYPE, arrow_stream(items.rows))
    return Request(post.path, JSON_TYPE, post.body())


def arrow_stream(rows: Rows) -> bytes:
    """Write rows as an Arrow stream with the content of their JSON."""
    columns = _columns(rows)
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _query(sender: dict[str, Any]) -> str:
    # A stream has no place for its sender, so that the URL names it.
    named = {"sender" if name == "id" else name: value for name, value in sender.items()}
    parameters = {name: value for name, value in named.items() if value is not None}
    return f"?{urlencode(parameters)}" if parameters else ""


def _columns(rows: Rows) -> dict[str, pa.Array]:
    columns = {
        "t_rec": _times(rows.t_rec),
        "series": pa.DictionaryArray.from_arrays(
            pa.array(rows.series.codes, pa.int32()), pa.array(rows.series.values, pa.string())
        ),
        "harpnum": pa.array(rows.harpnum, mask=rows.harpnum <= 0),
        "noaa_ars": pa.array(rows.noaa_ars.rows(), pa.list_(pa.int32())),
        "lon_fwt": _nullable(rows.lon_fwt),
        "lat_fwt": _nullable(rows.lat_fwt),
    }
    if not np.isnat(rows.made_at).all():
        columns["made_at"] = _times(rows.made_at)
    if rows.has_quality.any():
        # An unreadable QUALITY stays NaN, to be refused; null says that the source has none.
        columns["quality"] = pa.array(
            np.trunc(rows.quality), mask=~rows.has_quality, from_pandas=False
        )
    return columns | {name: _nullable(rows.keyword(name)) for name in rows.given_keywords()}


def _times(times: Times) -> pa.Array:
    return pa.array(times.astype("datetime64[s]")).cast(pa.timestamp("s", "UTC"))


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, from_pandas=True)


class ApiClient:
    """Posts to one API with one key over kept connections, one for each thread that posts."""

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
        ApiUnavailableError
            When no attempt succeeded, or the stop signal came in between.
        ApiRefusedError
            When no attempt can ever succeed.
        """
        request, backoff = encode(post), api_backoff()
        patient_until = time.monotonic() + BUSY_PATIENCE_SECONDS
        while True:
            try:
                return self._attempt(request)
            except ApiUnavailableError as error:
                # An API that is busy is there: waiting for it costs no attempt, for a while.
                is_patient = error.is_busy and time.monotonic() < patient_until
                if is_patient:
                    backoff.reset()
                attempts -= not is_patient
                wait = backoff.next_seconds(error.retry_after_seconds)
                if attempts == 0 or self._stop.wait(wait):
                    raise

    def post_json(self, path: str, content: dict[str, Any]) -> Answer:
        """Post once what carries no rows; raises as `send` does."""
        return self._attempt(Request(path, JSON_TYPE, orjson.dumps(content)))

    def get_changed(self, path: str, tag: str | None) -> tuple[dict[str, Any] | None, str | None]:
        """Get once what has changed since it had the ETag `tag`, with its own; None if nothing has.

        Raises as `send` does.
        """
        headers = {} if tag is None else {"If-None-Match": tag}
        response, url = self._answered("GET", path, headers)
        if response.status_code == NOT_MODIFIED:
            return None, tag
        answer = _read_response(response, url)
        if answer.status != OK:
            raise ApiRefusedError(f"{url} answered {answer.status}: {answer.body.get('detail')}")
        return answer.body, response.headers.get("ETag")

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _attempt(self, request: Request) -> Answer:
        headers = {"Content-Type": request.content_type}
        return _read_response(*self._answered("POST", request.path, headers, request.body))

    def _answered(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[requests.Response, str]:
        """Return the response, and the address that was asked as it may be shown."""
        address = self._url + path
        url = without_password(address)
        try:
            with self._stop.interruptible():
                response = self._session.request(
                    method, address, data=body, headers=headers, timeout=TIMEOUT_SECONDS
                )
        except GraceExpiredError as error:
            raise ApiUnavailableError(
                f"{url} had not answered when this sender was stopped"
            ) from error
        except (MissingSchema, InvalidSchema, InvalidURL) as error:
            raise ApiRefusedError(f"{url} is no address; correct FLARE_API_URL") from error
        except requests.RequestException as error:
            raise ApiUnavailableError(f"{url} does not answer: {type(error).__name__}") from error
        return response, url


def _read_response(response: requests.Response, url: str) -> Answer:
    status = response.status_code
    if status >= 500 or status in TEMPORARY:
        header = response.headers.get("Retry-After")
        asked_seconds = retry_after_seconds(header, now=datetime.now(UTC))
        raise ApiUnavailableError(
            f"{url} answered {status}: {_detail(response)}",
            retry_after_seconds=min(asked_seconds, LONGEST_RETRY_AFTER_SECONDS),
            is_busy=status == TOO_MANY_REQUESTS,
        )
    if status in (401, 403):
        raise ApiRefusedError(
            f"{url} answered {status}: {_detail(response)}; set FLARE_API_KEY to a key"
            " with the scope ingest"
        )
    if status == CONFLICT:
        raise ApiRefusedError(f"{url} answered {status}: {_detail(response)}")
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
