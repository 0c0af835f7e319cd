from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from forecast_lines import HOUR, START, line
from stocked_store import MODEL, NOW, stock

from database.engine import reading, writing
from database.predictions.predictions import COLUMNS
from database.regions.timeline import forecast_lines, join_lines
from database.schema.tables import predictions, superseded_predictions
from database.upsert import upsert
from solar.time import Window

DAY = Window(NOW - timedelta(hours=23), NOW + timedelta(hours=1))
FEW = Window(START, START + 10 * HOUR)


def _lines(engine: sa.Engine, **asked: Any) -> dict[str, Any]:
    with reading(engine) as connection:
        return forecast_lines(
            connection, 1, **{"model_ids": ["a@1"], "window": FEW, "as_issued": True, **asked}
        )


def _stored(engine: sa.Engine, current: list[Any], earlier: list[tuple[Any, datetime]]) -> None:
    with writing(engine) as connection:
        upsert(connection, predictions, columns=COLUMNS, rows=current)
        upsert(
            connection, superseded_predictions, columns=(*COLUMNS, "superseded_at"),
            rows=[(*row, at) for row, at in earlier],
        )  # fmt: skip


def test_forecasts_of_the_window_come_in_the_order_of_time(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        lines = forecast_lines(connection, 3894, model_ids=[MODEL], window=DAY, as_issued=True)

    assert len(lines[MODEL]) == 24
    assert np.all(np.diff(lines[MODEL].t_rec) == np.timedelta64(1, "h"))
    np.testing.assert_allclose(lines[MODEL].probability[0], [0.7, 0.35, 0.175, 0.035])
    assert set(lines[MODEL].rungs) == {"full"}


def test_a_withheld_forecast_is_not_a_number_and_says_why(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        lines = forecast_lines(connection, 3856, model_ids=[MODEL], window=DAY, as_issued=False)

    assert np.isnan(lines[MODEL].probability).all()
    assert lines[MODEL].reasons[-1] == "beyond 70° of longitude"


def test_a_window_without_forecasts_is_empty_and_keeps_its_shape(engine: sa.Engine) -> None:
    assert _lines(engine)["a@1"].probability.shape == (0, 4)


def test_models_come_apart(engine: sa.Engine) -> None:
    _stored(engine, [line(1, 0), line(1, 1), line(1, 0, "b@1", c1=0.1)], [])

    lines = _lines(engine, model_ids=["a@1", "b@1"])

    assert [len(lines[name]) for name in ("a@1", "b@1")] == [2, 1]
    assert lines["b@1"].probability[0, 0] == 0.1


def test_what_stood_at_a_time_is_the_newest_revision_issued_by_then(engine: sa.Engine) -> None:
    live = [
        line(1, 1, c1=0.1, revision=0, issued_at=START + HOUR),
        line(1, 1, c1=0.2, revision=1, issued_at=START + 2 * HOUR),
    ]
    current = line(1, 1, c1=0.3, revision=2, issued_at=START + 5 * HOUR)
    _stored(engine, [current], [(row, START + 5 * HOUR) for row in live])

    def stood(hours: float | None) -> float:
        until = None if hours is None else START + hours * HOUR
        return float(_lines(engine, known_until=until)["a@1"].probability[0, 0])

    assert [stood(hours) for hours in (1, 3, 6, None)] == [0.1, 0.2, 0.3, 0.3]


def test_of_a_replay_the_first_revision_counts_as_issued(engine: sa.Engine) -> None:
    years_later = START + timedelta(days=4_000)
    first = line(1, 1, c1=0.1, revision=0, issued_at=years_later)
    current = line(1, 1, c1=0.3, revision=1, issued_at=years_later + HOUR)
    _stored(engine, [current], [(first, years_later + HOUR)])

    issued = _lines(engine, known_until=START + 3 * HOUR)["a@1"]
    latest = _lines(engine, as_issued=False)["a@1"]

    assert (issued.probability[0, 0], latest.probability[0, 0]) == (0.1, 0.3)


def test_lines_are_joined_and_cut(engine: sa.Engine) -> None:
    _stored(engine, [line(1, hour) for hour in range(4)], [])
    lines = _lines(engine)["a@1"]

    both = join_lines([lines, lines.take(np.array([True, False, False, True]))])

    assert len(both) == 6
    assert both.model_ids.tolist() == ["a@1"] * 6
