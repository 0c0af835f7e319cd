"""Problems: the one body in which every error leaves the API."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import orjson
from flask import Flask, Response
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from database.engine import as_domain_error
from solar.errors import FlarewatchError, InvalidInputError

MEDIA_TYPE = "application/problem+json"
# A busy worker is free again soon; a store that is away may take its time.
RETRY_AFTER_SECONDS = {429: 1, 503: 5}
MAX_BODY_BYTES = 32 * 1024 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, and where: ``observations[3].keywords.TOTUSJH``."""

    path: str
    message: str


class RequestError(InvalidInputError):
    """A request that cannot be answered as it stands, with every fault that was found."""

    def __init__(
        self, detail: str, *, status: int = 422, title: str | None = None,
        faults: Iterable[Fault] = (),
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.status = status
        self.title = title or InvalidInputError.title
        self.faults = tuple(faults)


def problem(status: int, title: str, *, detail: str, faults: Sequence[Fault] = ()) -> Response:
    """Write a problem; `detail` says what to do next."""
    body = {
        "title": title,
        "status": status,
        "detail": printable(detail),
        "errors": [{name: printable(text) for name, text in asdict(f).items()} for f in faults],
    }
    return Response(orjson.dumps(body), status, content_type=MEDIA_TYPE)


def printable(text: str) -> str:
    """Replace lone surrogates, which JSON input may smuggle in and UTF-8 cannot carry."""
    return text.encode("utf-8", "backslashreplace").decode()


def install(app: Flask) -> None:
    """Answer every error of `app` with a problem."""
    app.register_error_handler(FlarewatchError, _on_flarewatch_error)
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(DBAPIError, _on_database_error)
    app.register_error_handler(Exception, _on_unexpected_error)


def _on_flarewatch_error(error: FlarewatchError) -> Response:
    faults = error.faults if isinstance(error, RequestError) else ()
    response = problem(error.status, error.title, detail=str(error), faults=faults)
    if seconds := RETRY_AFTER_SECONDS.get(error.status):
        response.headers["Retry-After"] = str(seconds)
    if error.status >= 500:
        _log.error("%s", error)
    return response


def _on_database_error(error: DBAPIError) -> Response:
    return _on_flarewatch_error(as_domain_error(error))


def _on_http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    response = problem(status, error.name, detail=_advice(error))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _advice(error: HTTPException) -> str:
    if isinstance(error, RequestEntityTooLarge):
        return f"the body is larger than {MAX_BODY_BYTES >> 20} MB; send it in several requests"
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return f"this address answers to {allowed}; see /docs"
    if error.code == 404:
        return "nothing is served at this address; see /docs for what is"
    return error.description or error.name


def _on_unexpected_error(error: Exception) -> Response:
    _log.error("unexpected error", exc_info=error)
    detail = "the server failed on this request; its log has the reason under X-Request-ID"
    return problem(500, "Internal error", detail=detail)
