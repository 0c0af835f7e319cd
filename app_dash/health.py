"""Whether the dashboard is alive, and whether it can show anything."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask, Response, jsonify

from database.engine import reading
from database.flares.coverage import coverage
from database.regions.current import data_state, data_version
from solar.errors import StoreUnavailableError

_NO_RECORDS = (
    "It has no records yet; they come from a sender, for example: flarewatch send simulate"
    " (docs/senders.md)"
)
_NO_FLARES = (
    "It has no flares yet and shows no skill without them; they come from the senders simulate and"
    " swpc, or from a list: flarewatch database import-flares FILE (docs/operations.md)"
)


def register(server: Flask, engine: sa.Engine) -> None:
    """Answer ``/health`` always, and ``/ready`` with success only while the store answers."""

    @server.get("/health")
    def health() -> Response:
        return jsonify(status="alive")

    @server.get("/ready")
    def ready() -> Response:
        try:
            with reading(engine) as connection:
                data_version(connection)
        except StoreUnavailableError as error:
            answer = jsonify(status="waiting", detail=str(error))
            answer.status_code = 503
            return answer
        return jsonify(status="ready")


def next_steps(engine: sa.Engine, address: str) -> list[str]:
    """Say where the dashboard is open, and what a store that is new still lacks."""
    lines = [f"Flarewatch is open at {address}"]
    try:
        with reading(engine) as connection:
            if data_state(connection).newest_t_rec is None:
                lines.append(_NO_RECORDS)
            if coverage(connection) is None:
                lines.append(_NO_FLARES)
    except StoreUnavailableError as error:
        lines.append(f"It shows nothing yet: {error}")
    return lines
