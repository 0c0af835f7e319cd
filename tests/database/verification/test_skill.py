from __future__ import annotations

import pandas as pd
import pytest
import sqlalchemy as sa
from scored_by_pandas import assert_contest, disk_cases, flared, region_cases, with_climatology
from synthetic_store import COVERED, DAY, FIRST, MODEL, Synthetic, fill

from database.engine import reading, transact
from database.flares.coverage import cover
from database.verification.skill import skill
from solar.errors import InvalidInputError, NotFoundError
from solar.flares import EVENTS
from solar.time import Window


@pytest.mark.parametrize("event", ["C1.0", "M1.0"])
def test_region_skill_equals_what_pandas_finds_in_the_stored_predictions(
    engine: sa.Engine, filled: Synthetic, event: str
) -> None:
    cases = region_cases(filled, event)
    with_probability = cases.dropna(subset=["p"])
    # Region-days with an event among those of the daily SHARP set before 2013.
    prior = {"C1.0": 474 / 3021, "M1.0": 69 / 3021}[event]

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event=event, window=None, scope="region")

    scored = with_climatology(with_probability.dropna(subset=["o"]), with_probability, prior=prior)
    assert_contest(body, scored, event)
    assert body["n_unknown"] == int(with_probability.o.isna().sum()) > 0
    assert body["n_withheld"] == int(cases.p.isna().sum()) > 0
    assert body["coverage"] == pytest.approx(len(scored) / len(cases))


@pytest.mark.parametrize("event", ["C1.0", "M1.0"])
def test_disk_skill_equals_what_pandas_finds_in_the_stored_predictions(
    engine: sa.Engine, filled: Synthetic, event: str
) -> None:
    definition = next(e for e in EVENTS if e.name == event)
    strong = filled.flares[filled.flares.flux >= definition.peak_flux_w_m2]
    days = [COVERED.start_at + i * DAY for i in range((COVERED.end_at - COVERED.start_at).days)]
    past = pd.DataFrame({"day": [d.date() for d in days], "o": [flared(strong, d) for d in days]})
    # Days with such a flare among the 976 from 2010-05 to 2012-12.
    prior = {"C1.0": 594 / 976, "M1.0": 152 / 976}[event]
    cases = disk_cases(filled, event)

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event=event, window=None, scope="disk")

    scored = with_climatology(cases.dropna(subset=["o"]), past, prior=prior)
    assert_contest(body, scored, event)
    assert body["n_unknown"] == int(cases.o.isna().sum()) > 0


def test_one_region_is_scored_from_its_own_predictions(
    engine: sa.Engine, filled: Synthetic
) -> None:
    cases = region_cases(filled, "C1.0").dropna(subset=["p"])
    every = with_climatology(cases.dropna(subset=["o"]), cases, prior=474 / 3021)

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="region",
                     region_id=102)  # fmt: skip

    assert body["region"] == 102
    assert_contest(body, every[every.region == 102], "C1.0")


def test_an_entrant_can_be_asked_for_as_the_model(engine: sa.Engine, filled: Synthetic) -> None:
    with reading(engine) as connection:
        beside = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="region")
        alone = skill(connection, model_id="climatology-120d", event="C1.0", window=None,
                      scope="region")  # fmt: skip

    entrant = beside["entrants"][0]
    assert alone["scores"] == entrant["scores"]
    assert alone["contingency"] == entrant["contingency"]


def test_a_range_scores_whole_days_of_issue(engine: sa.Engine, filled: Synthetic) -> None:
    window = Window(FIRST + 10 * DAY, FIRST + 12 * DAY)
    cases = region_cases(filled, "C1.0").dropna()

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event="C1.0", window=window, scope="region")

    assert (body["from"], body["to"]) == ("2014-02-11", "2014-02-13")
    assert [day["day"] for day in body["days"]] == ["2014-02-11", "2014-02-12"]
    expected = cases[(cases.t >= window.start_at) & (cases.t < window.end_at)]
    assert body["n"] == len(expected)


def test_a_range_without_events_says_so(engine: sa.Engine, filled: Synthetic) -> None:
    before = Window(FIRST - 30 * DAY, FIRST - 20 * DAY)

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event="X1.0", window=before, scope="region")

    assert body["message"] == "no events: undefined"
    assert body["contingency"] is None
    assert body["n"] == 0
    assert {score["value"] for score in body["scores"].values()} == {None}


def test_a_requested_threshold_is_reported_as_such(engine: sa.Engine, filled: Synthetic) -> None:
    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="region",
                     threshold=0.25)  # fmt: skip

    assert body["threshold"] == {"value": 0.25, "source": "requested"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"scope": "planet"}, InvalidInputError),
        ({"threshold": 1.5}, InvalidInputError),
        ({"threshold": float("nan")}, InvalidInputError),
        ({"scope": "disk", "region_id": 3}, InvalidInputError),
        ({"event": "Z9"}, NotFoundError),
        ({"model_id": "nobody@1"}, NotFoundError),
    ],
)
def test_an_impossible_question_is_refused(
    engine_sqlite: sa.Engine, change: dict[str, object], error: type[Exception]
) -> None:
    fill(engine_sqlite)
    question = {"model_id": MODEL, "event": "C1.0", "window": None, "scope": "region"} | change

    with reading(engine_sqlite) as connection, pytest.raises(error):
        skill(connection, **question)


def test_a_report_asked_for_again_follows_the_flare_list_without_a_refresh(
    engine: sa.Engine, filled: Synthetic
) -> None:
    asked = {"model_id": MODEL, "event": "C1.0", "window": None, "scope": "disk"}
    earlier = Window(COVERED.start_at - 90 * DAY, COVERED.start_at)
    with reading(engine) as connection:
        before, again = (skill(connection, **asked) for _ in range(2))

    # Quiet months before the first forecast: no stored day changes, but climatology-365d does.
    transact(engine, lambda connection: cover(connection, earlier, source="earlier"))

    with reading(engine) as connection:
        after = skill(connection, **asked)
    assert again == before
    assert after["scores"] == before["scores"]
    assert after["entrants"][1]["model"] == "climatology-365d"
    assert after["entrants"][1]["scores"] != before["entrants"][1]["scores"]
    assert after["bss_against"]["climatology-365d"] != before["bss_against"]["climatology-365d"]


def test_the_scores_of_one_threshold_are_not_those_of_another(
    engine: sa.Engine, filled: Synthetic
) -> None:
    asked = {"model_id": MODEL, "event": "C1.0", "window": None, "scope": "region"}

    with reading(engine) as connection:
        low, high = (skill(connection, **asked, threshold=value) for value in (0.1, 0.7))

    assert (low["threshold"]["value"], high["threshold"]["value"]) == (0.1, 0.7)
    assert low["scores"]["recall"]["value"] > high["scores"]["recall"]["value"]
