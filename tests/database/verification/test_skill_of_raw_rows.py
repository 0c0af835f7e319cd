"""What `skill` and `strata` say from the rollup is what the raw rows say, for any store."""

from __future__ import annotations

from typing import Any

import exact_scores
import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from random_stores import Scenario, range_of, scenarios, stock
from raw_verification import Case, raw_cases, shared_cases

from database.engine import reading
from database.schema.tables import predictions
from database.verification.rollup import refresh
from database.verification.skill import skill
from database.verification.strata import strata
from solar import probability
from solar.contingency import Contingency
from solar.curves import relative_value
from solar.flares import EVENTS
from solar.flares import event as find_event
from solar.histogram import EDGES, bin_of, snapped

anything = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
some = settings(anything, max_examples=8)


@anything
@given(scenarios)
def test_on_sqlite_every_number_is_that_of_the_raw_rows(
    sqlite_engine: sa.Engine, scenario: Scenario
) -> None:
    check(sqlite_engine, scenario)


@some
@given(scenarios)
def test_on_mariadb_every_number_is_that_of_the_raw_rows(
    mariadb_engine: sa.Engine, scenario: Scenario
) -> None:
    check(mariadb_engine, scenario)


def check(engine: sa.Engine, scenario: Scenario) -> None:
    stock(engine, scenario)
    refresh(engine)
    model = f"m{scenario.asked_model % scenario.n_models}@1"
    window, kept = range_of(scenario)
    asked = {"model_id": model, "event": scenario.event, "scope": scenario.scope,
             "window": window, "threshold": scenario.threshold}  # fmt: skip
    with reading(engine) as connection:
        cases = raw_cases(connection, find_event(scenario.event), scenario.scope)
        own = skill(connection, **asked, resamples=20)
        shared = skill(connection, **asked, cases="shared", resamples=20)
        apart = strata(connection, **asked, resamples=20)
        one = skill(connection, **asked | {"scope": "region"}, region_id=1, resamples=20)
        of_regions = raw_cases(connection, find_event(scenario.event), "region")
    in_range = {name: [c for c in rows if kept(c.day)] for name, rows in cases.items()}
    limit = snapped(scenario.threshold)
    check_own(own, in_range.get(model, []), limit)
    check_shared(shared, in_range, model, limit)
    check_strata(apart, in_range.get(model, []), scenario.scope, limit)
    of_one = [c for c in of_regions.get(model, []) if c.region == 1 and kept(c.day)]
    check_own(one, of_one, limit)


def check_own(body: dict[str, Any], cases: list[Case], limit: float) -> None:
    scored = [c for c in cases if c.p is not None and c.o is not None]
    assert body["n_unknown"] == sum(c.p is not None and c.o is None for c in cases)
    assert body["n_withheld"] == sum(c.p is None for c in cases)
    check_scores(body, [c.p for c in scored], scored, limit)
    entrants = {one["model"]: one for one in body["entrants"]}
    assert list(entrants) == ["climatology-120d", "climatology-365d", "persistence"]
    check_scores(entrants["persistence"], [c.persistence for c in scored], scored, limit)
    check_differences(body, entrants)
    by_day = {day["day"]: (day["n"], day["events"]) for day in body["days"] if day["n"]}
    assert by_day == {
        day.isoformat(): (
            sum(c.day == day for c in scored), sum(c.o is True for c in scored if c.day == day),
        )
        for day in {c.day for c in scored}
    }  # fmt: skip


def check_shared(
    body: dict[str, Any], cases: dict[str, list[Case]], model: str, limit: float
) -> None:
    shared = shared_cases(cases) if cases else set()
    kept = {
        name: {(c.region, c.t): c for c in rows if (c.region, c.t) in shared and c.p is not None}
        for name, rows in cases.items()
    }
    days = {name: {c.day for c in rows.values()} for name, rows in kept.items()}
    own = days.get(model, set())
    company = [n for n in kept if n != model and len(own & days[n]) >= max(1, len(own) / 2)]
    for name in company:
        own = own & days[name]
    names = [one["model"] for one in body["entrants"] if "@" in one["model"]]
    assert sorted(names) == sorted(company)
    bodies = {model: body, **{one["model"]: one for one in body["entrants"]}}
    keys = sorted(key for key, c in kept.get(model, {}).items() if c.day in own)
    for name in (model, *company):
        mine = [kept[name][key] for key in keys] if keys else []
        scored = [c for c in mine if c.o is not None]
        assert bodies[name]["n_unknown"] == len(mine) - len(scored)
        check_scores(bodies[name], [c.p for c in scored], scored, limit)
    scored = [kept[model][key] for key in keys if kept[model][key].o is not None]
    check_scores(bodies["persistence"], [c.persistence for c in scored], scored, limit)
    assert bodies["climatology-365d"]["n"] == len(scored)


def check_scores(
    body: dict[str, Any], probabilities: list[float | None], cases: list[Case], limit: float
) -> None:
    """Score case by case; ranks are known to a bin, in which forecasts count as equal."""
    p, o = np.array(probabilities, float), np.array([c.o for c in cases], float)
    assert (body["n"], body["n_events"]) == (len(cases), int(o.sum()))
    table = Contingency.from_forecasts(o, p >= limit)
    assert body["contingency"] == (vars(table) if len(cases) else None)
    binned = EDGES[bin_of(p)]
    expected = table.scores() | {
        "brier": probability.brier(p, o),
        "bss": probability.brier_skill(p, o, reference=o.mean()) if o.size else None,
        "auc": exact_scores.auc(binned, o),
        "average_precision": exact_scores.average_precision(binned, o),
    }
    scores = {name: score["value"] for name, score in body["scores"].items()}
    assert scores == pytest.approx(expected, abs=1e-9)
    for point in body["curve"]:
        at = Contingency.from_forecasts(o, p >= point["threshold"]).scores()
        assert point == pytest.approx({name: at.get(name, point["threshold"]) for name in point})
    for point in body["value"]:
        fitting = Contingency.from_forecasts(o, p >= point["cost_loss"])
        for name, chosen in (("at_threshold", table), ("at_cost_loss", fitting)):
            value = float(relative_value(tuple(vars(chosen).values()), point["cost_loss"]))
            wanted = None if np.isnan(value) else value
            assert point[name] == pytest.approx(wanted, abs=1e-9)


def check_differences(body: dict[str, Any], entrants: dict[str, Any]) -> None:
    for name, estimates in body["differences"].items():
        for score, estimate in estimates.items():
            mine, other = (b["scores"][score]["value"] for b in (body, entrants[name]))
            wanted = None if mine is None or other is None else mine - other
            assert estimate["value"] == pytest.approx(wanted, abs=1e-9)


def check_strata(body: dict[str, Any], cases: list[Case], scope: str, limit: float) -> None:
    given_cases = [c for c in cases if c.p is not None]
    quiet = [c for c in given_cases if c.quiet]
    check_stratum(body["first_flare"], quiet, limit)
    assert body["first_flare"]["n_history_unknown"] == sum(c.quiet is None for c in given_cases)
    clear = [c for c in given_cases if c.o is not None and c.p is not None and c.p < limit]
    missed = sum(c.o is True for c in clear)
    assert (body["all_clear"]["n"], body["all_clear"]["n_missed"]) == (len(clear), missed)
    right = (len(clear) - missed) / len(clear) if clear else None
    assert body["all_clear"]["right"]["value"] == pytest.approx(right)
    for stratum in body["longitude"] if scope == "region" else ():
        check_stratum(stratum, [c for c in given_cases if in_band(c, stratum)], limit)
    for stratum in body["month"]:
        inside = [c for c in given_cases if stratum["low"] <= c.day.isoformat() < stratum["high"]]
        check_stratum(stratum, inside, limit)


def in_band(case: Case, stratum: dict[str, Any]) -> bool:
    low, high, longitude = stratum["low"], stratum["high"], case.longitude
    is_known = longitude is not None and abs(longitude) <= 90
    if low is None:
        return not is_known
    return is_known and (low <= longitude < high or longitude == high == 90)


def check_stratum(body: dict[str, Any], cases: list[Case], limit: float) -> None:
    scored = [c for c in cases if c.o is not None]
    p, o = np.array([c.p for c in scored], float), np.array([c.o for c in scored], float)
    assert (body["n"], body["n_events"]) == (len(scored), int(o.sum()))
    assert body["n_unknown"] == len(cases) - len(scored)
    table = Contingency.from_forecasts(o, p >= limit)
    expected = {
        "tss": table.tss,
        "recall": table.recall,
        "far": table.far,
        "brier": probability.brier(p, o),
        "auc": exact_scores.auc(EDGES[bin_of(p)], o),
    }
    scores = {name: body["scores"][name]["value"] for name in expected}
    assert scores == pytest.approx(expected, abs=1e-9)


def test_the_raw_rows_hold_what_was_stored(engine_sqlite: sa.Engine) -> None:
    scenario = Scenario(1, 2, 5, 20, 0.1, 0.2, "C1.0", "region", 0.5, None, 0)
    stock(engine_sqlite, scenario)

    with reading(engine_sqlite) as connection:
        stored = connection.scalar(sa.select(sa.func.count()).select_from(predictions))
        cases = raw_cases(connection, EVENTS[0], "region")

    assert sum(len(rows) for rows in cases.values()) == stored > 0
