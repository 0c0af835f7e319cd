"""Logs: one JSON object per line, with the id of the request it belongs to."""

from __future__ import annotations

import logging
import random
import re
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson
from flask import Flask, Response, g, request

from app import metrics
from database.people.principal import Principal

REQUEST_ID = "X-Request-ID"
_CLIENT_ID = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_QUIET = frozenset({"/health", "/metrics"})

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_began: ContextVar[float] = ContextVar("began", default=0.0)
_log = logging.getLogger("app.requests")


class JsonFormatter(logging.Formatter):
    """Write a record as JSON; `extra={"fields": {...}}` adds fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": _request_id.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode("utf-8", "replace")


def configuration() -> dict[str, Any]:
    """Return the logging configuration of a server process for `logging.config.dictConfig`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "app.logs.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
            # Every request has a line of ours already.
            "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
            "alembic": {"level": "WARNING"},
        },
    }


def install(app: Flask) -> None:
    """Give every request an id, a log line and a measurement."""
    app.before_request(_begin)
    app.after_request(_end)


def request_id() -> str | None:
    """Return the id of the current request."""
    return _request_id.get()


def choose_id(client_id: str | None) -> str:
    """Return the id that a client gives its request, or else one of our own."""
    is_good = client_id and _CLIENT_ID.fullmatch(client_id)
    return client_id if client_id and is_good else f"{random.getrandbits(128):032x}"


def began_at() -> float:
    """Return when the current request came, on the clock of `time.perf_counter`."""
    return _began.get()


def _begin() -> None:
    _request_id.set(choose_id(request.headers.get(REQUEST_ID)))
    _began.set(time.perf_counter())


def _end(response: Response) -> Response:
    seconds = time.perf_counter() - _began.get()
    # The rule, not the path: an invented address must not become a new series.
    route = request.url_rule.rule if request.url_rule else "unknown"
    method = request.method if route != "unknown" else "any"
    metrics.SECONDS.labels(method, route, str(response.status_code)).observe(seconds)
    response.headers[REQUEST_ID] = _request_id.get() or ""
    if request.path not in _QUIET:
        _write(
            request.method,
            request.path,
            response.status_code,
            seconds,
            client=g.get("client"),
            principal=g.get("principal"),
        )
    return response


def _write(
    method: str,
    path: str,
    status: int,
    seconds: float,
    *,
    client: str | None,
    principal: Principal | None,
) -> None:
    """Write the line of a request; who asks is known once the guard has looked."""
    fields = {
        "method": method,
        "path": path,
        "status": status,
        "milliseconds": round(seconds * 1e3, 1),
        "client": client,
        "principal": None if principal is None else principal.login or principal.name,
    }
    _log.info("%s %s", method, path, extra={"fields": fields})


def end_post(
    path: str, status: int, *, own_id: str, began: float, client: str, principal: Principal
) -> None:
    """Give a post without query, to an address without parameters, its line and measurement."""
    seconds = time.perf_counter() - began
    metrics.SECONDS.labels("POST", path, str(status)).observe(seconds)
    _request_id.set(own_id)
    _write("POST", path, status, seconds, client=client, principal=principal)
