"""The records of spring 2014, hour by hour, in a store with the whole list of flares."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from pyarrow import ipc, parquet

from database.engine import transact, writing
from database.flares.flare_files import import_flares
from database.schema.tables import metadata, store_clock
from database.verification.rollup import refresh
from solar.sharp import BY_NAME
from solar.time import parse_time, tai_to_utc


def import_spring(
    client: FlaskClient, engine: sa.Engine, shared_data: Path, *, now: datetime
) -> None:
    """Import flares and records, and verify the forecasts."""
    flares = shared_data / "flares" / "goes_flares.parquet"
    transact(engine, lambda c: import_flares(c, flares, now=now))
    hourly = parquet.read_table(shared_data / "sharp" / "hourly_2014.parquet")
    t_rec = tai_to_utc(hourly.column("t_rec").to_numpy())
    given = {name: hourly.column(name) for name in hourly.column_names if name in BY_NAME}
    rows = pa.table(
        {
            "harpnum": hourly.column("harpnum"),
            "noaa_ars": hourly.column("noaa_ar"),
            "t_rec": pa.array(t_rec, pa.timestamp("us", "UTC")),
            **given,
        }
    )
    for start in range(0, len(rows), 5_000):
        body = io.BytesIO()
        part = rows.slice(start, 5_000)
        with ipc.new_stream(body, part.schema) as stream:
            stream.write_table(part)
        answer = client.post(
            "/api/v1/observations?sender=spring",
            data=body.getvalue(),
            content_type="application/vnd.apache.arrow.stream",
        )
        assert answer.get_json()["accepted"] == len(part)
    refresh(engine)


def jump(engine: sa.Engine, app: Flask, at: datetime, *, wall: datetime) -> None:
    """Make the store one of a replay that is paused at a time."""
    with writing(engine) as connection:
        connection.execute(store_clock.delete())
        connection.execute(
            store_clock.insert().values(
                turn=1, mode="replay", event_at=at, wall_at=wall, speed=0.0, version=1,
                starts_at=parse_time("2014-02-15T00:00:00Z"),
                ends_at=parse_time("2014-04-14T23:00:00Z"),
            )
        )  # fmt: skip
    app.extensions["flarewatch"].sun_clock.forget()


def raw_table(engine: sa.Engine, name: str) -> pd.DataFrame:
    """Read a whole table, whatever time it is for the Sun; its times without a zone are UTC."""
    with engine.connect() as connection:
        rows = connection.execute(sa.select(metadata.tables[name])).mappings().all()
    frame = pd.DataFrame([dict(row) for row in rows])
    of_time = [column for column in frame if column.endswith("_at") or column == "t_rec"]
    return frame.assign(
        **{c: pd.to_datetime(frame[c], utc=True).dt.tz_localize(None) for c in of_time}
    )
