"""The design to beat: a connection, an INSERT and a COMMIT for every row of every request."""

from __future__ import annotations

import os
from typing import Any

import mysql.connector
from flask import Flask, request

from solar.sharp import KEYWORDS

COLUMNS = ["region_id", "t_rec", *(keyword.column for keyword in KEYWORDS), "probability"]
TABLE = (
    "CREATE TABLE IF NOT EXISTS row_per_request (id BIGINT AUTO_INCREMENT PRIMARY KEY,"
    " region_id BIGINT, t_rec DATETIME(6), "
    + ", ".join(f"{column} DOUBLE" for column in COLUMNS[2:])
    + ")"
)
INSERT = (
    f"INSERT INTO row_per_request ({', '.join(COLUMNS)})"  # noqa: S608  names from our own table
    f" VALUES ({', '.join(['%s'] * len(COLUMNS))})"
)


def create_app() -> Flask:
    """Build the API; it stores each observation by itself, with a made-up probability."""
    app = Flask(__name__)

    @app.post("/observations")
    def store() -> dict[str, int]:
        for observation in request.get_json()["observations"]:
            _store_one(observation)
        return {"accepted": len(request.get_json()["observations"])}

    @app.get("/ready")
    def ready() -> str:
        connection = _connect()
        connection.cursor().execute(TABLE)
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
    values = [keywords.get(keyword.name) for keyword in KEYWORDS]
    connection = _connect()
    cursor = connection.cursor()
    at = observation["t_rec"].rstrip("Z")
    cursor.execute(INSERT, [observation["harpnum"], at, *values, 0.5])
    connection.commit()
    connection.close()
