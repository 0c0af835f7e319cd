"""Whether the dashboard is alive, and whether it can show anything."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask, Response, jsonify

from database.engine import reading
from database.overview import data_version
from solar.errors import StoreUnavailableError


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
