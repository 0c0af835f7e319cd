"""What `GET /skill` says of real forecasts is what pandas finds in them, from files alone."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from disk_oracle import aggregate
from flask.testing import FlaskClient
from spring_2014 import import_spring

from database.engine import transact
from database.harps import import_harp_map
from database.verification.entrants import PRIOR_RATES
from solar.flares import TARGETS

DAY = pd.Timedelta(days=1)
FIRST, END = pd.Timestamp("2014-02-16"), pd.Timestamp("2014-04-14")
ENTRANTS = ("climatology-120d", "climatology-365d", "persistence")


@pytest.fixture
def replayed(
    client_sqlite: FlaskClient, engine_sqlite: sa.Engine, shared_data: Path, clock: Any
) -> FlaskClient:
    clock.now = clock.now.replace(month=5)
    import_spring(client_sqlite, engine_sqlite, shared_data, now=clock.now)
    return client_sqlite


@pytest.fixture
def strong(shared_data: Path) -> pd.DataFrame:
    """M1.0+ flares straight from the list, with the HARP of their NOAA number, 0 for none."""
    listed = pd.read_parquet(shared_data / "flares" / "goes_flares.parquet")
    hourly = pd.read_parquet(shared_data / "sharp" / "hourly_2014.parquet")
    harps = hourly.drop_duplicates("noaa_ar").set_index("noaa_ar").harpnum.astype(int)
    mended = listed.peak_time.where(listed.peak_time >= listed.start_time, listed.peak_time + DAY)
    region = listed.noaa_ar.map(harps).fillna(-1).where(listed.noaa_ar > 0, 0).astype(int)
    flares = pd.DataFrame({"peak": mended, "region": region})
    return flares[listed.goes_class.str[0].isin(["M", "X"])].sort_values("peak")


def came(t: pd.Series, peaks: pd.Series, *, back: bool = False) -> np.ndarray:
    start, end = (t - DAY, t) if back else (t, t + DAY)
    ordered = np.sort(peaks.to_numpy())
    return np.searchsorted(ordered, end.to_numpy()) > np.searchsorted(ordered, start.to_numpy())


def stored(client: FlaskClient) -> pd.DataFrame:
    text = client.get("/api/v1/predictions?format=csv&limit=10000").get_data(as_text=True)
    frame = pd.read_csv(io.StringIO(text))
    t = pd.to_datetime(frame.t_rec, utc=True, format="ISO8601").dt.tz_localize(None)
    return pd.DataFrame({"region": frame.region, "t": t, "p": frame["M1.0"]})


def region_cases(predictions: pd.DataFrame, strong: pd.DataFrame) -> pd.DataFrame:
    unclear = came(predictions.t, strong[strong.region == 0].peak)
    own, before = np.zeros((2, len(predictions)), bool)
    for region, rows in predictions.groupby("region"):
        at = predictions.index.get_indexer(rows.index)
        peaks = strong[strong.region == region].peak
        own[at], before[at] = came(rows.t, peaks), came(rows.t, peaks, back=True)
    cases = predictions.assign(
        o=own, persistence=before.astype(float), day=predictions.t.dt.floor("D")
    )
    return cases[~unclear & predictions.p.notna()]


@pytest.fixture
def listed(shared_data: Path) -> list[tuple[datetime, datetime, float]]:
    """Peak, end and flux of the flares of C1.0 and more, straight from the list."""
    table = pd.read_parquet(shared_data / "flares" / "goes_flares.parquet")
    table = table[
        (table.peak_flux_wm2 >= 9.99e-7) & table.peak_time.between(FIRST - 125 * DAY, END)
    ]
    mended = table.peak_time.where(table.peak_time >= table.start_time, table.peak_time + DAY)
    end = table.end_time.where(table.end_time >= mended, table.end_time + DAY)
    times = (pd.DatetimeIndex(one).to_pydatetime() for one in (mended, end.fillna(mended)))
    return list(zip(*times, table.peak_flux_wm2, strict=True))


def disk_cases(
    predictions: pd.DataFrame, strong: pd.DataFrame, listed: list[tuple[datetime, datetime, float]]
) -> pd.DataFrame:
    ever, rows = [(datetime(2010, 1, 2), datetime(2025, 1, 1))], []  # noqa: DTZ001
    for day in pd.date_range(FIRST, END, inclusive="left"):
        recent = predictions[(predictions.t > day - DAY / 4) & (predictions.t <= day)].dropna()
        newest = recent.sort_values("t").groupby("region").p.last()
        product = float(1 - np.prod(1 - newest))
        rows.append((day, aggregate("M1.0", product, day.to_pydatetime(), listed, ever)))
    frame = pd.DataFrame(rows, columns=["day", "p"])
    o, before = came(frame.day, strong.peak), came(frame.day, strong.peak, back=True)
    return frame.assign(o=o, persistence=before.astype(float))


def climatology(days: pd.Series, past: pd.DataFrame, *, span: int, prior: float) -> pd.Series:
    rates = {}
    for day in days.unique():
        closed = past[(past.day >= day - DAY - span * DAY) & (past.day < day - DAY)]
        weight = 10 * len(closed) / closed.day.nunique() if len(closed) else 1.0
        rates[day] = (closed.o.sum() + weight * prior) / (len(closed) + weight)
    return days.map(rates)


def expected(p: pd.Series, o: pd.Series, threshold: float) -> dict[str, float]:
    yes = p >= threshold
    hits, false_alarms = int((yes & o).sum()), int((yes & ~o).sum())
    misses, quiet = int((~yes & o).sum()), int((~yes & ~o).sum())
    base = o.mean()
    return {
        "hits": hits,
        "false_alarms": false_alarms,
        "misses": misses,
        "correct_negatives": quiet,
        "tss": hits / (hits + misses) - false_alarms / (false_alarms + quiet),
        "brier": float(((p - o) ** 2).mean()),
        "bss": float(1 - ((p - o) ** 2).mean() / (base * (1 - base))),
    }


def test_every_entrant_scores_what_pandas_finds_in_the_stored_predictions(
    replayed: FlaskClient,
    strong: pd.DataFrame,
    listed: list[tuple[datetime, datetime, float]],
) -> None:
    predictions = stored(replayed)
    assert len(predictions) == 8_570
    for scope in ("region", "disk"):
        expect_scores(replayed, predictions, strong, listed, scope)


def expect_scores(
    replayed: FlaskClient,
    predictions: pd.DataFrame,
    strong: pd.DataFrame,
    listed: list[tuple[datetime, datetime, float]],
    scope: str,
) -> None:
    region_past = region_cases(predictions, strong)
    if scope == "region":
        cases, past = region_past, region_past
        cases = cases[(cases.day >= FIRST) & (cases.day < END)]
    else:
        cases = disk_cases(predictions, strong, listed)
        every_day = pd.Series(pd.date_range(FIRST - 400 * DAY, END))
        past = pd.DataFrame({"day": every_day, "o": came(every_day, strong.peak)})
    prior = PRIOR_RATES[scope]["M1.0"]
    for span in (120, 365):
        rates = climatology(cases.day, past, span=span, prior=prior)
        cases = cases.assign(**{f"climatology-{span}d": rates})

    answer = replayed.get(
        f"/api/v1/skill?event=M1.0&scope={scope}&from=2014-02-16T00:00:00Z&to=2014-04-14T00:00:00Z"
    ).get_json()

    entrants = {"p": answer} | {one["model"]: one for one in answer["entrants"]}
    assert set(entrants) == {"p", *ENTRANTS}
    for name, body in entrants.items():
        wanted = expected(cases[name], cases.o, body["threshold"]["value"])
        found = body["contingency"] | {k: v["value"] for k, v in body["scores"].items()}
        assert (body["n"], body["n_events"]) == (len(cases), int(cases.o.sum()))
        assert {key: found[key] for key in wanted} == pytest.approx(wanted, abs=1e-9), name


def evaluated(artefact: Path, data: Path, *options: str) -> dict[str, Any]:
    """Score a model on the records of the spring by the command, from files alone."""
    command = [
        sys.executable,
        "-m",
        "model_training",
        "evaluate",
        str(artefact),
        "--data",
        str(data),
        "--on",
        "sharp/hourly_2014.parquet",
        *options,
        "--json",
    ]
    run = subprocess.run(command, check=True, capture_output=True, timeout=300)
    of_model: dict[str, Any] = json.loads(run.stdout)["model"]
    return of_model


def expect_same_scores(client: FlaskClient, of_file: dict[str, Any], model: str = "live") -> None:
    for event, found in of_file.items():
        asked = f"/api/v1/skill?event={event}&scope=region&model={model}"
        of_store = client.get(asked).get_json()
        for count in ("n", "n_events", "n_unknown"):
            assert of_store[count] == found[count], (event, count)
        bss = of_store["scores"]["bss"]["value"]
        assert bss == pytest.approx(found["scores"]["bss"]["value"], abs=1e-4), event


@pytest.fixture
def spring(engine_sqlite: sa.Engine, shared_data: Path, clock: Any) -> None:
    """Know the HARPs of the NOAA numbers, and that it is May."""
    clock.now = clock.now.replace(month=5)
    with (shared_data / "maps" / "all_harps_with_noaa_ars.txt").open() as lines:
        transact(engine_sqlite, lambda c: import_harp_map(c, lines))


@pytest.mark.thorough
@pytest.mark.usefixtures("spring")
def test_in_every_window_evaluate_on_the_file_finds_the_cases_and_scores_of_the_store(
    client_sqlite: FlaskClient, engine_sqlite: sa.Engine, shared_data: Path, clock: Any
) -> None:
    import_spring(client_sqlite, engine_sqlite, shared_data, now=clock.now)

    of_file = evaluated(Path("model_training/artifacts/forecaster-1.0.0"), shared_data)

    assert set(of_file) == {target.name for target in TARGETS}
    expect_same_scores(client_sqlite, of_file)
