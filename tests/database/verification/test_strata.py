from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from synthetic_store import MODEL, fill

from database.engine import reading
from database.verification.rollup import refresh
from database.verification.strata import strata
from solar.errors import InvalidInputError


@pytest.mark.parametrize(
    "change", [{"model_id": "persistence"}, {"scope": "planet"}, {"threshold": 2.0}]
)
def test_strata_that_cannot_be_had_are_refused(
    engine_sqlite: sa.Engine, change: dict[str, object]
) -> None:
    fill(engine_sqlite)
    asked = {"model_id": MODEL, "event": "C1.0", "window": None, "scope": "region"} | change

    with reading(engine_sqlite) as connection, pytest.raises(InvalidInputError):
        strata(connection, **asked)


def test_latency_is_the_time_from_the_record_to_its_forecast(engine_sqlite: sa.Engine) -> None:
    fill(engine_sqlite)
    refresh(engine_sqlite)

    with reading(engine_sqlite) as connection:
        body = strata(connection, model_id=MODEL, event="C1.0", window=None, scope="region")

    # Issued in January 2026 for February and March 2014: twelve years less a month or so.
    years = body["latency"]["p50_s"] / (365.25 * 86_400)
    assert body["latency"]["n"] > 1000
    assert years == pytest.approx(11.85, rel=0.03)


def test_the_months_of_a_short_range_have_intervals(engine_sqlite: sa.Engine) -> None:
    fill(engine_sqlite)
    refresh(engine_sqlite)

    with reading(engine_sqlite) as connection:
        body = strata(connection, model_id=MODEL, event="C1.0", window=None, scope="region")

    assert [month["label"] for month in body["month"]] == ["2014-02", "2014-03", "2014-04"]
    assert body["month"][0]["scores"]["auc"]["low"] is not None


def test_the_months_of_a_long_range_are_scored_as_each_by_itself(
    engine_sqlite: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(engine_sqlite)
    refresh(engine_sqlite)

    def months() -> list[dict[str, Any]]:
        with reading(engine_sqlite) as connection:
            asked = {"model_id": MODEL, "event": "C1.0", "window": None, "scope": "region"}
            months: list[dict[str, Any]] = strata(connection, **asked)["month"]
        return months

    single = months()
    monkeypatch.setattr("database.verification.strata._MOST_MONTHS_WITH_INTERVALS", 0)
    together = months()

    for one, other in zip(single, together, strict=True):
        scores, same = one.pop("scores"), other.pop("scores")
        assert one == other
        for name, score in scores.items():
            assert same[name]["value"] == (
                score["value"] and pytest.approx(score["value"], rel=1e-6)
            )
