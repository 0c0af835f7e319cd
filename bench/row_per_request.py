"""The design to beat: the INSERTs of a record, a model run and a COMMIT for every request.

It is such a design at its best, as far as Flask, `mysql.connector` and gunicorn let it be. Each
thread keeps a connection with two prepared statements, and no ping goes before a statement; a plain
cursor needs twice the processor time, since it writes every value into the text. The model gets its
matrix without the detour by names. `SIZE` had the best medians with 1, 2, 16 and 200 clients in
four rounds of `python -m bench ingest --only rival` on two cores; fewer threads have fewer commits
under way, more of them and more workers get in each other's way.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import mysql.connector
import numpy as np
import orjson
import sqlalchemy as sa
from flask import Flask, request
from sqlalchemy.dialects.mysql import mysqlconnector

from app.scoring.served_models import load_served_models
from database.schema.tables import observations, predictions
from model_training.artefact.artifact import Artifact
from solar.sharp import KEYWORDS

# Workers, and threads of each.
SIZE = (2, 8)
_INSERTS = [
    str(table.insert().compile(dialect=mysqlconnector.dialect(paramstyle="qmark")))
    for table in (observations, predictions)
]


def create_app() -> Flask:
    """Build the API; it scores each record by itself and stores it in the product's tables.

    Nothing is checked, no window is read, no alert raised and nothing counted.
    """
    app = Flask(__name__)
    kept = threading.local()
    _model()

    @app.post("/observations")
    def store() -> dict[str, int]:
        rows = orjson.loads(request.get_data())["observations"]
        if not hasattr(kept, "writer"):
            kept.writer = _Writer()
        for observation in rows:
            kept.writer.store(*_rows(observation))
        return {"accepted": len(rows)}

    @app.get("/ready")
    def ready() -> str:
        return "ready"

    return app


@lru_cache(maxsize=1)
def _model() -> Artifact:
    return load_served_models(Path(os.environ["BENCH_ARTIFACTS"])).live


class _Writer:
    """The connection of one thread."""

    def __init__(self) -> None:
        address = sa.make_url(os.environ["BENCH_DATABASE_URL"])
        connection: Any = mysql.connector.connect(
            host=address.host,
            port=address.port,
            user=address.username,
            password=address.password,
            database=address.database,
        )
        # The driver would ping the server before each statement.
        connection.is_connected = lambda: True
        self._connection = connection
        # A cursor keeps the statement that it has prepared.
        self._cursors = [connection.cursor(prepared=True) for _ in _INSERTS]

    def store(self, *rows: Sequence[Any]) -> None:
        for cursor, insert, row in zip(self._cursors, _INSERTS, rows, strict=True):
            cursor.execute(insert, tuple(row))
        self._connection.commit()


def _rows(observation: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Return the rows of a record in the two tables."""
    keywords = observation["keywords"]
    key = observation["harpnum"], observation["t_rec"].rstrip("Z")
    now = datetime.now(UTC).replace(tzinfo=None)
    values = [keywords.get(keyword.name) for keyword in KEYWORDS]
    position = [observation["quality"], observation["lon_fwt"], observation["lat_fwt"]]
    record = [*key, observation["series"], None, *position, *values, 0, 1, "rows", now]
    return record, [*key, *_forecast(keywords), "full", None, 0.0, 1, now]


def _forecast(keywords: dict[str, float]) -> list[Any]:
    model = _model()
    matrix = [[keywords.get(name, np.nan) for name in model.feature_names]]
    scores = model.score_inputs(np.array(matrix, np.float32))
    return [model.model_id, *scores.calibrated[0].tolist(), *scores.raw[0].tolist()]
