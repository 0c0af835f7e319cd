from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from random_stores import Scenario, stock

from database.engine import reading
from database.migrations import upgrade
from database.rollup_days import note_limit, stale_marks
from database.schema.rollup_tables import verification_dekads, verification_stale
from database.verification.day_table import DAY
from database.verification.rollup import refresh
from database.verification.skill import skill
from database.verification.ten_day_blocks import lock_rollup
from solar.histogram import BIN

SCENARIO = Scenario(3, 1, 60, 60, 0.0, 0.0, "X1.0", "region", 0.0002, None, 0)
EXACT = ("brier", "bss", "tss", "recall", "precision")


def counted_again(engine: sa.Engine) -> list[sa.Row[tuple[object, ...]]]:
    refresh(engine)
    with reading(engine) as connection:
        return list(connection.execute(sa.select(verification_dekads)).all())


def scores(engine: sa.Engine) -> dict[str, float]:
    with reading(engine) as connection:
        body = skill(
            connection, model_id="m0@1", event="X1.0", window=None, scope="region",
            threshold=0.0002, resamples=0,
        )  # fmt: skip
    return {name: score["value"] for name, score in body["scores"].items()}


def store_as_before(engine: sa.Engine) -> None:
    """Put the cases below 0.0002 into bin 0, as the version before did."""
    table = verification_dekads
    key = [column for column in table.c if column.primary_key]
    with engine.begin() as connection:
        lock_rollup(connection)
        for row in connection.execute(sa.select(table)).all():
            days, bins = merged(row.days, row.bins)
            own = sa.and_(*(column == getattr(row, column.name) for column in key))
            connection.execute(table.update().where(own).values(days=days, bins=bins))
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0007'")


def merged(days_: bytes, bins_: bytes) -> tuple[bytes, bytes]:
    days = np.frombuffer(days_, DAY).copy()
    parts = np.split(np.frombuffer(bins_, BIN), np.cumsum(days["bins"])[:-1])
    merged_parts = [without_low_bins(part) for part in parts]
    days["bins"] = [len(part) for part in merged_parts]
    return days.tobytes(), b"".join(part.tobytes() for part in merged_parts)


def without_low_bins(bins: NDArray[np.void]) -> NDArray[np.void]:
    numbers, place = np.unique(np.maximum(bins["bin"], 0), return_inverse=True)
    merged_bins = np.zeros(len(numbers), BIN)
    merged_bins["bin"] = numbers
    for name in ("n", "events", "sum_p"):
        merged_bins[name] = np.bincount(place, bins[name], len(numbers))
    return merged_bins


def test_days_of_the_coarser_bins_keep_their_scores_until_they_are_counted_again(
    engine: sa.Engine,
) -> None:
    stock(engine, SCENARIO)
    fresh_rows = counted_again(engine)
    fresh = scores(engine)

    store_as_before(engine)
    upgrade(engine)
    before = scores(engine)

    assert [before[name] for name in EXACT] == [fresh[name] for name in EXACT]
    assert before["auc"] != fresh["auc"]
    assert counted_again(engine) == fresh_rows
    assert scores(engine) == fresh


def test_days_whose_forecasts_were_pruned_keep_the_coarser_bins(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite, SCENARIO)
    counted_again(engine_sqlite)
    store_as_before(engine_sqlite)
    coarse = scores(engine_sqlite)
    with engine_sqlite.begin() as connection:
        note_limit(connection, "predictions", datetime(2030, 1, 1, tzinfo=UTC))

    upgrade(engine_sqlite)
    counted_again(engine_sqlite)

    assert scores(engine_sqlite) == coarse
    with reading(engine_sqlite) as connection:
        assert stale_marks(connection, verification_stale, 1) == {}
