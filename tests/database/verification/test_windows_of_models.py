"""The windows of our own models, by hand: truth, references, marks, and what stays as it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from stored_rows import store_leads
from synthetic_store import MANIFEST, MODEL, NOW, fill, prediction, remember_regions
from synthetic_store import store_predictions as store_day

from database.agencies.forecasts import AgencyForecast, store_forecasts
from database.engine import reading, transact
from database.flares.flares import FlareRecord, store_flares
from database.harps import add_harp_pairs
from database.known import known_at
from database.models import register
from database.rollup_days import mark_stale, stale_marks
from database.schema.rollup_tables import verification_stale
from database.schema.tables import predictions
from database.verification.entrants import ENTRANTS, PRIOR_RATES, prior_rate
from database.verification.lead_skill import lead_skill
from database.verification.rollup import refresh
from database.verification.skill import skill
from database.verification.strata import strata
from solar.errors import InvalidInputError
from solar.flares import LEADS, FluxScale, event
from solar.time import Window
from solar.windows import WINDOWS, forecast_window

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FIRST = datetime(2014, 3, 1, tzinfo=UTC)
COVERED = Window(FIRST - 30 * DAY, FIRST + 12 * DAY)
REGIONS = {1: 11901, 2: 11902, 3: 11903}
# By region, in hours after FIRST: region 3 is quiet.
PEAKS = {1: (-3, 20, 75, 130), 2: (5, 30, 76, 200), 3: ()}
# Each region has a record every six hours for eight days.
TIMES = range(0, 8 * 24, 6)
# Latency and validity [h].
HOURS = {"M1.0/6h": (0, 6), "M1.0/48h": (0, 48), "M1.0/d3": (48, 24)}
TARGETS = tuple(HOURS)
WITH_WINDOWS = MANIFEST | {
    "targets": [{"name": name, "threshold": 0.2} for name in TARGETS],
}


KEY = ("model_id", "event", "scope", "part")


def p_of(region: int, hour: int, target: str) -> float:
    return (1 + TARGETS.index(target) + region + hour % 5) / 20


def lead(region: int, hour: int, *, revision: int = 1, shift: float = 0.0) -> tuple[Any, ...]:
    values = [
        p_of(region, hour, one.name) + shift if one.name in TARGETS else None for one in LEADS
    ]
    return (region, FIRST + hour * HOUR, MODEL, revision, *values, NOW)


def store_peaks(connection: sa.Connection, peaks: dict[int, tuple[int, ...]]) -> None:
    flares = [
        FlareRecord(
            at - HOUR / 6, at, at + HOUR / 6, "M2.0", FluxScale.OPERATIONAL, noaa_ar=REGIONS[region]
        )
        for region, hours in peaks.items()
        for at in (FIRST + hour * HOUR for hour in hours)
    ]
    store_flares(connection, flares, source="list", covers=COVERED, now=COVERED.end_at)


@pytest.fixture
def three_regions(engine_sqlite: sa.Engine) -> sa.Engine:
    def work(connection: sa.Connection) -> None:
        register(connection, WITH_WINDOWS, sha256="0" * 64, stage="live", now=FIRST - 40 * DAY)
        add_harp_pairs(connection, list(REGIONS.items()))
        remember_regions(connection, list(REGIONS))
        keys = [(region, hour) for region in REGIONS for hour in TIMES]
        store_day(connection, [prediction(r, FIRST + hour * HOUR, MODEL, 0.25) for r, hour in keys])
        # The first revision of each was replaced.
        store_leads(connection, [lead(*key, shift=0.5) for key in keys])
        store_leads(connection, [lead(*key, revision=2) for key in keys])
        mark_stale(connection, {(FIRST + hour * HOUR).date() for hour in TIMES})
        store_peaks(connection, PEAKS)

    transact(engine_sqlite, work)
    refresh(engine_sqlite)
    return engine_sqlite


def ask(engine: sa.Engine, target: str, **changes: Any) -> dict[str, Any]:
    asked = {"event": target, "window": None, "scope": "region", "resamples": 10}
    with reading(engine) as connection:
        return skill(connection, model_id=MODEL, **asked | changes)


def came(region: int | None, start: float, end: float) -> bool:
    peaks = PEAKS[region] if region else [hour for hours in PEAKS.values() for hour in hours]
    return any(start <= peak < end for peak in peaks)


def brier(p: Any, o: Any) -> float:
    return float(np.mean((np.array(p, float) - np.array(o, float)) ** 2))


def cases(target: str) -> Iterator[tuple[int, int, bool, bool]]:
    """Region, hour, whether a flare came in its window, and whether one had in as many hours."""
    latency, validity = HOURS[target]
    for hour in TIMES:
        for region in REGIONS:
            begin = hour + latency
            yield (
                region,
                hour,
                came(region, begin, begin + validity),
                came(region, hour - validity, hour),
            )


@pytest.mark.parametrize("target", TARGETS)
def test_three_regions_are_scored_by_what_came_in_the_window(
    three_regions: sa.Engine, target: str
) -> None:
    body = ask(three_regions, target)

    region, hour, o, before = zip(*cases(target), strict=True)
    p = [p_of(*key, target) for key in zip(region, hour, strict=True)]
    assert (body["n"], body["n_events"]) == (len(o), sum(o))
    assert 0 < sum(o) < len(o)
    assert body["threshold"] == {"value": 0.2, "source": "frozen"}
    assert body["scores"]["brier"]["value"] == pytest.approx(brier(p, o))
    entrants = {one["model"]: one for one in body["entrants"]}
    assert entrants["persistence"]["scores"]["brier"]["value"] == pytest.approx(brier(before, o))


@pytest.mark.parametrize("target", TARGETS)
def test_climatology_of_regions_knows_the_windows_that_had_closed_when_the_day_began(
    three_regions: sa.Engine, target: str
) -> None:
    body = ask(three_regions, target)

    closes, rate = sum(HOURS[target]), prior_rate(event(target), "region")
    rows = list(cases(target))
    expected = []
    for _, hour, _, _ in rows:
        midnight = hour // 24 * 24
        # All cases of a day are history at once, when the window of its last minute has closed.
        days = {h // 24 for _, h, _, _ in rows if (h // 24 + 1) * 24 + closes <= midnight}
        past = [o for _, h, o, _ in rows if h // 24 in days]
        weight = 10 * len(past) / len(days) if days else 1.0
        expected.append((sum(past) + weight * rate) / (len(past) + weight))
    found = {one["model"]: one["scores"] for one in body["entrants"]}["climatology-120d"]
    assert found["brier"]["value"] == pytest.approx(brier(expected, [o for _, _, o, _ in rows]))


@pytest.mark.parametrize("target", TARGETS)
def test_one_region_and_its_strata_are_scored_in_the_window_too(
    three_regions: sa.Engine, target: str
) -> None:
    body = ask(three_regions, target, region_id=1)
    with reading(three_regions) as connection:
        apart = strata(
            connection, model_id=MODEL, event=target, window=None, scope="region", resamples=10
        )

    own = [(region, hour, o) for region, hour, o, _ in cases(target) if region == 1]
    wanted = brier([p_of(r, hour, target) for r, hour, _ in own], [o for *_, o in own])
    assert (body["n"], body["n_events"]) == (len(own), sum(o for *_, o in own))
    assert body["scores"]["brier"]["value"] == pytest.approx(wanted)
    quiet = [o for r, hour, o, _ in cases(target) if not came(r, hour - 72, hour)]
    assert (apart["first_flare"]["n"], apart["first_flare"]["n_events"]) == (len(quiet), sum(quiet))
    assert apart["window"] == target.partition("/")[2]


@pytest.mark.parametrize("target", TARGETS)
def test_the_disk_is_combined_at_each_midnight_from_the_window_of_its_regions(
    three_regions: sa.Engine, target: str
) -> None:
    body = ask(three_regions, target, scope="disk")

    (latency, validity), midnights = HOURS[target], range(0, 8 * 24, 24)
    o = [came(None, at + latency, at + latency + validity) for at in midnights]
    before = [came(None, at - validity, at) for at in midnights]
    assert (body["n"], body["n_events"]) == (len(o), sum(o))
    entrants = {one["model"]: one for one in body["entrants"]}
    assert entrants["persistence"]["scores"]["brier"]["value"] == pytest.approx(brier(before, o))


def test_a_model_has_no_cases_in_a_window_that_it_does_not_forecast(
    three_regions: sa.Engine,
) -> None:
    for scope in ("region", "disk"):
        body = ask(three_regions, "M1.0/d2", scope=scope)

        assert (body["n"], body["n_unknown"], body["n_withheld"]) == (0, 0, 0)
        assert body["scores"]["bss"]["value"] is None


def test_a_flare_that_is_listed_late_is_recounted_from_three_days_before_it(
    three_regions: sa.Engine,
) -> None:
    # At hour 186 region 3 flares: the third day of the cases of hours 114 < h <= 138.
    before = ask(three_regions, "M1.0/d3")["n_events"]

    transact(three_regions, lambda c: store_peaks(c, {3: (186,)}))

    with reading(three_regions) as connection:
        marked = set(stale_marks(connection, verification_stale, 100))
    day = (FIRST + 186 * HOUR).date()
    # What the full disk counts of the flare matters longer; those days have no forecast here.
    assert {day + k * DAY for k in range(-3, 4)} <= marked
    assert min(marked) == day - 3 * DAY
    refresh(three_regions)
    assert ask(three_regions, "M1.0/d3")["n_events"] == before + 4


def test_a_list_of_later_days_marks_the_three_days_before_it(three_regions: sa.Engine) -> None:
    later = Window(FIRST + 20 * DAY, FIRST + 22 * DAY)

    transact(
        three_regions, lambda c: store_flares(c, [], source="list", covers=later, now=later.end_at)
    )

    with reading(three_regions) as connection:
        marked = stale_marks(connection, verification_stale, 100)
    assert min(marked) == (FIRST + 17 * DAY).date()


@pytest.mark.parametrize("target", TARGETS)
def test_as_of_a_time_the_windows_that_had_not_closed_have_no_outcome(
    three_regions: sa.Engine, target: str
) -> None:
    end = 4 * 24 + 12

    body = ask(known_at(three_regions, FIRST + end * HOUR), target)

    issued = [hour for hour in TIMES if hour <= end]
    closed = [hour for hour in issued if hour + sum(HOURS[target]) <= end]
    assert body["n"] == len(REGIONS) * len(closed)
    assert body["n_unknown"] == len(REGIONS) * (len(issued) - len(closed))


def test_without_the_windows_and_with_them_the_scores_of_24_h_are_the_same(
    engine_sqlite: sa.Engine,
) -> None:
    fill(engine_sqlite)
    refresh(engine_sqlite)
    asked = [("C1.0", scope, cases) for scope in ("region", "disk") for cases in ("own", "shared")]
    before = [ask(engine_sqlite, name, scope=s, cases=c) for name, s, c in asked]

    def add_windows(connection: sa.Connection) -> None:
        register(connection, WITH_WINDOWS, sha256="1" * 64, stage="live", now=NOW)
        rows = connection.execute(sa.select(predictions.c.region_id, predictions.c.t_rec)).all()
        store_leads(
            connection, [(*row, MODEL, 1, *np.linspace(0, 1, 20).tolist(), NOW) for row in rows]
        )
        mark_stale(connection, {row.t_rec.date() for row in rows})

    transact(engine_sqlite, add_windows)
    refresh(engine_sqlite)

    assert [ask(engine_sqlite, name, scope=s, cases=c) for name, s, c in asked] == before
    assert ask(engine_sqlite, "M1.0/48h")["n"] > 0


def of_window(body: dict[str, Any], name: str, window: str) -> dict[str, Any]:
    (entrant,) = (one for one in body["entrants"] if one["model"] == name)
    (found,) = (one for one in entrant["leads"] if one["window"] == window)
    return dict(found)


@pytest.mark.parametrize("scope", ["region", "disk"])
def test_skill_by_lead_is_the_skill_of_everyone_in_each_window(
    three_regions: sa.Engine, scope: str
) -> None:
    agency = "swpc@1"
    rows = [
        AgencyForecast(0, FIRST + k * DAY + w.latency, None, (None, k / 10, None, None), FIRST, w)
        for k in range(8)
        for w in (forecast_window("24h"), forecast_window("d2"), forecast_window("d3"))
    ]
    transact(three_regions, lambda c: store_forecasts(c, agency, rows, now=FIRST))
    refresh(three_regions)

    with reading(three_regions) as connection:
        body = lead_skill(
            connection, model_id=MODEL, event="M1.0", window=None, scope=scope, resamples=10
        )
        for window in WINDOWS:
            target = event("M1.0").within(window).name
            asked = {"event": target, "window": None, "scope": scope, "resamples": 10}
            own = skill(connection, model_id=MODEL, **asked)
            other = skill(connection, model_id=agency, **asked)
            # Where the model has no such window, climatology and persistence forecast all cases.
            beside = own if own["n"] else skill(connection, model_id="persistence", **asked)
            found = {MODEL: own, **{one["model"]: one for one in beside["entrants"]}}
            for name in (MODEL, *ENTRANTS):
                expect(of_window(body, name, window.name), found[name])
            if scope == "disk":
                expect(of_window(body, agency, window.name), other)

    names = [one["model"] for one in body["entrants"]]
    assert names == [MODEL, *ENTRANTS, *([agency] if scope == "disk" else [])]
    assert of_window(body, MODEL, "d2")["bss"]["value"] is None
    assert of_window(body, MODEL, "d3")["bss"]["value"] is not None


def expect(found: dict[str, Any], whole: dict[str, Any]) -> None:
    assert (found["n"], found["n_events"]) == (whole["n"], whole["n_events"])
    assert found["bss"] == pytest.approx(whole["scores"]["bss"], abs=1e-9)


def test_skill_by_lead_reads_days_of_single_keys_without_their_bins(
    three_regions: sa.Engine,
) -> None:
    statements: list[str] = []

    def remember(_c: object, _cursor: object, text: str, *_: object) -> None:
        statements.append(" ".join(text.split()))

    with reading(three_regions) as connection:
        sa.event.listen(connection, "before_cursor_execute", remember)
        lead_skill(connection, model_id=MODEL, event="M1.0", window=None, scope="region")
        sa.event.remove(connection, "before_cursor_execute", remember)

    read = [text for text in statements if "FROM verification_dekads" in text]
    # The model's own, persistence beside it and all, and what climatology has seen: six windows.
    assert len(WINDOWS) * 3 <= len(read) <= len(WINDOWS) * 4
    key = " AND ".join(f"verification_dekads.{name} = ?" for name in KEY)
    assert all(f"WHERE {key}" in text for text in read)
    assert not any("verification_dekads.bins" in text for text in read)


def test_skill_by_lead_is_asked_for_a_model_and_an_event_of_all_windows(
    three_regions: sa.Engine,
) -> None:
    refused = ((MODEL, "M1.0/d2", "read all of"), ("persistence", "M1.0", "ask for a model"))
    for model_id, name, words in refused:
        with reading(three_regions) as connection, pytest.raises(InvalidInputError, match=words):
            lead_skill(connection, model_id=model_id, event=name, window=None, scope="region")


def test_the_prior_of_regions_is_that_of_chance_flares_too() -> None:
    of_day = PRIOR_RATES["region"]["M1.0"]

    assert prior_rate(event("M1.0/d3"), "region") == pytest.approx(of_day)
    assert prior_rate(event("M1.0/6h"), "region") == pytest.approx(1 - (1 - of_day) ** 0.25)
