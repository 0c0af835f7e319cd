"""Forecasts: the newest stands in the table, what it replaced answers for its time."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from forecast_lines import HOUR, START, line
from stored_rows import store_predictions

from database.engine import reading, writing
from database.predictions.predictions import list_predictions, supersede
from solar.time import Window

ALWAYS = Window(START, START + 1000 * HOUR)


def test_what_was_known_then_comes_back(engine: sa.Engine) -> None:
    later = START + 5 * HOUR
    with writing(engine) as connection:
        store_predictions(connection, [line(1, 0), line(1, 1), line(2, 0)])
        supersede(connection, {(1, START): later})
        store_predictions(connection, [line(1, 0, c1=0.9, revision=2, issued_at=later)])

    def known(as_of: datetime | None) -> list[tuple[int, float]]:
        with reading(engine) as connection:
            rows = list_predictions(
                connection, window=Window(START, START + HOUR), models=["a@1"], as_of=as_of,
                limit=9,
            )  # fmt: skip
        return [(row["region_id"], row["c1"]) for row in rows]

    assert known(None) == known(later) == [(1, 0.9), (2, 0.5)]
    assert known(later - timedelta(microseconds=1)) == [(1, 0.5), (2, 0.5)]
    assert known(START - HOUR) == []


def test_models_are_merged_in_one_order(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        store_predictions(
            connection, [line(r, h, m) for r in (1, 2) for h in (0, 1) for m in ("b@1", "a@1")]
        )

    with reading(engine) as connection:
        places: list[tuple[datetime, int, str]] = []
        for _ in range(3):
            after = places[-1] if places else None
            rows = list_predictions(
                connection, window=ALWAYS, models=["b@1", "a@1"], limit=3, after=after
            )
            places += [(row["t_rec"], row["region_id"], row["model_id"]) for row in rows]
        one = list_predictions(connection, window=ALWAYS, models=["a@1"], region_id=2, limit=9)

    assert places == sorted(places)
    assert len(set(places)) == 8
    assert [(row["region_id"], row["model_id"]) for row in one] == [(2, "a@1")] * 2
