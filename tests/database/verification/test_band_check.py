from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa
from synthetic_store import MODEL, Synthetic

from database.engine import reading, transact
from database.models import find_model, register
from database.verification.band_check import check_band
from database.verification.day_table import EMPTY, DayTable, count_cases, make_cases
from database.verification.skill import skill
from solar.bands import Band

# The probability halved and doubled, up to 0.4.
BAND = Band((0.0, 0.4), (0.0, 0.2), (0.0, 0.8), kind="model", n=60)


def table(*bins: tuple[float, int, int, int], first: str = "2014-01-01") -> DayTable:
    """Make a case a day: probability, days, cases of a day, and events among all of them."""
    day, p, truth = [], [], []
    for probability, n_days, a_day, n_events in bins:
        n = n_days * a_day
        day += np.repeat(
            np.datetime64(first, "us") + np.arange(n_days) * np.timedelta64(1, "D"), a_day
        ).tolist()
        p += [probability] * n
        truth += [1] * n_events + [0] * (n - n_events)
    at = np.array(day, "datetime64[us]")
    order = np.argsort(at, kind="stable")
    return count_cases(make_cases(at[order], np.array(p)[order], np.array(truth, np.int8)[order]))


def test_a_bin_is_inside_where_the_observed_frequency_lies_between_the_mean_bounds() -> None:
    """At 0.15 the band is 0.075 to 0.3; 20 of 100 is inside. At 0.25, 0.125 to 0.5; 60 is not."""
    found = check_band(table((0.15, 50, 2, 20), (0.25, 100, 1, 60)), BAND)

    assert found is not None
    inside, outside = (one for one in found["bins"] if one["n"])
    assert (inside["low"], inside["high"], inside["inside"]) == (0.1, 0.2, True)
    assert [inside[name] for name in ("mean_forecast", "observed", "lower", "upper")] == (
        pytest.approx([0.15, 0.2, 0.075, 0.3])
    )
    assert (outside["low"], outside["inside"]) == (0.2, False)
    assert (found["inside"], found["judged"]) == (1, 2)
    assert (found["kind"], found["refits"]) == ("model", 60)
    assert found["mean_width"] == pytest.approx((0.225 + 0.375) / 2)


@pytest.mark.parametrize(("n_days", "a_day"), [(29, 1), (26, 2)])
def test_too_few_cases_or_days_are_shown_and_not_judged(n_days: int, a_day: int) -> None:
    found = check_band(table((0.15, n_days, a_day, 0)), BAND)

    assert found is not None
    (only,) = (one for one in found["bins"] if one["n"])
    assert (only["n"], only["days"], only["inside"]) == (n_days * a_day, n_days, None)
    assert (found["inside"], found["judged"]) == (0, 0)


def test_each_year_is_judged_by_its_own_days() -> None:
    """Of 2014 all 60 days had an event, of 2015 one in ten: only this lies in 0.075 to 0.3."""
    first, second = table((0.15, 60, 1, 60)), table((0.15, 60, 1, 6), first="2015-01-01")
    both = DayTable(
        np.concatenate([first.days, second.days]), np.concatenate([first.bins, second.bins])
    )

    found = check_band(both, BAND)

    assert found is not None
    assert found["years"] == [
        {"year": 2014, "inside": 0, "judged": 1},
        {"year": 2015, "inside": 1, "judged": 1},
    ]


def test_without_cases_nothing_is_judged_and_without_a_band_there_is_no_check() -> None:
    found = check_band(EMPTY, BAND)

    assert found is not None
    assert (found["judged"], found["mean_width"], found["years"]) == (0, None, [])
    assert check_band(EMPTY, None) is None


def test_the_report_has_the_band_of_a_model_that_brings_one_and_null_else(
    engine: sa.Engine, filled: Synthetic
) -> None:
    with reading(engine) as connection:
        before = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="region")
        model = find_model(connection, MODEL)
    knots = {"p": [0, 1], "lower": [0, 1], "upper": [0, 1], "kind": "calibration", "n": 60}
    events = [
        one | {"band": knots} if one["name"] == "C1.0" else one for one in model.manifest["events"]
    ]
    transact(
        engine,
        lambda connection: register(
            connection,
            model.manifest | {"events": events},
            sha256="1" * 64,
            stage=model.stage,
            now=model.registered_at,
        ),
    )

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="region")
        of_disk = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="disk")
        other = skill(connection, model_id=MODEL, event="M1.0", window=None, scope="region")
        entrant = skill(
            connection, model_id="persistence", event="C1.0", window=None, scope="region"
        )

    assert before["band"] is of_disk["band"] is other["band"] is entrant["band"] is None
    band = body.pop("band")
    assert band["kind"] == "calibration"
    assert sum(one["n"] for one in band["bins"]) == body["n"]
    assert sum(one["n"] * one["observed"] for one in band["bins"] if one["n"]) == pytest.approx(
        body["n_events"]
    )
    assert body == {name: value for name, value in before.items() if name != "band"}
