from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.create_app import create_app
from app.services import prepare
from app.settings import ApiSettings
from database.backup.restoration import restore
from database.backup.snapshot import backup
from database.engine import create_engine
from database.migrations import upgrade
from database.schema.tables import ingest_flow, observations, predictions, regions, senders
from database.settings import DatabaseSettings
from solar.sharp import KEYWORDS

WRITERS = 3
ROWS_A_REQUEST = 20
FIRST = datetime(2014, 3, 1, tzinfo=UTC)


def body(writer: int, sequence: int) -> dict[str, Any]:
    at = FIRST + sequence * ROWS_A_REQUEST * timedelta(minutes=12)
    rows = [
        {"harpnum": 5000 + writer, "noaa_ars": [], "series": "hmi.sharp_cea_720s",
         "t_rec": (at + place * timedelta(minutes=12)).isoformat(), "quality": 0,
         "lon_fwt": 1.0, "lat_fwt": 2.0, "keywords": {k.name: 1.0 for k in KEYWORDS}}
        for place in range(ROWS_A_REQUEST)
    ]  # fmt: skip
    sender = {"id": f"writer-{writer}", "sequence": sequence}
    return {"observations": rows, "sender": sender}


@contextmanager
def writing(app: Flask) -> Iterator[threading.Barrier]:
    """Send until the block ends; all have sent something when the barrier opens."""
    is_over, has_begun = threading.Event(), threading.Barrier(WRITERS + 1)

    def write(writer: int) -> None:
        client = app.test_client()
        for sequence in range(1_000):
            answer = client.post("/api/v1/observations", json=body(writer, sequence))
            assert answer.status_code == 200, answer.get_json()
            if sequence == 0:
                has_begun.wait(30)
            if is_over.is_set():
                return

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield has_begun
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def total(engine: sa.Engine, column: sa.Column[int], *where: sa.ColumnElement[bool]) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.sum(column)).where(*where)).scalar_one())


@pytest.fixture
def target(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = create_engine(DatabaseSettings(database_url=f"sqlite:///{tmp_path}/target.db"))
    upgrade(engine)
    yield engine
    engine.dispose()


def test_a_backup_under_load_is_of_one_moment(
    engine: sa.Engine, target: sa.Engine, tmp_path: Path
) -> None:
    settings = ApiSettings(database_url=engine.url.render_as_string(hide_password=False))
    prepare(settings)
    app = create_app(settings)

    with writing(app) as has_begun:
        has_begun.wait(30)
        backup(engine, tmp_path / "b.zip", rows_per_page=50)
    restore(target, tmp_path / "b.zip")

    stored = count(target, observations)
    assert 0 < stored < count(engine, observations)
    assert stored % ROWS_A_REQUEST == 0
    assert total(target, senders.c.accepted) == stored
    a_day = ingest_flow.c.span_seconds == 86_400
    assert total(target, ingest_flow.c.accepted, a_day) == stored
    assert total(target, ingest_flow.c.predictions, a_day) == count(target, predictions)
    with target.connect() as connection:
        of_same = (predictions.c.region_id == observations.c.region_id) & (
            predictions.c.t_rec == observations.c.t_rec
        )
        without_record = sa.select(sa.func.count()).select_from(
            predictions.outerjoin(observations, of_same)
        ).where(observations.c.t_rec.is_(None))  # fmt: skip
        without_forecast = sa.select(sa.func.count()).select_from(
            observations.outerjoin(predictions, of_same)
        ).where(predictions.c.t_rec.is_(None))  # fmt: skip
        without_region = sa.select(sa.func.count()).where(
            observations.c.region_id.not_in(sa.select(regions.c.region_id))
        )
        orphans = [connection.scalar(q) for q in (without_record, without_forecast, without_region)]
        assert orphans == [0, 0, 0]
    app.extensions["flarewatch"].engine.dispose()
