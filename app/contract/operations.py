"""Operations: what each view declares of itself, for checking requests and for the documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Response
from pydantic import BaseModel

from app.contract.queries import NoQuery, read_query
from app.security import given_key
from app.services import services

View = Callable[..., Response]


@dataclass(frozen=True)
class Operation:
    """What a view does, who may call it, what goes in and what comes out.

    `answer` is a schema, or the media type of what is not JSON; `also` are further media
    types in which body or answer may be had.
    """

    summary: str
    scope: str | None
    query: type[BaseModel]
    body: type[BaseModel] | None
    answer: type[BaseModel] | str
    also_body: tuple[str, ...] = ()
    also_answer: tuple[str, ...] = ()
    conflict: str | None = None


_declared: dict[Callable[..., Any], Operation] = {}


def operation(
    summary: str,
    *,
    answer: type[BaseModel] | str,
    scope: str | None = None,
    query: type[BaseModel] = NoQuery,
    body: type[BaseModel] | None = None,
    also_body: tuple[str, ...] = (),
    also_answer: tuple[str, ...] = (),
    conflict: str | None = None,
) -> Callable[[View], View]:
    """Declare a view: its key is checked and its query read before it runs."""
    described = Operation(summary, scope, query, body, answer, also_body, also_answer, conflict)

    def declare(view: View) -> View:
        @wraps(view)
        def answered(**path: str) -> Response:
            if scope is not None:
                services().keyring.check(given_key(), scope=scope)
            given = read_query(query)
            return view(**path) if query is NoQuery else view(given, **path)

        _declared[answered] = described
        return answered

    return declare


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """Return what a view has declared, None for what the framework serves by itself."""
    return _declared.get(view)
