"""The design to beat: a connection, a model run, the INSERTs and a COMMIT for every record."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import mysql.connector
import numpy as np
from flask import Flask, request
from sqlalchemy.dialects.mysql import mysqlconnector

from app.scoring.served_models import load_served_models
from database.observations.records import COLUMNS as OBSERVED
from database.predictions.predictions import COLUMNS as FORECAST
from database.schema.tables import observations, predictions
from model_training.artefact.artifact import Artifact
from solar.sharp import KEYWORDS

_INSERT = {
    table: str(table.insert().compile(dialect=mysqlconnector.dialect(paramstyle="pyformat")))
    for table in (observations, predictions)
}


def create_app() -> Flask:
    """Build the API; it scores each record by itself and stores it in the product's tables.

    Nothing is checked, no window is read, no alert raised and nothing counted.
    """
    app = Flask(__name__)

    @app.post("/observations")
    def store() -> dict[str, int]:
        rows = request.get_json()["observations"]
        for observation in rows:
            _store_one(observation)
        return {"accepted": len(rows)}

    @app.get("/ready")
    def ready() -> str:
        _model()
        return "ready"

    return app


@lru_cache(maxsize=1)
def _model() -> Artifact:
    return load_served_models(Path(os.environ["BENCH_ARTIFACTS"])).live


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
    now = datetime.now(UTC).replace(tzinfo=None)
    values = [keywords.get(keyword.name) for keyword in KEYWORDS]
    position = [observation["quality"], observation["lon_fwt"], observation["lat_fwt"]]
    forecast = _forecast(keywords)
    connection = _connect()
    cursor = connection.cursor()
    record = [*key, observation["series"], None, *position, *values, 0, 1, "rows", now]
    said = [*key, *forecast, "full", None, 0.0, 1, now]
    cursor.execute(_INSERT[observations], dict(zip(OBSERVED, record, strict=True)))
    cursor.execute(_INSERT[predictions], dict(zip(FORECAST, said, strict=True)))
    connection.commit()
    connection.close()


def _forecast(keywords: dict[str, float]) -> list[Any]:
    model = _model()
    scores = model.score({name: np.array([value]) for name, value in keywords.items()})
    return [model.model_id, *scores.calibrated[0].tolist(), *scores.raw[0].tolist()]
