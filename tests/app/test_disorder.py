"""However records arrive, the same ones stand in the end, with the same forecasts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from served_windows import (
    CADENCE,
    FEATURES,
    POINT,
    START,
    WINDOW,
    Row,
    Rows,
    expected,
    forecasts,
    records,
    send,
)

from database.engine import reading
from database.schema.tables import predictions, regions, superseded_predictions
from solar.time import isoformat

DAY = timedelta(days=1)
QUICK = "hmi.sharp_cea_720s_nrt"


def small_world(row: Row, rng: random.Random, harpnums: tuple[int, int]) -> tuple[Rows, Rows]:
    """All accounts of some records, and those that hold by the rule, the last of each record."""
    everything, holding = [], []
    for harpnum in harpnums:
        for record in records(row, steps=range(9), harpnum=harpnum):
            accounts = [record | {"made_at": isoformat(START + DAY)}]
            for day in range(2, 2 + rng.choice((0, 0, 1, 2))):
                changed = {name: rng.uniform(0, 5) for name in FEATURES}
                made_at = isoformat(START + day * DAY)
                placed = {"lon_fwt": rng.uniform(-50, 50)}
                accounts.append(record | placed | {"keywords": changed, "made_at": made_at})
            holding.append(accounts[-1])
            if rng.random() < 0.4:
                # The quick look says something else, and may be dated later than the rest.
                quick = dict.fromkeys(FEATURES, rng.uniform(0, 5))
                changes = {
                    "series": QUICK,
                    "keywords": quick,
                    "made_at": isoformat(START + 9 * DAY),
                }
                accounts.insert(0, record | changes | {"lon_fwt": rng.uniform(-50, 50)})
            everything += accounts
    return everything, holding


def in_disorder(accounts: Rows, rng: random.Random) -> Iterator[Rows]:
    """Put accounts in any order, some of them twice, and part them into batches of any size."""
    rows = accounts + rng.sample(accounts, len(accounts) // 3)
    rng.shuffle(rows)
    while rows:
        size = rng.choice((1, 2, 3, 5, 8))
        yield rows[:size]
        rows = rows[size:]


def current(client: FlaskClient, harpnum: int, query: str = "") -> Rows:
    return [
        item
        for model in (WINDOW, POINT)
        for item in forecasts(client, model, f"region={harpnum}&{query}")
    ]


def stood(client: FlaskClient, harpnum: int) -> dict[str, Any]:
    items = client.get(f"/api/v1/observations?region={harpnum}").get_json()["items"]
    return {
        item["t_rec"]: (
            item["series"], item["made_at"], *(item["keywords"][name] for name in FEATURES)
        )
        for item in items
    }  # fmt: skip


def meant(rows: Rows, harpnum: int) -> dict[str, Any]:
    return {
        row["t_rec"]: (row["series"], row["made_at"], *(row["keywords"][n] for n in FEATURES))
        for row in rows if row["harpnum"] == harpnum
    }  # fmt: skip


def seen(client: FlaskClient, harpnum: int) -> tuple[str, str, str, float]:
    (item,) = client.get(f"/api/v1/regions?region={harpnum}").get_json()["items"]
    return item["first_t_rec"], item["last_t_rec"], item["series"], item["last_lon_fwt"]


def sightings_meant(rows: Rows, harpnum: int) -> tuple[str, str, str, float]:
    own = [row for row in rows if row["harpnum"] == harpnum]
    return own[0]["t_rec"], own[-1]["t_rec"], own[-1]["series"], own[-1]["lon_fwt"]


def raw(items: Rows) -> dict[tuple[str, str], float | None]:
    return {(item["model"], item["t_rec"]): item["raw"]["C1.0"] for item in items}


def test_any_order_and_any_batches_end_with_the_same_records_and_forecasts(
    window_client: FlaskClient, row: Row, clock: Any
) -> None:
    for seed in range(4):
        rng = random.Random(seed)
        harpnums = (1000 + 10 * seed, 1001 + 10 * seed)
        accounts, holding = small_world(row, rng, harpnums)
        known_then = []
        for batch in in_disorder(accounts, rng):
            clock.now += timedelta(minutes=1)
            send(window_client, batch)
            known_then.append((clock.now, current(window_client, harpnums[0])))

        in_order = [item | {"harpnum": 5000 + item["harpnum"]} for item in holding]
        send(window_client, in_order)

        for harpnum in harpnums:
            assert stood(window_client, harpnum) == meant(holding, harpnum)
            assert seen(window_client, harpnum) == sightings_meant(holding, harpnum)
            found = raw(current(window_client, harpnum))
            assert found == pytest.approx(raw(current(window_client, 5000 + harpnum)), abs=1e-6)
            windows = {key: p for key, p in expected(holding).items() if key[0] == harpnum}
            known = {(harpnum, t): p for (model, t), p in found.items()
                     if model == WINDOW.model_id and p is not None}  # fmt: skip
            assert known == pytest.approx(windows, abs=1e-6)
        for at, then in known_then:
            assert current(window_client, harpnums[0], f"as_of={isoformat(at)}") == then


def test_every_forecast_that_no_longer_stands_says_since_when(
    window_client: FlaskClient, engine: sa.Engine, row: Row, clock: Any
) -> None:
    rng = random.Random(11)
    accounts, _ = small_world(row, rng, (1, 2))
    for batch in in_disorder(accounts, rng):
        clock.now += timedelta(minutes=1)
        send(window_client, batch)

    columns = ("region_id", "t_rec", "model_id", "revision", "issued_at")
    current_rows = sa.select(*(predictions.c[name] for name in columns))
    old = superseded_predictions.c
    with reading(engine) as connection:
        issued = {tuple(r[:4]): r.issued_at for r in connection.execute(current_rows)}
        kept = connection.execute(
            sa.select(*(old[name] for name in columns), old.superseded_at)
        ).all()
    issued |= {tuple(r[:4]): r.issued_at for r in kept}
    # Each was replaced at the very moment at which its successor was issued.
    assert kept
    for *key, revision, _, superseded_at in kept:
        following = min(number for *k, number in issued if k == key and number > revision)
        assert issued[*key, following] == superseded_at


def test_senders_that_overtake_each_other_end_with_the_same_records_and_forecasts(
    window_client: FlaskClient, row: Row
) -> None:
    accounts, holding = small_world(row, random.Random(5), (1, 2))
    start = Barrier(3)

    def deliver(sender: int) -> None:
        client = window_client.application.test_client()
        start.wait()
        for batch in in_disorder(accounts, random.Random(sender)):
            send(client, batch)

    with ThreadPoolExecutor(3) as senders:
        list(senders.map(deliver, range(3)))

    for harpnum in (1, 2):
        assert stood(window_client, harpnum) == meant(holding, harpnum)
        assert seen(window_client, harpnum) == sightings_meant(holding, harpnum)
    known = {(item["region"], item["t_rec"]): item["raw"]["C1.0"]
             for harpnum in (1, 2) for item in current(window_client, harpnum)
             if item["model"] == WINDOW.model_id and item["raw"]["C1.0"] is not None}  # fmt: skip
    assert known == pytest.approx(expected(holding), abs=1e-6)


def test_a_new_region_that_two_senders_bring_at_once_keeps_its_whole_span(
    window_client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    start = Barrier(2)

    def deliver(step: int) -> None:
        client = window_client.application.test_client()
        for harpnum in range(1, 25):
            start.wait()
            at = isoformat(START + step * CADENCE)
            send(client, [row(harpnum=harpnum, noaa_ars=[], t_rec=at, lon_fwt=float(step))])

    with ThreadPoolExecutor(2) as senders:
        list(senders.map(deliver, (1, 2)))

    table = regions.c
    with reading(engine) as connection:
        found = connection.execute(
            sa.select(table.first_t_rec, table.last_t_rec, table.last_lon_fwt)
        ).all()
    assert [tuple(item) for item in found] == [(START + CADENCE, START + 2 * CADENCE, 2.0)] * 24
