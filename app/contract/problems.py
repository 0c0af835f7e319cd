"""Problems: the one body of every error that the API answers with, and the faults it lists.

A fault says where a request is wrong, what is wrong there, and what would be right.
"""

from __future__ import annotations

import difflib
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from flask import Flask, Response
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from database.driver_errors import as_domain_error
from solar.errors import FlarewatchError, InvalidInputError, StoreFullError

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


@dataclass(frozen=True)
class Rejection:
    """A row that is not stored: its index in the request, and why."""

    index: int
    faults: tuple[Fault, ...]


class RequestError(InvalidInputError):
    """A request that cannot be answered as it is, with all its faults."""

    def __init__(
        self,
        detail: str,
        *,
        status: int = 422,
        title: str | None = None,
        faults: Iterable[Fault] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        self.status = status
        self.title = title or InvalidInputError.title
        self.faults = tuple(faults)


def nothing_usable(noun: str, rejected: Iterable[Rejection]) -> RequestError:
    """Return the error for a request of which every row is rejected."""
    faults = [fault for rejection in rejected for fault in rejection.faults]
    return RequestError(f"no {noun} could be used; see errors", faults=faults)


def problem(status: int, title: str, *, detail: str, faults: Sequence[Fault] = ()) -> Response:
    """Return a problem response; `detail` says what to do next."""
    body = {
        "title": title,
        "status": status,
        "detail": printable(detail),
        "errors": fault_items(faults),
    }
    return Response(orjson.dumps(body), status, content_type=MEDIA_TYPE)


def fault_items(faults: Iterable[Fault]) -> list[dict[str, str]]:
    """Return faults as the API shows them."""
    return [{name: printable(text) for name, text in asdict(fault).items()} for fault in faults]


def printable(text: str) -> str:
    """Replace lone surrogates, which JSON input may smuggle in and UTF-8 cannot carry."""
    return text.encode("utf-8", "backslashreplace").decode()


def install(app: Flask, *, note_full_disk: Callable[[], None]) -> None:
    """Answer every error of `app` with a problem; that of a full disk is noted besides."""

    def on_flarewatch_error(error: FlarewatchError) -> Response:
        return answer_to(error, note_full_disk)

    def on_database_error(error: DBAPIError) -> Response:
        return on_flarewatch_error(as_domain_error(error))

    app.register_error_handler(FlarewatchError, on_flarewatch_error)
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(DBAPIError, on_database_error)
    app.register_error_handler(Exception, _on_unexpected_error)


def answer_to(error: FlarewatchError, note_full_disk: Callable[[], None]) -> Response:
    """Return the problem for an error of ours; that of a full disk is noted besides."""
    if isinstance(error, StoreFullError):
        note_full_disk()
    faults = error.faults if isinstance(error, RequestError) else ()
    response = problem(error.status, error.title, detail=str(error), faults=faults)
    own = error.retry_after if isinstance(error, RequestError) else None
    if seconds := own or RETRY_AFTER_SECONDS.get(error.status):
        response.headers["Retry-After"] = str(seconds)
    # What is busy for a second is no fault of the server.
    if error.status >= 500 and own is None:
        _log.error("%s", error)
    return response


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


_EXPECTED = {
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_UNREADABLE_QUALITY = (
    "an unreadable QUALITY may hide an eclipse: send its number,"
    " or leave the field out where the source has none"
)
_KINDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
    int: "a number",
    float: "a number with a fraction",
}


def faults_of(error: ValidationError, *, fields: Iterable[str]) -> list[Fault]:
    """Translate the errors of pydantic; `fields` are the known names."""
    names = tuple(fields)
    return [
        Fault(path_of(detail["loc"]), message_of(detail, names))
        for detail in error.errors(include_url=False, include_context=False)
    ]


def field_names(kind: type[BaseModel]) -> list[str]:
    """Return the names of the fields of a body or query as they are sent."""
    return [field.alias or name for name, field in kind.model_fields.items()]


def path_of(location: Sequence[int | str], prefix: str = "") -> str:
    """Format a location, for example ``observations[3].keywords.TOTUSJH``."""
    path = prefix
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def message_of(detail: ErrorDetails, fields: Sequence[str]) -> str:
    """Return what is wrong with one value."""
    kind, value = detail["type"], detail["input"]
    if detail["loc"][-1:] == ("quality",) and kind in ("float_type", "finite_number"):
        return f"is {described(value)}; {_UNREADABLE_QUALITY}"
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return unknown_name(str(detail["loc"][-1]), fields, noun="field")
    if kind == "finite_number":
        return "is NaN or infinite; send null, or leave it out, where a value is missing"
    if kind in _EXPECTED:
        return f"is {described(value)}; expected {_EXPECTED[kind]}"
    text = detail["msg"].removeprefix("Value error, ")
    return text[:1].lower() + text[1:] if text.startswith("Input") else text


def described(value: Any) -> str:
    """Describe a value in a few words."""
    kind = _KINDS.get(type(value), type(value).__name__)
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN or infinite"
    return kind


def unknown_name(name: str, known: Sequence[str], *, noun: str) -> str:
    """Return that a name is unknown, with the known one that is closest."""
    close = difflib.get_close_matches(name, known, 1) or difflib.get_close_matches(
        name.upper(), known, 1
    )
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
    return f"{name[:40]!r} is not a known {noun}; {hint}"
