"""However records arrive, the same ones stand in the end, with the same forecasts."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from handmade_models import line_up
from served_windows import (
    CADENCE,
    FEATURES,
    POINT,
    START,
    URL,
    WINDOW,
    MakeApp,
    Row,
    Rows,
    expected,
    forecasts,
    records,
    send,
)

from database.engine import reading
from database.schema.tables import (
    alert_tracks,
    alerts,
    observation_conflicts,
    observations,
    predictions,
    regions,
    superseded_predictions,
)
from solar.time import isoformat

DAY = timedelta(days=1)
QUICK = "hmi.sharp_cea_720s_nrt"
# All that records of a region leave behind.
BY_REGION = (
    regions,
    observations,
    observation_conflicts,
    predictions,
    superseded_predictions,
    alerts,
    alert_tracks,
)
SEEDS = [5, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(20, 26))]


def small_world(row: Row, rng: random.Random, harpnums: Sequence[int]) -> tuple[Rows, Rows]:
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
    yield from in_parts(rows, rng)


def in_order(accounts: Rows) -> Rows:
    """Put the quick look first, then the definitive accounts by their DATE."""
    return sorted(accounts, key=lambda a: (a["t_rec"], a["series"] != QUICK, a["made_at"]))


def with_repetitions(rows: Rows, rng: random.Random) -> Rows:
    """Repeat a third of the rows, each at any place behind its first."""
    repeated = list(rows)
    for row in rng.sample(rows, len(rows) // 3):
        first = next(place for place, item in enumerate(repeated) if item is row)
        repeated.insert(rng.randint(first + 1, len(repeated)), row)
    return repeated


def in_parts(rows: Rows, rng: random.Random) -> Iterator[Rows]:
    """Part rows into batches of any size."""
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


def superseded(client: FlaskClient, harpnum: int) -> set[tuple[Any, ...]]:
    items = client.get(f"/api/v1/conflicts?region={harpnum}&limit=1000").get_json()["items"]
    return {
        (item["t_rec"], item["series"], item["made_at"], *(item["keywords"][n] for n in FEATURES))
        for item in items
    }


def deliver(client: FlaskClient, sender: str, batches: Iterable[Rows]) -> None:
    """Send batches one after the other as a sender that counts its rows."""
    sent = 0
    for number, batch in enumerate(batches, 1):
        sent += len(batch)
        counts = {"id": sender, "sequence": number, "sent": sent}
        answer = client.post(URL, json={"sender": counts, "observations": batch})
        assert answer.status_code == 200, answer.text


def deliver_at_once(client: FlaskClient, batches: Mapping[str, Iterable[Rows]]) -> None:
    """Send the batches of every sender beside those of the others."""
    start = Barrier(len(batches))

    def work(sender: str) -> None:
        own = client.application.test_client()
        start.wait()
        deliver(own, sender, batches[sender])

    with ThreadPoolExecutor(len(batches)) as senders:
        list(senders.map(work, batches))


def state(engine: sa.Engine, table: sa.Table, harpnums: range) -> list[dict[str, Any]]:
    """Read the rows of regions, named by their place in the range; who sent them is left out."""
    left_out = ("sender_id", "alert_id", "harpnum")
    columns = [column for column in table.c if column.name not in left_out]
    query = sa.select(*columns).where(table.c.region_id.in_(harpnums))
    with reading(engine) as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    renamed = [row | {"region_id": row["region_id"] - harpnums.start} for row in rows]
    return sorted(renamed, key=str)


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


@pytest.mark.parametrize("seed", SEEDS)
def test_senders_that_overtake_each_other_end_with_the_same_records_and_forecasts(
    window_client: FlaskClient, row: Row, seed: int
) -> None:
    rng, senders = random.Random(seed), 5
    accounts, holding = small_world(row, rng, (1, 2))
    # Every version goes to some of the senders, of which each sends some twice.
    shares = [[account for account in accounts if rng.random() < 0.3] for _ in range(senders)]
    for account in accounts:
        shares[rng.randrange(senders)].append(account)
    batches = [list(in_disorder(share, rng)) for share in shares]

    deliver_at_once(window_client, {f"s{n}": each for n, each in enumerate(batches)})
    moved = [[item | {"harpnum": 5000 + item["harpnum"]}] for item in in_order(accounts)]
    deliver(window_client, "in-order", moved)

    for harpnum in (1, 2):
        assert stood(window_client, harpnum) == meant(holding, harpnum)
        assert seen(window_client, harpnum) == sightings_meant(holding, harpnum)
        assert superseded(window_client, harpnum) == superseded(window_client, 5000 + harpnum)
        found, meant_forecasts = (raw(current(window_client, n)) for n in (harpnum, 5000 + harpnum))
        assert found == pytest.approx(meant_forecasts, abs=1e-6)
    known = {(item["region"], item["t_rec"]): item["raw"]["C1.0"]
             for harpnum in (1, 2) for item in current(window_client, harpnum)
             if item["model"] == WINDOW.model_id and item["raw"]["C1.0"] is not None}  # fmt: skip
    assert known == pytest.approx(expected(holding), abs=1e-6)
    counts = window_client.get("/api/v1/senders").get_json()["items"]
    ours = [item for item in counts if item["sender"] != "in-order"]
    assert sum(item["accepted"] for item in ours) == len(holding)
    for item in ours:
        assert (item["rejected"], item["lost"]) == (0, 0)
        assert item["accepted"] + item["duplicates"] + item["revised"] == item["sent"]
    rows = [len(batch) for each in batches for batch in each]
    assert sum(item["sent"] for item in ours) == sum(rows)


@pytest.mark.parametrize("seed", SEEDS)
def test_senders_of_different_regions_at_once_leave_what_they_leave_one_after_the_other(
    engine: sa.Engine, make_app: MakeApp, tmp_path: Path, row: Row, seed: int
) -> None:
    rng, n = random.Random(seed), 6
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nevent = "C1.0"\non = 0.5\nsustain_minutes = 12\n')
    models = line_up(tmp_path / "models", POINT, WINDOW)
    client = make_app(engine, artifacts_dir=models, alert_rules=rules).test_client()
    # Of a region the same rows arrive in the same order both times, as alerts depend on it.
    histories = {}
    for harpnum in range(1, n + 1):
        accounts, _ = small_world(row, rng, (harpnum,))
        accounts.sort(key=lambda account: (str(account["t_rec"]), rng.random()))
        histories[harpnum] = list(in_parts(with_repetitions(accounts, rng), rng))

    deliver_at_once(client, {f"s{harpnum}": batches for harpnum, batches in histories.items()})
    for harpnum, batches in histories.items():
        moved = [[item | {"harpnum": 5000 + harpnum} for item in batch] for batch in batches]
        deliver(client, f"alone-{harpnum}", moved)

    assert client.get("/api/v1/alerts?limit=1000").get_json()["items"]
    for table in BY_REGION:
        at_once, alone = (state(engine, table, range(first, first + n)) for first in (1, 5001))
        assert at_once == alone, table.name
    counts = {item["sender"]: item for item in client.get("/api/v1/senders").get_json()["items"]}
    names = ("sent", "accepted", "duplicates", "revised", "rejected", "late", "lost")
    for harpnum in histories:
        one, other = (counts[f"{name}{harpnum}"] for name in ("s", "alone-"))
        assert [one[name] for name in names] == [other[name] for name in names]


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
