"""Live records: small requests with observations, read, stored and answered many at a time.

Whoever sends nothing but records and perhaps a key is answered here. Everything else, and whatever
has to be refused, is left to the view of the same address, which does the same for one request.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl

from flask import Response
from werkzeug.datastructures import MultiDict

from app import metrics
from app.contract.bodies import JSON_TYPE
from app.contract.problems import answer_to
from app.contract.queries import IngestQuery, check_query
from app.contract.responses import ingest_answer, json_bytes, prediction_items
from app.ingest import arrow_rows
from app.ingest.admission import is_live
from app.ingest.ingest import IngestResult
from app.ingest.ingest_request import IngestRequest, read_request
from app.logs import REQUEST_ID, choose_id, end_post
from app.security import ANSWER_HEADERS
from app.services import Services
from database.people.access import client_address
from database.people.principal import INGEST, Principal
from solar.errors import StoreLockedError, StoreUnavailableError
from solar.request_groups import Answer, SmallRequest

PATH = "/api/v1/observations"
# No group is larger, lest its first request wait long for its last.
MOST_ROWS = 2_000
# What simple clients and the proxies before them send. Others, such as cookies and what browsers
# say of the page that asks, are for the view to judge.
_PLAIN_HEADERS = frozenset(
    (
        "ACCEPT",
        "ACCEPT-ENCODING",
        "CONNECTION",
        "CONTENT-LENGTH",
        "CONTENT-TYPE",
        "EXPECT",
        "FORWARDED",
        "HOST",
        "USER-AGENT",
        "VIA",
        "X-API-KEY",
        "X-FORWARDED-FOR",
        "X-FORWARDED-HOST",
        "X-FORWARDED-PROTO",
        "X-REAL-IP",
        "X-REQUEST-ID",
    )
)
_MEDIA_TYPES = (JSON_TYPE, arrow_rows.MEDIA_TYPE)
_NO_QUERY = IngestQuery()

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Post:
    """A request that may be stored, and who sent it."""

    request: SmallRequest
    client: str
    principal: Principal
    ingest: IngestRequest
    wants_forecasts: bool


class LiveRecords:
    """Answers the live records of one process; see `solar.request_groups.GroupApplication`."""

    def __init__(self, running: Services) -> None:
        self._running = running

    def takes(self, method: str, path: str, length: int | None) -> bool:
        """Tell whether a request may bring live records."""
        return path == PATH and method == "POST" and is_live(length)

    def answer(self, requests: Sequence[SmallRequest]) -> list[Answer | None]:
        """Store requests and answer each; None leaves one to the view."""
        posts = [self._read(request) for request in requests]
        plain = [post for post in posts if post is not None]
        with self._running.admission.with_live(len(plain)):
            answers = iter([answer for group in _groups(plain) for answer in self._store(group)])
        return [None if post is None else next(answers) for post in posts]

    def _read(self, request: SmallRequest) -> _Post | None:
        headers = request.headers
        media_type = headers.get("Content-Type") or ""
        if not headers.values.keys() <= _PLAIN_HEADERS or media_type not in _MEDIA_TYPES:
            return None
        try:
            principal = self._running.guard.plain_principal(request.peer, headers)
            if principal is None or not principal.may(INGEST):
                return None
            query = _read_query(request.query)
            now = self._running.clock()
            ingest = read_request(media_type, request.body, query, now=now, began=request.began)
        except Exception:
            # The view meets it again, and answers and logs it.
            return None
        if not len(ingest.batch):
            return None
        client = client_address(self._running.settings, request.peer, headers)
        return _Post(request, client, principal, ingest, query.return_ == "predictions")

    def _store(self, group: Sequence[_Post]) -> list[Answer | None]:
        """Store a group in one transaction; when that fails it may be the fault of one of them."""
        running = self._running
        try:
            result = running.ingest_store.store(
                [post.ingest for post in group], now=running.clock(), is_patient=False
            )
        except StoreUnavailableError as error:
            # Alone each would only learn the same; a lock may concern one of them.
            if isinstance(error, StoreLockedError):
                return [None] * len(group)
            refusal = answer_to(error, running.full_disk.note)
            return [_refused(post, refusal) for post in group]
        except Exception as error:
            # Whatever it is, the view answers it for the one that is at fault.
            _log.warning("%d requests are stored one by one: %s", len(group), error)
            return [None] * len(group)
        return [_answer_or_leave(post, result, place) for place, post in enumerate(group)]


def _read_query(text: str) -> IngestQuery:
    if not text:
        return _NO_QUERY
    return check_query(IngestQuery, MultiDict(parse_qsl(text, keep_blank_values=True)))


def _groups(posts: Iterable[_Post]) -> Iterator[list[_Post]]:
    """Part requests into groups of no more rows than one may have."""
    group: list[_Post] = []
    rows = 0
    for post in posts:
        rows += len(post.ingest)
        if group and rows > MOST_ROWS:
            yield group
            group, rows = [], len(post.ingest)
        group.append(post)
    if group:
        yield group


def _answer_or_leave(post: _Post, result: IngestResult, place: int) -> Answer | None:
    try:
        return _answer(post, result, place)
    except Exception:
        # The rows of all are stored: the others have to be told so.
        _log.exception("an answer cannot be written")
        return None


def _answer(post: _Post, result: IngestResult, place: int) -> Answer:
    outcomes = result.outcomes[place]
    counts = outcomes.counts()
    metrics.count_rows(counts)
    wanted = prediction_items(result.forecasts_of(place)) if post.wants_forecasts else None
    predictions = outcomes.predictions if wanted is None else wanted
    body = json_bytes(ingest_answer(counts, post.ingest.rejected, predictions))
    headers = {"Content-Type": JSON_TYPE, **ANSWER_HEADERS}
    return _ended(post, HTTPStatus.OK, headers, body)


def _refused(post: _Post, refusal: Response) -> Answer:
    headers = {**refusal.headers, **ANSWER_HEADERS}
    del headers["Content-Length"]
    return _ended(post, HTTPStatus(refusal.status_code), headers, refusal.get_data())


def _ended(post: _Post, status: HTTPStatus, headers: dict[str, str], body: bytes) -> Answer:
    """Log and measure an answer as the view's are."""
    request = post.request
    own_id = choose_id(request.headers.get(REQUEST_ID))
    end_post(
        PATH,
        status,
        own_id=own_id,
        began=request.began,
        client=post.client,
        principal=post.principal,
    )
    return Answer(status, {**headers, REQUEST_ID: own_id}, body)
