from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xray_minutes import FLARE, QUIET, START, minutes, real_minutes

from bench.nowcast import Hits, count_hits, read_listed
from solar.flare_detection import (
    DECLINING,
    ENDED,
    MINUTE,
    RISING,
    UNFINISHED,
    DetectedFlare,
    FlareDetector,
    XrayMinute,
    detect,
    one_a_minute,
    r_scale,
)
from solar.flares import FluxScale
from solar.time import Window

YEAR = Window(datetime(2022, 1, 1, tzinfo=UTC), datetime(2022, 8, 15, tzinfo=UTC))


@pytest.fixture(scope="module")
def hits(shared_data: Path) -> Hits:
    listed = read_listed(shared_data / "flares" / "goes_flares.parquet", YEAR)
    return count_hits(real_minutes(shared_data), listed)


def at(minute: int) -> datetime:
    return START + minute * MINUTE


def test_four_rising_minutes_begin_a_flare_that_ends_half_way_to_the_background() -> None:
    (flare,) = detect(minutes([QUIET, *FLARE, QUIET]))

    assert (flare.start_at, flare.detected_at, flare.peak_at) == (at(1), at(4), at(6))
    assert (flare.goes_class, flare.background_w_m2, flare.rule) == ("M2.0", 1e-6, 1)
    # (1e-6 + 2e-5) / 2 = 1.05e-5, which the minute of 9e-6 is the first to undercut.
    assert (flare.state, flare.end_at, flare.end_known_at) == (ENDED, at(10), at(10))
    assert flare.event_id == "G16-20220330T1701Z"


@pytest.mark.parametrize(
    ("values", "n"),
    [
        ([1e-6, 1.1e-6, 1.2e-6, 1.41e-6], 1),
        ([1e-6, 1.1e-6, 1.2e-6, 1.39e-6], 0),
        ([1e-6, 1.2e-6, 1.2e-6, 1.5e-6], 0),
        ([9e-8, 1e-7, 1.2e-7, 1.5e-7], 0),
        ([1e-6, 1.1e-6, None, 1.2e-6, 1.5e-6], 0),
    ],
)
def test_a_start_is_four_good_minutes_in_a_row_that_rise_by_two_fifths(
    values: Sequence[float | None], n: int
) -> None:
    assert len(detect(minutes(values))) == n


def test_sixteen_slowly_rising_minutes_begin_a_flare_at_their_least() -> None:
    # 3 % a minute: four minutes rise by 9 %, sixteen by 56 %.
    values = [6e-6, 5.5e-6, *(5e-6 * 1.03**i for i in range(14))]

    (flare,) = detect(minutes(values))

    assert (flare.rule, flare.start_at, flare.detected_at) == (2, at(2), at(15))


def test_a_flare_declines_below_nine_tenths_and_the_next_one_begins_at_the_trough() -> None:
    trough, rise = 1.2e-5, [1.3e-5, 1.5e-5, 1.75e-5]
    values = [*FLARE[:6], 1.7e-5, trough]
    (declining,) = detect(minutes(values))

    first, second = detect(minutes([*values, *rise]))

    assert declining.state == DECLINING
    assert (first.state, first.end_at, first.end_known_at) == (ENDED, at(7), at(10))
    assert (second.start_at, second.state, second.background_w_m2) == (at(7), RISING, trough)


@pytest.mark.parametrize(("gap", "state"), [(60, ENDED), (61, UNFINISHED)])
def test_a_flare_is_unfinished_after_more_than_an_hour_without_a_minute(
    gap: int, state: str
) -> None:
    values = [*FLARE[:6], *[None] * gap, QUIET]

    (flare,) = detect(minutes(values))

    assert flare.state == state
    assert (flare.end_at is None) == (state == UNFINISHED)
    assert flare.end_known_at == at(6 + gap)


def test_another_satellite_leaves_a_flare_unfinished() -> None:
    rows = minutes(FLARE[:6]) + minutes([QUIET] * 3, start=at(6), satellite="G18")

    (flare,) = detect(rows)

    assert (flare.state, flare.end_known_at) == (UNFINISHED, at(6))


def test_of_two_satellites_in_a_minute_the_one_counts_that_measured_most_of_the_hour() -> None:
    rows = minutes([QUIET] * 40) + minutes([5e-6] * 20, start=at(20), satellite="G08")
    rows += minutes([5e-6] * 60, start=at(40), satellite="G08")

    ordered = sorted(rows, key=lambda one: (one.minute_at, one.satellite))
    chosen = [one.satellite for one in one_a_minute(ordered)]

    assert chosen == ["G16"] * 40 + ["G08"] * 60


@pytest.mark.parametrize("bad", [None, 1e-9, 1.01e-9, -99999.0, 0.11])
def test_what_is_no_measurement_begins_and_ends_nothing(bad: float | None) -> None:
    values = [bad, *FLARE[:6], bad, bad, 1.9e-5]

    (flare,) = detect(minutes(values))

    assert (flare.start_at, flare.peak_at, flare.state) == (at(1), at(6), RISING)


@pytest.mark.parametrize(
    ("satellite", "n", "name"), [("G15", 10, "≥X17.1"), ("G15", 9, "X17.1"), ("G16", 10, "X17.1")]
)
def test_an_old_detector_that_stays_at_its_highest_value_is_saturated(
    satellite: str, n: int, name: str
) -> None:
    values = [1e-5, 1e-4, 1e-3, *[1.71e-3] * n, 1e-4]

    (flare,) = detect(minutes(values, satellite=satellite))

    assert flare.goes_class == name
    assert flare.flux_scale == (FluxScale.TRUE if satellite == "G16" else FluxScale.OPERATIONAL)


def test_the_level_is_that_of_the_newest_threshold_reached() -> None:
    fluxes = (9.9e-6, 1e-5, 5e-5, 1e-4, 1e-3, 2e-3)

    assert [r_scale(flux) for flux in fluxes] == [None, "R1", "R2", "R3", "R4", "R5"]


@st.composite
def streams(draw: st.DrawFn) -> list[XrayMinute]:
    """Fluxes that walk up and down, with holes, one of them long, and a second satellite."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    flux, rows, minute_at = 2e-6, [], START
    for _ in range(draw(st.integers(1, 150))):
        flux = min(max(flux * rng.choice((0.6, 0.85, 0.97, 1.04, 1.2, 1.5)), 5e-8), 1e-2)
        minute_at += MINUTE * rng.choice([1] * 40 + [2, 5, 61, 62, 63])
        value = None if rng.random() < 0.02 else flux
        rows.append(XrayMinute(minute_at, value, "G16" if rng.random() < 0.995 else "G18"))
        if rng.random() < 0.1:
            rows.append(XrayMinute(minute_at, flux * 1.1, "G19"))
    return rows


def known_at(flares: Sequence[DetectedFlare], now: datetime) -> list[str]:
    """Return which flares are known at a time, and what of those that are over."""
    known = [flare for flare in flares if flare.detected_at <= now]
    return [
        str(flare) if flare.end_known_at and flare.end_known_at <= now else flare.event_id
        for flare in known
    ]


@settings(max_examples=40)
@given(streams(), st.integers(0, 149))
def test_what_is_said_at_a_minute_rests_on_no_later_one(rows: list[XrayMinute], i: int) -> None:
    now = rows[min(i, len(rows) - 1)].minute_at

    earlier = detect([row for row in rows if row.minute_at <= now])

    assert known_at(detect(rows), now) == known_at(earlier, now)


@settings(max_examples=40)
@given(streams(), st.randoms())
def test_the_order_of_minutes_is_of_no_account_and_one_by_one_they_give_the_same(
    rows: list[XrayMinute], rng: random.Random
) -> None:
    detector = FlareDetector()
    over = [ended for one in one_a_minute(rows) if (ended := detector.feed(one))]
    one_by_one = over if detector.flare is None else [*over, detector.flare]

    assert detect(rng.sample(rows, len(rows))) == one_by_one


def test_a_flare_is_lost_when_time_passes_without_minutes() -> None:
    detector = FlareDetector()
    for minute in minutes(FLARE[:6]):
        detector.feed(minute)

    before = detector.pass_time(at(5) + timedelta(minutes=61, seconds=59))
    lost = detector.pass_time(at(5) + timedelta(minutes=62))

    assert before is None
    assert lost is not None
    assert (lost.state, lost.end_at, lost.end_known_at) == (UNFINISHED, None, at(67))


def test_two_real_days_hold_the_listed_flares(shared_data: Path) -> None:
    days = Window(datetime(2022, 3, 30, tzinfo=UTC), datetime(2022, 4, 1, tzinfo=UTC))

    rows = real_minutes(shared_data, days.start_at, days.end_at)
    hits = count_hits(rows, read_listed(shared_data / "flares" / "goes_flares.parquet", days))

    assert (hits.found["M1.0"], hits.listed["M1.0"]) == (2, 2)
    assert (hits.found["C5.0"], hits.listed["C5.0"]) == (4, 4)
    assert (hits.unmatched, hits.equal_class) == (0, 2)
    x1 = next(flare for flare in detect(rows) if flare.goes_class == "X1.3")
    assert f"{x1.start_at:%d %H:%M} {x1.detected_at:%H:%M} {x1.peak_at:%H:%M}" == (
        "30 17:22 17:25 17:37"
    )


@pytest.mark.thorough
def test_of_seven_months_the_published_shares_are_found(hits: Hits) -> None:
    assert hits.share("M1.0") == pytest.approx(0.943, abs=0.005)
    assert hits.share("C5.0") == pytest.approx(0.928, abs=0.005)
    assert hits.share("C1.0") == pytest.approx(0.622, abs=0.005)
    assert hits.unmatched / hits.strong == pytest.approx(0.024, abs=0.005)
    assert (hits.equal_class, hits.matched_strong) == (82, 82)
    assert hits.equal_peak == pytest.approx(0.984, abs=0.005)
    assert hits.end_minutes == [-3, 2]
    assert hits.lead_minutes == pytest.approx([1, 6.5, 33], abs=0.1)


@pytest.mark.thorough
def test_eclipses_begin_no_flare(shared_data: Path) -> None:
    march = (datetime(2022, 3, 1, tzinfo=UTC), datetime(2022, 4, 1, tzinfo=UTC))
    rows = real_minutes(shared_data, *march)
    unmeasured = {row.minute_at for row in rows if not row.is_good}

    begun = {flare.start_at for flare in detect(rows)}

    assert any(4 <= minute_at.hour <= 6 for minute_at in unmeasured)
    assert begun & unmeasured == set()


@pytest.mark.thorough
def test_seven_months_take_less_than_five_seconds(shared_data: Path) -> None:
    rows = real_minutes(shared_data)

    # Of this process, because others may be at work beside it.
    began = time.process_time()
    found = detect(rows)

    assert time.process_time() - began < 5
    assert (len(rows), len(found)) == (325_440, 1_045)


@pytest.mark.thorough
def test_the_months_before_goes_16_keep_their_scale(shared_data: Path) -> None:
    true = detect(real_minutes(shared_data))
    rows = [replace(row, satellite="G15") for row in real_minutes(shared_data)]

    found = detect(rows)

    assert {flare.flux_scale for flare in found} == {FluxScale.OPERATIONAL}
    assert [flare.goes_class for flare in found] == [flare.goes_class for flare in true]
