from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from app_dash.region.data import issued
from database.models import ModelRow, StageRow
from database.regions.timeline import ForecastLine

START = datetime(2014, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _line(model_id: str, hours: range, value: float) -> ForecastLine:
    times = np.datetime64("2014-03-01T00:00", "us") + np.array(hours) * np.timedelta64(1, "h")
    n = len(times)
    return ForecastLine(
        times, np.full((n, 4), value), np.zeros(n), times, np.full(n, "full", object),
        np.full(n, None, object), np.full(n, model_id, object),
    )  # fmt: skip


def _model(model_id: str, threshold: float | None) -> ModelRow:
    thresholds = {"C1.0": 0.5, "M1.0": threshold, "M5.0": None, "X1.0": None}
    return ModelRow(model_id, *model_id.split("@"), "live", {}, thresholds, START)


MODELS = [_model("a@1", 0.1), _model("b@1", 0.2)]


def test_each_forecast_counts_while_its_model_was_live_with_its_own_threshold() -> None:
    lines = {"a@1": _line("a@1", range(6), 0.3), "b@1": _line("b@1", range(6), 0.7)}
    history = [StageRow("a@1", START, "live"), StageRow("b@1", START + 4 * HOUR, "live")]

    found = issued(lines, history, MODELS)

    assert found.line.model_ids.tolist() == ["a@1"] * 4 + ["b@1"] * 2
    assert found.line.probability[:, 1].tolist() == [0.3] * 4 + [0.7] * 2
    assert found.thresholds[:, 1].tolist() == [0.1] * 4 + [0.2] * 2
    assert np.isnan(found.thresholds[:, 2]).all()


def test_before_the_first_model_was_registered_it_counts_as_live() -> None:
    found = issued(
        {"a@1": _line("a@1", range(3), 0.3)}, [StageRow("a@1", START + 9 * HOUR, "live")], MODELS
    )

    assert len(found.line) == 3


def test_the_forecasts_of_a_model_that_is_live_again_count_again() -> None:
    lines = {"a@1": _line("a@1", range(6), 0.3), "b@1": _line("b@1", range(6), 0.7)}
    changes = (("a@1", 0), ("b@1", 2), ("a@1", 4))
    history = [StageRow(name, START + hours * HOUR, "live") for name, hours in changes]

    found = issued(lines, history, MODELS)

    assert [name[0] for name in found.line.model_ids] == ["a", "a", "b", "b", "a", "a"]


def test_without_any_live_model_nothing_was_issued() -> None:
    found = issued({}, [], [])

    assert len(found.line) == 0
    assert found.thresholds.shape == (0, 4)
