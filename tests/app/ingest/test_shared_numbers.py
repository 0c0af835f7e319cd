"""Forecasts where two HARPs share a NOAA number are the same however the records were sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from conftest import empty
from flask.testing import FlaskClient
from served_windows import MakeApp

from database.engine import transact
from database.harps import add_harp_pairs
from solar.time import isoformat

Row = Callable[..., dict[str, Any]]

START = datetime(2014, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SHARED, OTHER = 11990, 11991
COVERS = {"from": isoformat(START - 30 * 24 * HOUR), "to": isoformat(START + 10 * 24 * HOUR)}


def hourly(row: Row, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Two HARPs of one number, of which the second begins later, and one of another, with gaps."""
    spans = {100: (0, 60, SHARED), 101: (int(rng.integers(1, 70)), 90, SHARED), 102: (0, 90, OTHER)}
    return [
        row(harpnum=harpnum, noaa_ars=[number], t_rec=isoformat(START + hour * HOUR))
        for hour in range(0, 90, 2)
        for harpnum, (first, last, number) in spans.items()
        if first <= hour < last and (rng.random() < 0.8) and not 20 <= (hour - harpnum) % 50 < 45
    ]


def random_flares(flare_row: Row, rng: np.random.Generator) -> list[dict[str, Any]]:
    minutes = np.sort(rng.choice(90 * 60, 40, replace=False)).tolist()
    return [
        flare_row(
            start=(at := isoformat(START + timedelta(minutes=minute))), peak=at, end=None,
            goes_class=f"{rng.choice(list('CM'))}{rng.uniform(1, 9):.1f}",
            noaa_ar=[SHARED, SHARED, OTHER, None][rng.integers(4)],
        )
        for minute in minutes
    ]  # fmt: skip


def ingested(
    client: FlaskClient, rows: list[dict[str, Any]], flares: list[dict[str, Any]], *, at_once: int
) -> list[dict[str, Any]]:
    """Send rows in batches with the flares up to the middle before, the others in the middle."""
    middle = len(rows) // 2
    seen = [flare for flare in flares if flare["peak"] < rows[middle]["t_rec"]]
    for arrived, part in ((seen, rows[:middle]), (flares, rows[middle:])):
        body = {"flares": arrived, "covers": COVERS}
        assert client.post("/api/v1/flares", json=body).status_code == 200
        for start in range(0, len(part), at_once):
            batch = {"observations": part[start : start + at_once]}
            assert client.post("/api/v1/observations", json=batch).status_code == 200
    items = client.get("/api/v1/predictions?limit=1000").get_json()["items"]
    return [{k: v for k, v in item.items() if k != "issued_at"} for item in items]


@pytest.fixture
def fresh(engine: sa.Engine, make_app: MakeApp) -> Callable[[bool], FlaskClient]:
    """A client of an empty store; the map of HARPs may name a third one that is never seen."""

    def begin(is_mapped: bool) -> FlaskClient:
        empty(engine)
        if is_mapped:
            pairs = [(100, SHARED), (101, SHARED), (109, SHARED), (102, OTHER)]
            transact(engine, lambda c: add_harp_pairs(c, pairs))
        return make_app(engine).test_client()

    return begin


@pytest.mark.parametrize("is_mapped", [False, True])
@pytest.mark.parametrize("seed", [2, 3])
def test_forecasts_do_not_depend_on_how_records_came_in_batches(
    fresh: Callable[[bool], FlaskClient], row: Row, flare_row: Row, seed: int, is_mapped: bool
) -> None:
    rng = np.random.default_rng(seed)
    rows, flares = hourly(row, rng), random_flares(flare_row, rng)

    one_by_one, by_seven, whole = (
        ingested(fresh(is_mapped), rows, flares, at_once=at_once) for at_once in (1, 7, 1_000)
    )

    assert len(one_by_one) == len(rows)
    assert by_seven == one_by_one
    assert whole == one_by_one


def forecast_of(client: FlaskClient, harpnum: int) -> dict[str, float]:
    items = client.get(f"/api/v1/predictions?region={harpnum}").get_json()["items"]
    forecast: dict[str, float] = items[-1]["probabilities"]
    return forecast


def test_a_flare_of_a_shared_number_counts_at_once_for_the_region_that_was_seen(
    fresh: Callable[[bool], FlaskClient], row: Row, flare_row: Row
) -> None:
    """The flare may arrive before or after the region's first record."""
    flare = flare_row(noaa_ar=SHARED, start="2014-03-01T10:00:00Z", peak="2014-03-01T10:05:00Z",
                      end=None, goes_class="X1.4")  # fmt: skip
    body = {"flares": [flare], "covers": COVERS}
    first, second = (
        {"observations": [row(harpnum=100, noaa_ars=[SHARED], t_rec=f"2014-03-01T{hour}:00:00Z")]}
        for hour in ("08", "12")
    )
    found = []
    for calls in (("flares", "first", "second"), ("first", "flares", "second")):
        client = fresh(True)
        for call in calls:
            path = "flares" if call == "flares" else "observations"
            sent = {"flares": body, "first": first, "second": second}[call]
            assert client.post(f"/api/v1/{path}", json=sent).status_code == 200
        found.append(forecast_of(client, 100))
    quiet = fresh(True)
    quiet.post("/api/v1/flares", json={"flares": [], "covers": COVERS})
    quiet.post("/api/v1/observations", json=second)

    assert found[0] == found[1]
    assert found[0]["M1.0"] > 1.5 * forecast_of(quiet, 100)["M1.0"]
