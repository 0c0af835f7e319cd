"""An agency is scored beside the models: its regions on shared cases, the disk in its own words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from synthetic_store import COVERED, FIRST, MODEL, N_DAYS, NOAA, Synthetic, fill

from data_sender.sources.live.agency_forecasts import read_agency_forecasts
from database.agencies.forecasts import AgencyForecast, Probabilities, store_forecasts
from database.engine import reading, transact
from database.flares.flares import FlareRecord, store_flares
from database.schema.tables import predictions
from database.verification.rollup import refresh
from database.verification.skill import skill
from solar.flares import FluxScale
from solar.time import Window, nearest_slot, parse_time
from solar.windows import forecast_window

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


FILES = ("IFF_fcast.txt", "SWPC_fcast.txt")
COVERS = Window(datetime(2013, 12, 1, tzinfo=UTC), datetime(2016, 9, 1, tzinfo=UTC))


def published(shared_data: Path) -> Path:
    """Return the folder of the published forecasts and flares of 2014 to 2016."""
    folder = shared_data / "moswoc_swpc_forecasts_ccby_mit"
    if not folder.exists():
        pytest.skip(f"the published forecasts are not at {folder}")
    return folder


def golden(shared_data: Path, name: str) -> dict[str, Any]:
    """Return the scores that were computed for them apart from the project."""
    path = shared_data.parent / "handbook" / "verification_golden.json"
    if not path.exists():
        pytest.skip(f"the scores of the published forecasts are not at {path}")
    return dict(json.loads(path.read_text())[name])


def read_published(path: Path) -> list[AgencyForecast]:
    """Read the file as the sender does."""
    return [
        AgencyForecast(
            0,
            parse_time(row["valid_from"]),
            None,
            (None, row["probabilities"]["M1.0"], None, row["probabilities"]["X1.0"]),
            parse_time(row["issued_at"]),
            forecast_window(row["window"]),
        )
        for row in read_agency_forecasts(path, semantics="exceed")
    ]


def issued_on(one: AgencyForecast) -> datetime:
    return one.valid_from - one.window.latency


def flare_of(line: str) -> FlareRecord:
    year, month, day, start, peak, _, goes_class, *_ = line.split()
    midnight = datetime(int(year), int(month), int(day), tzinfo=UTC)
    start_at, peak_at = (
        midnight + timedelta(hours=int(t[:2]), minutes=int(t[2:])) for t in (start, peak)
    )
    peak_at += DAY if peak_at < start_at else timedelta(0)
    return FlareRecord(start_at, peak_at, None, goes_class, FluxScale.OPERATIONAL)


def store_published(
    engine: sa.Engine, folder: Path, by_agency: dict[str, list[AgencyForecast]]
) -> None:
    lines = (folder / "MX_list.txt").read_text().splitlines()
    flares = [flare_of(line) for line in lines if len(line.split()) > 6]

    def work(connection: sa.Connection) -> None:
        for model_id, forecasts in by_agency.items():
            store_forecasts(connection, model_id, forecasts, now=NOW)
        store_flares(connection, flares, source="published", covers=COVERS, now=NOW)

    transact(engine, work)
    refresh(engine)


@pytest.fixture
def of_common_days(engine_sqlite: sa.Engine, shared_data: Path) -> sa.Engine:
    """Hold both centres' forecasts of the days on which both issued one."""
    folder = published(shared_data)
    metoffice, swpc = (read_published(folder / name) for name in FILES)
    days = {issued_on(one) for one in metoffice} & {issued_on(one) for one in swpc}
    store_published(
        engine_sqlite,
        folder,
        {
            "metoffice@archive": [one for one in metoffice if issued_on(one) in days],
            AGENCY: [one for one in swpc if issued_on(one) in days],
        },
    )
    return engine_sqlite


NAMES = {"metoffice@archive": "MOSWOC_issued", AGENCY: "SWPC"}
TARGETS = [
    (model_id, event, letter, window, day)
    for model_id in NAMES
    for event, letter in (("M1.0", "M+"), ("X1.0", "X+"))
    for window, day in (("24h", 1), ("d2", 2), ("d3", 3))
]


@pytest.mark.thorough
def test_the_published_forecasts_of_three_days_have_their_golden_scores(
    of_common_days: sa.Engine, shared_data: Path
) -> None:
    for model_id, event, letter, window, day in TARGETS:
        expected = golden(shared_data, f"{NAMES[model_id]}|{letter}|day{day}")
        name = event if window == "24h" else f"{event}/{window}"

        body = ask(of_common_days, model_id, scope="disk", event=name, threshold=0.5)

        scores = {name: score["value"] for name, score in body["scores"].items()}
        assert (body["n"], body["n_events"]) == (expected["n"], expected["events"])
        assert scores["brier"] == pytest.approx(expected["BS"], abs=5e-5 + 1e-9)
        assert scores["bss"] == pytest.approx(expected["BSS"], abs=5e-4 + 1e-9)
        assert scores["auc"] == pytest.approx(expected["AUC"], abs=5e-4 + 1e-9)
        assert scores["tss"] == pytest.approx(expected["at0.5"]["TSS"], abs=5e-4 + 1e-9)


def test_swpc_loses_skill_from_day_to_day_as_measured_apart(
    engine_sqlite: sa.Engine, shared_data: Path
) -> None:
    folder = published(shared_data)
    last = datetime(2016, 7, 9, tzinfo=UTC)
    own = [one for one in read_published(folder / FILES[1]) if issued_on(one) <= last]
    store_published(engine_sqlite, folder, {AGENCY: own})

    bodies = [
        ask(engine_sqlite, AGENCY, scope="disk", event=event)
        for event in ("M1.0", "M1.0/d2", "M1.0/d3")
    ]

    assert [body["n"] for body in bodies] == [917] * 3
    for score, expected in (("bss", (0.174, 0.114, 0.071)), ("auc", (0.812, 0.777, 0.754))):
        values = [body["scores"][score]["value"] for body in bodies]
        assert values == pytest.approx(expected, abs=6e-4)
