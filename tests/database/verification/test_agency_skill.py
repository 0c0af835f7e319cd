"""An agency is scored beside the models: its regions on shared cases, the disk in its own words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from synthetic_store import COVERED, FIRST, MODEL, N_DAYS, NOAA, Synthetic, fill

from database.agencies.forecasts import AgencyForecast, Probabilities, store_forecasts
from database.engine import reading, transact
from database.flares.flares import FlareRecord, store_flares
from database.schema.tables import predictions
from database.verification.rollup import refresh
from database.verification.skill import skill
from solar.flares import FluxScale
from solar.time import Window, nearest_slot

AGENCY = "swpc@1"
DAY = timedelta(days=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def agree(p: float) -> Probabilities:
    return (p, p / 4, None, p / 40)


def of_regions(days: int) -> list[AgencyForecast]:
    """Forecast region 101 and 102 at midnight of each day, the first with more confidence."""
    return [
        AgencyForecast(0, FIRST + day * DAY, NOAA[region], agree(p), NOW)
        for day in range(days)
        for region, p in ((101, 0.7), (102, 0.3))
    ]


@pytest.fixture
def with_agency(engine_sqlite: sa.Engine) -> Synthetic:
    synthetic = fill(engine_sqlite)
    transact(engine_sqlite, move_to_slots)
    transact(engine_sqlite, lambda c: store_forecasts(c, AGENCY, of_regions(N_DAYS), now=NOW))
    refresh(engine_sqlite)
    return synthetic


def move_to_slots(connection: sa.Connection) -> None:
    """Give the models' forecasts of full hours the times that SHARP records have."""
    times = connection.scalars(sa.select(predictions.c.t_rec).distinct()).all()
    for at in times:
        change = predictions.update().where(predictions.c.t_rec == at)
        connection.execute(change.values(t_rec=nearest_slot(at)))


def ask(engine: sa.Engine, model_id: str, **changes: object) -> dict[str, object]:
    asked = {"event": "C1.0", "window": None, "scope": "region", "resamples": 100} | changes
    with reading(engine) as connection:
        return skill(connection, model_id=model_id, **asked)


def test_the_models_keep_their_shared_cases_when_an_agency_joins(engine_sqlite: sa.Engine) -> None:
    fill(engine_sqlite)
    transact(engine_sqlite, move_to_slots)
    refresh(engine_sqlite)
    before = ask(engine_sqlite, MODEL, cases="shared")

    transact(engine_sqlite, lambda c: store_forecasts(c, AGENCY, of_regions(N_DAYS), now=NOW))
    refresh(engine_sqlite)

    after = ask(engine_sqlite, MODEL, cases="shared")
    assert after["n"] == before["n"] > 700
    assert after["scores"] == before["scores"]


def test_models_and_agency_meet_on_the_cases_of_the_agency(
    engine_sqlite: sa.Engine, with_agency: Synthetic
) -> None:
    body = ask(engine_sqlite, AGENCY, cases="shared")

    predictions = with_agency.predictions
    at_midnight = predictions[
        (predictions.t.dt.hour == 0) & predictions.region.isin([101, 102])
    ].dropna(subset=["c1"])
    known = at_midnight[at_midnight.t <= COVERED.end_at - DAY]
    sizes = {one["model"]: one["n"] for one in (body, *body["entrants"])}
    # A flare without a region leaves the cases of its day without truth.
    assert sizes[MODEL] == sizes[AGENCY] == sizes["persistence"] == sizes["climatology-120d"]
    assert 0.7 * len(known) < sizes[AGENCY] <= len(known)
    assert set(body["differences"]) >= {MODEL, "persistence"}


def test_what_the_agency_does_not_forecast_has_no_cases(
    engine_sqlite: sa.Engine, with_agency: Synthetic
) -> None:
    body = ask(engine_sqlite, AGENCY, cases="shared", event="M5.0")

    assert body["n"] == 0
    assert body["scores"]["brier"]["value"] is None


def test_one_region_is_scored_on_the_cases_of_the_agency_too(
    engine_sqlite: sa.Engine, with_agency: Synthetic
) -> None:
    body = ask(engine_sqlite, AGENCY, cases="shared", region_id=101)

    sizes = {one["n"] for one in (body, *body["entrants"])}
    assert len(sizes) == 1
    assert 0 < sizes.pop() <= N_DAYS


def test_the_disk_is_scored_by_the_agencys_own_forecasts(
    engine_sqlite: sa.Engine, with_agency: Synthetic
) -> None:
    # C1.0+ is forecast with certainty every other day: 1 - prod(1 - p) of its regions is 0.79.
    own = [AgencyForecast(0, FIRST + k * DAY, None, agree(float(k % 2)), NOW) for k in range(40)]
    transact(engine_sqlite, lambda c: store_forecasts(c, AGENCY, own, now=NOW))
    refresh(engine_sqlite)

    body = ask(engine_sqlite, AGENCY, scope="disk", cases="shared", threshold=0.5)

    strong = with_agency.flares[with_agency.flares.flux >= 1e-6]
    came = [((strong.peak >= FIRST + k * DAY) & (strong.peak < FIRST + (k + 1) * DAY)).any()
            for k in range(40)]  # fmt: skip
    assert body["contingency"] == {
        "hits": sum(came[1::2]), "misses": sum(came[0::2]),
        "false_alarms": 20 - sum(came[1::2]), "correct_negatives": 20 - sum(came[0::2]),
    }  # fmt: skip
    assert {one["model"]: one["n"] for one in body["entrants"]}[MODEL] == 40
    of_model = ask(engine_sqlite, MODEL, scope="disk", cases="shared")
    assert AGENCY in {one["model"] for one in of_model["entrants"]}


def published(shared_data: Path) -> tuple[dict[str, float], list[AgencyForecast], list[str]]:
    """Return the golden numbers of SWPC, M1.0+ on day 1, its forecasts and the flare lines."""
    handbook, folder = (
        shared_data.parent / "handbook",
        shared_data / "moswoc_swpc_forecasts_ccby_mit",
    )
    for needed in (handbook / "verification_golden.json", folder):
        if not needed.exists():
            pytest.skip(f"the published forecasts are not at {needed}")
    golden = json.loads((handbook / "verification_golden.json").read_text())["SWPC|M+|day1"]
    issues: dict[str, dict[datetime, float]] = {}
    for name in ("IFF_fcast.txt", "SWPC_fcast.txt"):
        # The first issue before 03 UT, on days that both centres issued.
        for line in (folder / name).read_text().splitlines():
            fields = line.split()
            if len(fields) > 5 and int(fields[3]) < 3:
                day = datetime(*map(int, fields[:3]), tzinfo=UTC)
                issues.setdefault(name, {}).setdefault(day, int(fields[5]) / 100)
    days = issues["IFF_fcast.txt"].keys() & issues["SWPC_fcast.txt"].keys()
    forecasts = [
        AgencyForecast(0, day, None, (None, issues["SWPC_fcast.txt"][day], None, None), NOW)
        for day in sorted(days)
    ]
    return golden, forecasts, (folder / "MX_list.txt").read_text().splitlines()


def flare_of(line: str) -> FlareRecord:
    year, month, day, start, peak, _, goes_class, *_ = line.split()
    midnight = datetime(int(year), int(month), int(day), tzinfo=UTC)
    start_at, peak_at = (
        midnight + timedelta(hours=int(t[:2]), minutes=int(t[2:])) for t in (start, peak)
    )
    peak_at += DAY if peak_at < start_at else timedelta(0)
    return FlareRecord(start_at, peak_at, None, goes_class, FluxScale.OPERATIONAL)


def test_the_published_forecasts_of_swpc_have_their_golden_scores(
    engine_sqlite: sa.Engine, shared_data: Path
) -> None:
    golden, forecasts, lines = published(shared_data)
    flares = [flare_of(line) for line in lines if len(line.split()) > 6]
    covers = Window(datetime(2013, 12, 1, tzinfo=UTC), datetime(2016, 9, 1, tzinfo=UTC))

    def work(connection: sa.Connection) -> None:
        store_forecasts(connection, AGENCY, forecasts, now=NOW)
        store_flares(connection, flares, source="published", covers=covers, now=NOW)

    transact(engine_sqlite, work)
    refresh(engine_sqlite)
    body = ask(engine_sqlite, AGENCY, scope="disk", event="M1.0", threshold=0.5)

    scores = {name: score["value"] for name, score in body["scores"].items()}
    assert (body["n"], body["n_events"]) == (golden["n"], golden["events"])
    assert scores["brier"] == pytest.approx(golden["BS"], abs=5e-5 + 1e-9)
    assert scores["bss"] == pytest.approx(golden["BSS"], abs=5e-4 + 1e-9)
    assert scores["auc"] == pytest.approx(golden["AUC"], abs=5e-4 + 1e-9)
    assert scores["tss"] == pytest.approx(golden["at0.5"]["TSS"], abs=5e-4 + 1e-9)
