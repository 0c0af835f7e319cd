"""A forecast that is made again keeps the old one and the next revision, for its model alone."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from forecast_lines import HOUR, START, line
from stored_rows import store_predictions

from database.engine import reading, writing
from database.predictions.predictions import list_predictions, supersede_model
from solar.time import Window


def test_only_the_forecasts_of_the_model_are_kept_and_counted_on(engine: sa.Engine) -> None:
    later = START + 5 * HOUR
    with writing(engine) as connection:
        store_predictions(
            connection,
            [
                line(1, 0, "a@1", revision=3),
                line(1, 1, "a@1"),
                line(1, 0, "b@1"),
                line(2, 0, "a@1"),
            ],
        )
        following = supersede_model(
            connection, "a@1", dict.fromkeys([(1, START), (3, START)], later)
        )
        store_predictions(connection, [line(1, 0, "a@1", c1=0.9, revision=4, issued_at=later)])

    def known(model_id: str, as_of: datetime) -> list[tuple[int, float]]:
        with reading(engine) as connection:
            rows = list_predictions(
                connection, window=Window(START, START + HOUR), models=[model_id], region_id=1,
                as_of=as_of, limit=9,
            )  # fmt: skip
        return [(row["revision"], row["c1"]) for row in rows]

    assert following == {(1, START): 4}
    assert known("a@1", START) == [(3, 0.5)]
    assert known("a@1", later) == [(4, 0.9)]
    assert known("b@1", START) == known("b@1", later) == [(1, 0.5)]


def test_without_keys_nothing_is_superseded(engine_sqlite: sa.Engine) -> None:
    with writing(engine_sqlite) as connection:
        assert supersede_model(connection, "a@1", {}) == {}
