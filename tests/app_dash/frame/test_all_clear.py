"""All clear is withheld for each single reason, and said when none is left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
import sqlalchemy as sa
from stocked_store import MANIFEST, MODEL, NOW

from app_dash.frame import routing
from app_dash.frame.all_clear import Verdict, assess
from app_dash.frame.page import PageContext
from app_dash.settings import DashSettings
from database.engine import writing
from database.models import register
from database.schema import tables
from database.upsert import upsert

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


def _assess(
    engine: sa.Engine, *, later: timedelta = timedelta(minutes=10), limit: float = 0.05
) -> Verdict:
    settings = DashSettings(all_clear_limit=limit)
    found = routing.read_context(engine, settings=settings, theme=None)
    return assess(PageContext(found.engine, settings, found.tokens, found.state, NOW + later))


def _model(engine: sa.Engine, disk: Mapping[str, object] | None = None) -> None:
    manifest = {**MANIFEST, "disk": disk or {}}
    with writing(engine) as connection:
        register(connection, manifest, sha256=("1" if disk else "0") * 64, stage="live", now=NOW)


@pytest.fixture
def quiet(engine_sqlite: sa.Engine) -> sa.Engine:
    """One quiet region in the middle of the disk."""
    _model(engine_sqlite)
    _region(engine_sqlite, 1)
    return engine_sqlite


def test_a_quiet_fresh_seen_disk_is_all_clear(quiet: sa.Engine) -> None:
    said = _assess(quiet)

    assert said.kind == "ok"
    assert said.headline == f"All clear for M1.0+ to 30 Mar 16:00, P 0.4{NARROW}%."
    assert said.reasons == (f"1−∏(1−p), limit 5.0{NARROW}%",)


def _only_reason(said: Verdict) -> str:
    assert said.kind == "warning"
    assert said.headline == "All clear withheld."
    (reason,) = said.reasons
    return reason


def test_stale_data_alone_withhold_it(quiet: sa.Engine) -> None:
    assert _only_reason(_assess(quiet, later=timedelta(minutes=47))) == "Last frame 47 min ago"


def test_a_probability_at_the_limit_alone_withholds_it(quiet: sa.Engine) -> None:
    reason = _only_reason(_assess(quiet, limit=0.004))

    assert reason == f"full-disk P(M1.0+) 0.4{NARROW}% (1−∏(1−p)) is not below 0.4{NARROW}%"


def test_the_calibrated_probability_decides_where_there_is_one(quiet: sa.Engine) -> None:
    # logit(p) is clipped and weighted by 0; the intercept alone gives sigmoid(-1) = 27 %.
    _model(quiet, {"M1.0": {"weights": [0.0, 0.0], "intercept": -1.0}})
    covered = ("test", NOW - 30 * DAY, NOW)
    with writing(quiet) as connection:
        upsert(connection, tables.flare_coverage, columns=("source", "from_at", "to_at"),
               rows=[covered])  # fmt: skip

    assert "27\u202f% (calibrated) is not below" in _only_reason(_assess(quiet))


def test_a_region_over_its_threshold_alone_withholds_it(quiet: sa.Engine) -> None:
    _region(quiet, 2, p=0.1)

    assert _only_reason(_assess(quiet, limit=0.2)) == "AR 10002 over the M1.0+ threshold"


def test_a_region_near_the_limb_alone_withholds_it_even_with_a_forecast(quiet: sa.Engine) -> None:
    _region(quiet, 2, lon=-71.0)

    assert _only_reason(_assess(quiet)) == "AR 10002 beyond the 70° limit"


def test_a_region_that_has_rotated_beyond_the_limit_since_withholds_it(quiet: sa.Engine) -> None:
    # 69 deg two hours ago, at 13.3 deg a day: 70.1 deg.
    _region(quiet, 2, lon=69.0, silent=timedelta(hours=2))

    assert _only_reason(_assess(quiet)) == "AR 10002 beyond the 70° limit"


def test_a_region_behind_the_limb_for_hours_withholds_it(quiet: sa.Engine) -> None:
    # 85 deg and 12 h at 13.3 deg a day: 91.6 deg.
    _region(quiet, 2, lon=85.0, silent=timedelta(hours=12))

    assert _only_reason(_assess(quiet)) == "AR 10002 behind the limb for less than a day"


def test_a_region_behind_the_limb_for_more_than_a_day_no_longer_does(quiet: sa.Engine) -> None:
    # 95 deg and 23 h: 107.7 deg, which is 18 deg or 1.3 d behind the limb.
    _region(quiet, 2, lon=95.0, silent=timedelta(hours=23))

    assert _assess(quiet).kind == "ok"


def test_a_region_without_a_forecast_alone_withholds_it(quiet: sa.Engine) -> None:
    _region(quiet, 2, p=None)

    assert _only_reason(_assess(quiet)) == "AR 10002 without a forecast"


def test_a_flare_of_a_region_without_any_record_withholds_it_for_a_day(quiet: sa.Engine) -> None:
    _flare(quiet, 12023, ago=timedelta(hours=5))
    assert _only_reason(_assess(quiet)) == "AR 12023 flared without a SHARP record"

    _flare(quiet, 12023, ago=timedelta(hours=25))
    assert _assess(quiet).kind == "ok"


def test_every_reason_is_listed_at_once(quiet: sa.Engine) -> None:
    _region(quiet, 2, p=0.4)
    _region(quiet, 3, p=None)
    _region(quiet, 4, lon=75.0, p=None)

    said = _assess(quiet, later=timedelta(minutes=47))

    assert [reason.split(" ")[0] for reason in said.reasons] == ["Last", "full-disk", *["AR"] * 3]


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

    assert _only_reason(_assess(quiet)) == f"{MODEL} has no M1.0+ threshold to compare with"
