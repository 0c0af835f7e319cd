"""All clear is withheld for each single reason, and said when none is left."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from component_tree import parts, walk, words
from dash import html
from stocked_store import MANIFEST, MODEL, NOW

from app_dash.frame import routing
from app_dash.frame.all_clear import Verdict, assess, strip
from app_dash.settings import DashSettings
from database.engine import writing
from database.models import register
from database.nowcast.detection import store_minutes
from database.schema import tables
from database.upsert import upsert
from solar.flare_detection import MINUTE, XrayMinute
from solar.sharp import KEYWORDS

DAY = timedelta(days=1)
NARROW = "\u202f"


def _region(
    engine: sa.Engine,
    number: int,
    *,
    lon: float | None = 10.0,
    silent: timedelta = timedelta(0),
    p: float | None = 0.004,
    rung: str = "full",
) -> None:
    last = NOW - silent
    regions = [column.name for column in tables.regions.columns]
    row = (number, number, str(number + 10_000), "s", last - DAY, last, lon, 10.0, 100.0)
    names = [column.name for column in tables.predictions.columns]
    reason = None if p is not None else "too many keywords are missing"
    forecast = (number, last, MODEL, *(p,) * 4, *(p,) * 4, rung, reason, 0.0, 0, last)
    with writing(engine) as connection:
        upsert(connection, tables.regions, columns=regions, rows=[row])
        upsert(connection, tables.predictions, columns=names, rows=[forecast])


def _flare(engine: sa.Engine, noaa_ar: int, *, ago: timedelta) -> None:
    names = [column.name for column in tables.flares.columns]
    at = NOW - ago
    row = ("f", at, at, at, "C2.0", 2e-6, "operational_pre16", noaa_ar, None, None, "none", "G15",
           "test", None, 0, NOW)  # fmt: skip
    with writing(engine) as connection:
        upsert(connection, tables.flares, columns=names, rows=[row])


def _hourly_records(engine: sa.Engine) -> None:
    names = [column.name for column in tables.observations.columns]
    values = [1.5] * len(KEYWORDS)
    rows = [
        (1, at, "s", None, 0, 10.0, 10.0, *values, 1, 0, "s1", at)
        for at in (NOW - timedelta(hours=back) for back in range(5))
    ]
    with writing(engine) as connection:
        upsert(connection, tables.observations, columns=names, rows=rows)


def _assess(
    engine: sa.Engine, *, later: timedelta = timedelta(minutes=10), limit: float = 0.05
) -> Verdict:
    settings = DashSettings(all_clear_limit=limit)
    found = routing.read_context(engine, settings=settings, theme=None)
    return assess(replace(found, now=NOW + later, settings=settings))


def _model(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        register(connection, MANIFEST, sha256="0" * 64, stage="live", now=NOW)


def _xrays(engine: sa.Engine, *flux: float, until: datetime = NOW + timedelta(days=1)) -> None:
    """Store minutes up to `until`, so that the last ones have the given flux; others are quiet."""
    first = NOW - timedelta(hours=2)
    n = int((until - first) / MINUTE) + 1
    values = [5e-7] * (n - len(flux)) + list(flux)
    minutes = [XrayMinute(first + i * MINUTE, values[i], "G15") for i in range(n)]
    with writing(engine) as connection:
        store_minutes(connection, minutes)


@pytest.fixture
def quiet(engine_sqlite: sa.Engine) -> sa.Engine:
    """One quiet region in the middle of the disk, and quiet X-rays."""
    _model(engine_sqlite)
    _region(engine_sqlite, 1)
    _xrays(engine_sqlite)
    return engine_sqlite


def test_a_quiet_fresh_seen_disk_is_all_clear(quiet: sa.Engine) -> None:
    said = _assess(quiet)

    assert said.kind == "ok"
    assert said.headline == f"All clear for M1.0+ to 30 Mar 16:00, P 0.4{NARROW}%."
    assert said.reasons == (f"1−∏(1−p), limit 5.0{NARROW}%",)


def _only_reason(said: Verdict) -> tuple[str, str]:
    """Return the only condition that is not met, and what there is."""
    assert said.kind == "warning"
    assert said.headline == "All clear withheld."
    (unmet,) = (condition for condition in said.conditions if not condition.is_met)
    assert said.reasons == (f"{unmet.name}: {unmet.value}",)
    return unmet.name, unmet.value


def test_stale_data_alone_withhold_it(quiet: sa.Engine) -> None:
    assert _assess(quiet, later=timedelta(minutes=24)).kind == "ok"
    late = _only_reason(_assess(quiet, later=timedelta(minutes=47)))
    assert late == ("Data age ≤ 24 min", "47 min")


def test_an_hourly_source_is_late_after_two_hours(quiet: sa.Engine) -> None:
    _hourly_records(quiet)

    assert _assess(quiet, later=timedelta(minutes=119)).kind == "ok"
    late = _only_reason(_assess(quiet, later=timedelta(minutes=121)))
    assert late == ("Data age ≤ 2 h", "2 h")


def test_data_of_long_ago_say_when_they_end(quiet: sa.Engine) -> None:
    said = _assess(quiet, later=4620 * DAY)

    ended = "Data age ≤ 24 min: 4,620 d, data end at 29 Mar 2014 16:00"
    assert said.reasons[0] == ended
    assert said.reasons[-1] == "X-rays ≤ 10 min old: none in the last day"


def test_a_probability_at_the_limit_alone_withholds_it(quiet: sa.Engine) -> None:
    name, value = _only_reason(_assess(quiet, limit=0.004))

    assert name == f"Full-disk P(M1.0+) < 0.4{NARROW}%"
    assert value == f"0.4{NARROW}% (1−∏(1−p))"


def test_regions_and_recent_flares_together_decide_where_a_list_covers_these(
    quiet: sa.Engine,
) -> None:
    covered = ("test", NOW - 30 * DAY, NOW)
    with writing(quiet) as connection:
        upsert(connection, tables.flare_coverage, columns=("source", "from_at", "to_at"),
               rows=[covered])  # fmt: skip

    # 0.4 % by the region and 0.9 % on a Sun without flares: about 0.6 % in the middle.
    assert _assess(quiet).kind == "ok"
    value = _only_reason(_assess(quiet, limit=0.004))[1]
    assert value == f"0.6{NARROW}% (regions and recent flares)"


def test_a_region_over_its_threshold_alone_withholds_it(quiet: sa.Engine) -> None:
    _region(quiet, 2, p=0.1)

    over = _only_reason(_assess(quiet, limit=0.2))
    assert over == (f"No region over its threshold, 10{NARROW}%", f"10002 at 10{NARROW}%")


def test_a_region_near_the_limb_alone_withholds_it_even_with_a_forecast(quiet: sa.Engine) -> None:
    _region(quiet, 2, lon=-71.0)

    assert _only_reason(_assess(quiet)) == ("No region beyond 70°", "10002 N10E71")


def test_a_region_that_has_rotated_beyond_the_limit_since_withholds_it(quiet: sa.Engine) -> None:
    # 69 deg two hours ago, at 13.3 deg a day: 70.1 deg.
    _region(quiet, 2, lon=69.0, silent=timedelta(hours=2))

    assert _only_reason(_assess(quiet)) == ("No region beyond 70°", "10002 N10W70")


def test_a_region_behind_the_limb_for_hours_withholds_it(quiet: sa.Engine) -> None:
    # 85 deg and 12 h at 13.3 deg a day: 91.6 deg.
    _region(quiet, 2, lon=85.0, silent=timedelta(hours=12))

    behind = _only_reason(_assess(quiet))
    assert behind == ("No region behind the limb for less than a day", "10002 N10W92")


def test_a_region_behind_the_limb_for_more_than_a_day_no_longer_does(quiet: sa.Engine) -> None:
    # 95 deg and 23 h: 107.7 deg, which is 18 deg or 1.3 d behind the limb.
    _region(quiet, 2, lon=95.0, silent=timedelta(hours=23))

    assert _assess(quiet).kind == "ok"


def test_a_region_without_a_forecast_alone_withholds_it(quiet: sa.Engine) -> None:
    _region(quiet, 2, p=None)

    without = _only_reason(_assess(quiet))
    assert without == ("Every region within 70° has a forecast", "10002 without")


def test_a_flare_of_a_region_without_any_record_withholds_it_for_a_day(quiet: sa.Engine) -> None:
    _flare(quiet, 12023, ago=timedelta(hours=5))
    unlisted = _only_reason(_assess(quiet))
    assert unlisted == ("No flare in 24 h of a region without a SHARP record", "12023")

    _flare(quiet, 12023, ago=timedelta(hours=25))
    assert _assess(quiet).kind == "ok"


FLARING = (1.2e-6, 2e-6, 4e-6, 1.1e-5)


def test_a_flare_of_m1_in_progress_alone_withholds_it(quiet: sa.Engine) -> None:
    _xrays(quiet, *FLARING, until=NOW + timedelta(minutes=10))

    flare = _only_reason(_assess(quiet))

    assert flare == ("No flare of M1.0+ in progress", "M1.1 so far, rising")


def test_it_is_withheld_until_the_flare_is_over_though_its_flux_is_lower(quiet: sa.Engine) -> None:
    # From 5e-7 to 1.5e-5: it is over at 7.75e-6, half way back.
    falling = (*FLARING, 1.5e-5, 9e-6)
    _xrays(quiet, *falling, until=NOW + timedelta(minutes=10))
    assert _only_reason(_assess(quiet))[1] == "M1.5 so far, declining"

    _xrays(quiet, *falling, 7.7e-6, until=NOW + timedelta(minutes=10))
    assert _assess(quiet).kind == "ok"


def test_a_flare_below_m1_does_not_withhold_it(quiet: sa.Engine) -> None:
    _xrays(quiet, 1.2e-6, 2e-6, 4e-6, 8e-6, until=NOW + timedelta(minutes=10))

    assert _assess(quiet).kind == "ok"
    (flare,) = (c for c in _assess(quiet).conditions if c.name.startswith("No flare of M1.0+"))
    assert flare.value == "C8.0 so far, rising"


def test_a_flux_of_m1_withholds_it_though_no_start_was_seen(quiet: sa.Engine) -> None:
    _xrays(quiet, *[1.1e-5] * 30, until=NOW + timedelta(minutes=10))

    assert _only_reason(_assess(quiet))[1] == "flux of M1.1"


def test_x_rays_that_are_missing_for_ten_minutes_withhold_it(quiet: sa.Engine) -> None:
    with writing(quiet) as connection:
        late = tables.xray_flux.c.minute_at > NOW
        connection.execute(tables.xray_flux.delete().where(late))

    assert _assess(quiet, later=timedelta(minutes=10)).kind == "ok"
    missing = _assess(quiet, later=timedelta(minutes=11)).reasons
    assert missing == ("No flare of M1.0+ in progress: not known", "X-rays ≤ 10 min old: 11 min")


def test_it_is_never_said_in_a_store_without_x_rays(quiet: sa.Engine) -> None:
    with writing(quiet) as connection:
        connection.execute(tables.xray_flux.delete())

    assert _assess(quiet).reasons == (
        "No flare of M1.0+ in progress: not known",
        "X-rays ≤ 10 min old: none in the last day",
    )


def test_every_reason_is_listed_at_once(quiet: sa.Engine) -> None:
    _region(quiet, 2, p=0.4)
    _region(quiet, 3, p=None)
    _region(quiet, 4, lon=75.0, p=None)

    said = _assess(quiet, later=timedelta(minutes=47))

    assert [condition.is_met for condition in said.conditions] == [False] * 4 + [
        True,
        False,
        *[True] * 3,
    ]
    assert len(said.reasons) == 5


def test_no_live_model_is_an_error_and_no_data_is_no_clear(engine_sqlite: sa.Engine) -> None:
    assert _assess(engine_sqlite).headline == "No data yet."

    _region(engine_sqlite, 1)
    assert (_assess(engine_sqlite).kind, _assess(engine_sqlite).headline) == (
        "error", "No live model.",
    )  # fmt: skip


def test_a_model_without_a_threshold_alone_withholds_it(quiet: sa.Engine) -> None:
    events = [{"name": "M1.0", "threshold": None}]
    with writing(quiet) as connection:
        register(connection, {**MANIFEST, "events": events}, sha256="2", stage="live", now=NOW)

    without = _only_reason(_assess(quiet))
    assert without == ("No region over its threshold", "the model has no M1.0+ threshold")


def test_no_forecast_at_all_is_never_all_clear(engine_sqlite: sa.Engine) -> None:
    _model(engine_sqlite)
    _xrays(engine_sqlite)
    _region(engine_sqlite, 1, lon=110.0, p=None)

    assert _only_reason(_assess(engine_sqlite))[1] == "no region has a forecast"


def test_the_checklist_says_of_each_condition_what_it_asks_and_what_there_is(
    quiet: sa.Engine,
) -> None:
    _region(quiet, 2, lon=75.0)
    drawn = strip(_assess(quiet), ())

    (checks,) = parts(drawn, "checklist")
    lines = [words(line) for line in walk(checks) if isinstance(line, html.Li)]

    assert words(checks).startswith("Why withheld✗No region beyond 70° not met: 10002 N10W75✓")
    assert lines[1] == "✓Data age ≤ 24 min met: 10 min"
    assert len(lines) == len(_assess(quiet).conditions)
