"""The design to beat: a connection, the INSERTs and a COMMIT for every row of every request."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import mysql.connector
from flask import Flask, request

from database.predictions import COLUMNS as FORECAST
from solar.flares import EVENTS
from solar.sharp import KEYWORDS

# The same record and forecast as the product writes, and nothing of its indexes.
OBSERVED = ("region_id", "t_rec", *(keyword.column for keyword in KEYWORDS))
_TEXTS = {"model_id": "VARCHAR(64)", "rung": "VARCHAR(16)", "reason": "VARCHAR(255)"}
_KINDS = {"region_id": "BIGINT", "t_rec": "DATETIME(6)", "revision": "INT",
          "issued_at": "DATETIME(6)", **_TEXTS}  # fmt: skip
_MADE_UP = ("made-up@1.0.0", *[0.5] * (2 * len(EVENTS)), "full", None, 0.0, 1)


def _table(name: str, columns: Sequence[str]) -> str:
    kinds = ", ".join(f"{column} {_KINDS.get(column, 'DOUBLE')}" for column in columns)
    return f"CREATE TABLE IF NOT EXISTS {name} (id BIGINT AUTO_INCREMENT PRIMARY KEY, {kinds})"


def _insert(name: str, columns: Sequence[str]) -> str:
    places = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608  our names


_RECORDS, _FORECASTS = "row_records", "row_forecasts"


def create_app() -> Flask:
    """Build the API; it stores each observation by itself, with a made-up forecast."""
    app = Flask(__name__)

    @app.post("/observations")
    def store() -> dict[str, int]:
        rows = request.get_json()["observations"]
        for observation in rows:
            _store_one(observation)
        return {"accepted": len(rows)}

    @app.get("/ready")
    def ready() -> str:
        connection = _connect()
        connection.cursor().execute(_table(_RECORDS, OBSERVED))
        connection.cursor().execute(_table(_FORECASTS, FORECAST))
        connection.close()
        return "ready"

    return app


def _connect() -> Any:
    return mysql.connector.connect(
        host="127.0.0.1",
        port=int(os.environ["BENCH_DATABASE_PORT"]),
        user="flare",
        password="flare",
        database="flarewatch",
    )


def _store_one(observation: dict[str, Any]) -> None:
    keywords = observation["keywords"]
    key = observation["harpnum"], observation["t_rec"].rstrip("Z")
    connection = _connect()
    cursor = connection.cursor()
    values = [keywords.get(keyword.name) for keyword in KEYWORDS]
    cursor.execute(_insert(_RECORDS, OBSERVED), [*key, *values])
    cursor.execute(_insert(_FORECASTS, FORECAST), [*key, *_MADE_UP, key[1]])
    connection.commit()
    connection.close()
