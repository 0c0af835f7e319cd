"""Forecasts stay columns until they are asked for as rows."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import sqlalchemy as sa

from app.scoring.forecasts import IssuedForecasts, forecasts_of, join_forecasts
from database.engine import reading, writing
from database.predictions.predictions import COLUMNS, store_predictions
from database.schema.tables import predictions
from model_training.artefact.artifact import Scores
from solar.time import to_datetime64

NOW = datetime(2014, 3, 2, tzinfo=UTC)


def two(model_id: str, *, region_id: int) -> IssuedForecasts:
    """A forecast of all events before midnight, and none after it."""
    calibrated = np.array([[0.5, 0.25, 0.125, 0.0], [np.nan] * 4])
    return forecasts_of(
        model_id, np.array([region_id, region_id]),
        np.array(["2014-03-01T23:48", "2014-03-02T00:00"], "datetime64[us]"),
        scores=Scores(
            calibrated / 2, calibrated, np.empty((2, 0)), np.zeros(2, np.int64),
            np.array([0.0, 0.5]), np.array(["full", "none"]),
            [None, "too little is known"],
        ),
        revision=np.array([1, 2]), issued_at=np.full(2, to_datetime64(NOW)),
    )  # fmt: skip


def test_rows_are_in_the_order_of_the_store_with_none_for_what_is_missing() -> None:
    first, second = two("a@1", region_id=7)

    assert dict(zip(COLUMNS, first, strict=True)) == {
        "region_id": 7, "t_rec": datetime(2014, 3, 1, 23, 48, tzinfo=UTC), "model_id": "a@1",
        "c1": 0.5, "m1": 0.25, "m5": 0.125, "x1": 0.0,
        "c1_raw": 0.25, "m1_raw": 0.125, "m5_raw": 0.0625, "x1_raw": 0.0,
        "rung": "full", "reason": None, "imputed_share": 0.0, "revision": 1, "issued_at": NOW,
    }  # fmt: skip
    assert second[3:14] == (*[None] * 8, "none", "too little is known", 0.5)


def test_the_forecasts_of_several_models_are_told_apart_again() -> None:
    both = join_forecasts([two("a@1", region_id=7), two("b@1", region_id=8)])

    assert len(both) == 4
    assert both.of("b@1").region_id.tolist() == [8, 8]
    assert list(both.of("a@1")) == list(two("a@1", region_id=7))
    assert len(both.of("c@1")) == 0
    assert both.days() == [date(2014, 3, 1), date(2014, 3, 2)]


def test_no_forecasts_have_no_rows_and_no_days() -> None:
    none = join_forecasts([])

    assert (len(none), list(none), none.days()) == (0, [], [])


def test_columns_and_rows_say_the_same_to_the_store(engine: sa.Engine) -> None:
    forecasts = join_forecasts([two("a@1", region_id=7), two("b@1", region_id=7)])

    with writing(engine) as connection:
        store_predictions(connection, forecasts.columns())

    query = sa.select(*(predictions.c[name] for name in COLUMNS))
    with reading(engine) as connection:
        found = [tuple(row) for row in connection.execute(query)]
    assert sorted(found, key=repr) == sorted(forecasts, key=repr)
