"""The decorator of views: it declares them for the OpenAPI document and checks their requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps

from flask import Response
from pydantic import BaseModel

from app.contract.openapi import Operation, declare
from app.contract.queries import NoQuery, read_query
from app.services import services

View = Callable[..., Response]


def operation(
    summary: str,
    *,
    answer: type[BaseModel] | str | None,
    permission: str,
    query: type[BaseModel] = NoQuery,
    body: type[BaseModel] | None = None,
    also_body: tuple[str, ...] = (),
    also_answer: tuple[str, ...] = (),
    conflict: str | None = None,
    status: int = 200,
    refusals: Mapping[str, str] | None = None,
) -> Callable[[View], View]:
    """Declare a view; before it runs the permission is checked and its query is read."""
    described = Operation(
        summary,
        permission,
        query,
        body,
        answer,
        also_body,
        also_answer,
        conflict,
        status,
        refusals or {},
    )

    def decorate(view: View) -> View:
        @wraps(view)
        def answered(**path: str) -> Response:
            services().guard.check(permission)
            values = read_query(query)
            return view(**path) if query is NoQuery else view(values, **path)

        declare(answered, described)
        return answered

    return decorate
