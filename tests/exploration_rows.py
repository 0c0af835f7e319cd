"""Records of three regions over forty hours, made to be counted in more than one way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from database.engine import transact
from database.exploration.selection import Selection
from database.schema.tables import harp_noaa, observations, predictions, regions
from database.upsert import upsert
from solar.flares import EVENTS
from solar.time import Window

MODEL = "gradient-boosting@1.0.0"
START = datetime(2014, 3, 1, tzinfo=UTC)
WHOLE = Selection(MODEL, Window(START, START + timedelta(days=10)))
PROBABILITIES = [event.column for event in EVENTS]
FILLED = ["usflux", "totusjh", "r_value"]


# Forty hours of three regions; every seventh record has no forecast, R_VALUE is often absent.
def made_rows() -> list[dict[str, Any]]:
    rng = np.random.default_rng(7)
    p = np.sort(rng.random((120, 4)) ** 3, axis=1)[:, ::-1]
    # Values on the bins' edges, where counting goes wrong first.
    p[1:6, 0], p[1:6, 1] = [0.1, 0.15, 0.3, 1.0, 0.07], [0.0, 0.01, 0.1, 0.95, 0.07]
    return [
        {
            "region_id": (3721, 3730, -12001)[i % 3],
            "t_rec": START + timedelta(hours=i // 3),
            **{
                name: None if i % 7 == 0 else float(value)
                for name, value in zip(PROBABILITIES, p[i], strict=True)
            },
            "usflux": rng.random() * 1e22,
            "totusjh": rng.random() * 3000,
            "r_value": None if rng.random() < 0.3 else rng.random() * 5,
        }
        for i in range(120)
    ]


def write(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    columns = [column.name for column in table.columns if column.name in rows[0]]
    values = [[row[name] for name in columns] for row in rows]
    upsert(connection, table, columns=columns, rows=values)


def store(engine: sa.Engine, rows: list[dict[str, Any]], *, model_id: str = MODEL) -> None:
    transact(engine, lambda c: write(c, predictions, [forecast(row, model_id) for row in rows]))
    transact(engine, lambda c: write(c, observations, [observation(row) for row in rows]))


def forecast(row: dict[str, Any], model_id: str) -> dict[str, Any]:
    missing = row["c1"] is None
    return {
        **{name: row[name] for name in ("region_id", "t_rec", *PROBABILITIES)},
        "model_id": model_id,
        "rung": "none" if missing else "full",
        "reason": "beyond 70 deg" if missing else None,
        "imputed_share": 0.0,
        "revision": 1,
        "issued_at": row["t_rec"],
    }


def observation(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("region_id", "t_rec", *FILLED)},
        "series": "hmi.sharp_cea_720s",
        "content_hash": 1,
        "revision": 1,
        "sender_id": "test",
        "received_at": row["t_rec"],
    }


def store_everything(engine: sa.Engine) -> None:
    store(engine, made_rows())
    region = {"series": "hmi.sharp_cea_720s", "first_t_rec": START, "last_t_rec": START}
    named = [
        {"region_id": 3721, "harpnum": 3721, "noaa_ars": "11990,11991", **region},
        {"region_id": 3730, "harpnum": 3730, "noaa_ars": "", **region},
        {"region_id": -12001, "harpnum": None, "noaa_ars": "12001", **region},
    ]
    pairs = [{"harpnum": 3721, "noaa_ar": ar} for ar in (11990, 11991)]
    transact(engine, lambda c: write(c, regions, named))
    transact(engine, lambda c: write(c, harp_noaa, pairs))
