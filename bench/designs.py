"""The designs that are measured: how each of them brings records into the store, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from bench.bodies import JSON, MEDIA_TYPES, Share, bodies
from bench.clients import Connection, Step
from database.engine import create_engine, transact
from database.observations.records import KEYWORD_COLUMNS
from database.predictions.predictions import COLUMNS, store_predictions
from database.schema.tables import observations
from database.settings import DatabaseSettings
from database.upsert import upsert_columns
from solar.flares import EVENTS
from solar.sharp import KEYWORDS, SIMULATED_SERIES

Columns = dict[str, Any]


def posting(address: str, share: Share, kind: str, batch: int, most: int) -> Step:
    """Post bodies, and have each record counted as accepted."""
    waiting = iter(bodies(share, kind, batch=batch, most=most))
    named = f"{address}?sender=bench-{share.place}" if kind != JSON else address
    connection = Connection(named, MEDIA_TYPES[kind])

    def step() -> int:
        body = next(waiting, None)
        if body is None:
            return 0
        accepted = connection.post(body)["accepted"]
        if accepted != batch:
            raise RuntimeError(f"{accepted} of {batch} records were accepted")
        return batch

    return step


def bare_writing(address: str, share: Share, batch: int, most: int) -> Step:
    """Write observations and one prediction each with the product's upsert, and nothing else."""
    engine = create_engine(DatabaseSettings(database_url=address))
    waiting = _both(share.table(most), batch)

    def write(connection: sa.Connection, observed: Columns, forecast: Columns) -> None:
        upsert_columns(connection, observations, columns=observed)
        store_predictions(connection, forecast)

    def step() -> int:
        both = next(waiting, None)
        if both is None:
            return 0
        transact(engine, partial(write, observed=both[0], forecast=both[1]))
        return batch

    return step


def _both(table: pa.Table, batch: int) -> Iterator[tuple[Columns, Columns]]:
    rng, now = np.random.default_rng(0), datetime.now(UTC)
    parts = [table[start : start + batch] for start in range(0, len(table) - batch + 1, batch)]
    made = [(_observed(part, now), _forecast(part, now, rng)) for part in parts]
    return iter(made)


def _observed(table: pa.Table, now: datetime) -> Columns:
    order = np.lexsort((table["t_rec"].to_numpy(), table["harpnum"].to_numpy()))
    column = {name: table[name].to_numpy()[order] for name in table.column_names
              if name not in ("series", "noaa_ars")}  # fmt: skip
    missing = np.full(len(table), np.nan)
    return {
        "region_id": column["harpnum"], "t_rec": column["t_rec"], "series": SIMULATED_SERIES,
        "made_at": None, **{name: column[name] for name in ("quality", "lon_fwt", "lat_fwt")},
        **{
            stored: column.get(keyword.name, missing)
            for stored, keyword in zip(KEYWORD_COLUMNS, KEYWORDS, strict=True)
        },
        "content_hash": np.arange(len(table)), "revision": 1, "sender_id": "bench",
        "received_at": now,
    }  # fmt: skip


def _forecast(table: pa.Table, now: datetime, rng: np.random.Generator) -> Columns:
    order = np.lexsort((table["t_rec"].to_numpy(), table["harpnum"].to_numpy()))
    known = {
        "region_id": table["harpnum"].to_numpy()[order],
        "t_rec": table["t_rec"].to_numpy()[order],
        "model_id": "bare@1.0.0", "rung": "full", "reason": None, "imputed_share": 0.0,
        "revision": 1, "issued_at": now,
    }  # fmt: skip
    names = [event.column for event in EVENTS]
    drawn = {name: rng.random(len(table)) for n in names for name in (n, f"{n}_raw")}
    return {name: (known | drawn)[name] for name in COLUMNS}
