"""Requests of many senders at the same moment are each stored and answered as if alone.

They speak HTTP to a real server on either store. The tests share it, so that each has regions and
senders of its own.
"""

from __future__ import annotations

import json
import os
import random
import select
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from alert_calls import HIGH, LOW, MODEL, RULES, START, Row
from conftest import empty
from handmade_models import line_up
from processes import free_port, serving
from requests_at_once import (
    PROBLEM,
    Answer,
    delivery,
    read_answer,
    request,
    send_at_once,
    send_until,
    write_all,
)
from served_windows import WINDOW

from app.ingest.arrow_rows import MEDIA_TYPE
from database.delivery.flow import SPANS
from database.engine import reading
from database.schema import tables
from solar.durations import PROCESSING
from solar.time import isoformat

MODELS = 2
CADENCE = timedelta(minutes=12)
MIXED_REGIONS = range(16_000, 16_020)
BULK_ROWS = 2_000


@dataclass(frozen=True)
class Api:
    """A server of the API, and the store behind it."""

    port: int
    store: sa.Engine

    def get(self, path: str) -> list[dict[str, Any]]:
        """Return the items of a listing."""
        address = f"http://127.0.0.1:{self.port}/api/v1/{path}"
        with urllib.request.urlopen(address, timeout=30) as response:
            items: list[dict[str, Any]] = json.load(response)["items"]
        return items

    def send(self, bodies: Sequence[bytes]) -> list[Answer]:
        """Send JSON bodies at the same moment."""
        return send_at_once(self.port, [request(body) for body in bodies])

    def rows(self, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> Sequence[sa.Row[Any]]:
        """Read rows of the store."""
        with reading(self.store) as connection:
            return connection.execute(sa.select(table).where(*conditions)).all()

    def senders(self, prefix: str) -> dict[str, dict[str, Any]]:
        """Return what the API has counted of the senders whose names begin like this."""
        items = self.get("senders?limit=1000")
        return {i["sender"]: i for i in items if i["sender"].startswith(prefix)}


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    store: sa.Engine = request.getfixturevalue(f"{request.param}_engine")
    empty(store)
    folder, port = tmp_path_factory.mktemp("many"), free_port()
    rules = folder / "rules.toml"
    rules.write_text(RULES)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLARE_")}
    environment = kept | {
        "FLARE_DATABASE_URL": store.url.render_as_string(hide_password=False),
        "FLARE_API_PORT": port,
        "FLARE_ARTIFACTS_DIR": str(line_up(folder / "models", MODEL, WINDOW)),
        "FLARE_ALERT_RULES": str(rules),
        "FLARE_WEBHOOK_URL": "https://example.org/alerts",
        "FLARE_WEBHOOK_SECRET": "a secret of sixteen",
        "FLARE_NOTIFY_DRY_RUN": "true",
    }
    ready = f"http://127.0.0.1:{port}/ready"
    with serving("app", "serve", ready=ready, environment=environment):
        yield Api(int(port), store)


only_mariadb = pytest.mark.parametrize("api", ["mariadb"], indirect=True)


def level(row: Row, harpnum: int, value: float = LOW, *, step: int = 0, **changes: Any) -> Any:
    """Return the record of a region at a step of the cadence, which MODEL scores by its value."""
    t_rec = isoformat(START + step * CADENCE)
    return row(harpnum=harpnum, noaa_ars=[], t_rec=t_rec, keywords={"MEANGAM": value}, **changes)


@contextmanager
def refusing(store: sa.Engine, region_id: int) -> Iterator[None]:
    """Let the store itself refuse every record of one region."""
    trigger = "CREATE TRIGGER refusal BEFORE INSERT ON observations"
    if store.dialect.name == "sqlite":
        trigger += f" WHEN NEW.region_id = {region_id} BEGIN SELECT RAISE(ABORT, 'no'); END"
    else:
        trigger += (
            f" FOR EACH ROW IF NEW.region_id = {region_id}"
            " THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF"
        )
    with store.begin() as connection:
        connection.exec_driver_sql(trigger)
    try:
        yield
    finally:
        with store.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER refusal")


def traces(api: Api, *, region_id: int, sender: str) -> dict[str, int]:
    """Count the rows of every table that name a region or a sender, where there are any."""
    ours = {"region_id": region_id, "sender_id": sender, "last_sender": sender}
    counts = {}
    for name, table in tables.metadata.tables.items():
        named = [table.c[column] == ours[column] for column in ours.keys() & table.c.keys()]
        if named and (rows := api.rows(table, sa.or_(*named))):
            counts[name] = len(rows)
    return counts


def test_a_record_that_the_store_refuses_costs_no_other_sender_anything(api: Api, row: Row) -> None:
    first, n, poisoned = 10_000, 200, 10_077
    bodies = [delivery(f"many-{h}", [level(row, h)]) for h in range(first, first + n)]

    with refusing(api.store, poisoned):
        answers = api.send(bodies)

    bad = answers.pop(poisoned - first)
    assert (bad.status, bad.media_type) == (500, PROBLEM)
    assert bad.body["detail"].startswith("the store refused")
    assert {(a.status, a.outcomes, a.body["predictions"]) for a in answers} == {
        (200, (1, 0, 0), MODELS)
    }
    assert traces(api, region_id=poisoned, sender=f"many-{poisoned}") == {}
    stored, scored = tables.observations, tables.predictions
    ours = range(first, first + n)
    records = api.rows(stored, stored.c.region_id.in_(ours))
    assert [r.sender_id for r in records] == [f"many-{r.region_id}" for r in records]
    live = scored.c.model_id == MODEL.model_id
    assert len(records) == len(api.rows(scored, live, scored.c.region_id.in_(ours))) == n - 1
    counts = api.senders("many-").values()
    assert [(s["accepted"], s["sent"], s["lost"]) for s in counts] == [(1, 1, 0)] * (n - 1)
    flow = tables.ingest_flow
    for span in SPANS:
        rows = api.rows(flow, flow.c.span_seconds == span, flow.c.sender_id.startswith("many-"))
        sums = [sum(getattr(r, name) for r in rows) for name in ("requests", "accepted")]
        assert [*sums, int(PROCESSING.unpack([r.processing for r in rows]).sum())] == [n - 1] * 3
        assert sum(r.predictions for r in rows) == MODELS * (n - 1)


def test_every_request_is_told_what_is_wrong_with_its_own_rows(api: Api, row: Row) -> None:
    good = [delivery(f"good-{h}", [level(row, h)]) for h in range(11_000, 11_040)]
    steps = [level(row, 11_100, step=step) for step in range(3)]
    spoiled = [step | {"lat_fwt": 99.0} for step in steps]
    misnamed = [level(row, 11_101) | {"keywords": {"MEANGEM": 1.0}}]
    broken = [
        delivery("partly-0", [spoiled[0], *steps[1:]]),
        delivery("partly-2", [*steps[:2], spoiled[2]]),
        b'{"observations": [',
        delivery("misnamed", misnamed),
        delivery("empty", []),
    ]
    bodies = [*good, *broken]
    places = random.Random(1).sample(range(len(bodies)), len(bodies))

    shuffled = api.send([bodies[place] for place in places])

    answers = [shuffled[places.index(place)] for place in range(len(bodies))]
    assert {(a.status, a.outcomes) for a in answers[:40]} == {(200, (1, 0, 0))}
    first, second, no_json, unknown, nothing = answers[40:]
    for answer, place in ((first, 0), (second, 2)):
        assert answer.status == 200
        assert [r["index"] for r in answer.body["rejected"]] == [place]
        assert answer.body["accepted"] + answer.body["duplicates"] == 2
    assert first.body["accepted"] + second.body["accepted"] == 3
    assert [a.status for a in (no_json, unknown, nothing)] == [400, 422, 422]
    assert {a.media_type for a in (no_json, unknown, nothing)} == {PROBLEM}
    assert [e["path"] for e in unknown.body["errors"]] == ["observations[0].keywords.MEANGEM"]
    assert [e["path"] for e in nothing.body["errors"]] == ["observations"]
    counts = api.senders("")
    names = ("accepted", "duplicates", "rejected", "sent")
    assert [counts["misnamed"][name] for name in names] == [0, 0, 1, 1]
    for name in ("partly-0", "partly-2"):
        assert (counts[name]["rejected"], counts[name]["sent"], counts[name]["lost"]) == (1, 3, 0)
    causes = {cause.path: cause.n for cause in api.rows(tables.rejections)}
    whole = {"(unknown field)": 1, "(whole request)": 1, "observations": 1}
    assert causes == {"lat_fwt": 2, **whole}


def test_of_thirty_senders_with_one_record_one_is_new_and_the_others_are_duplicates(
    api: Api, row: Row
) -> None:
    answers = api.send([delivery(f"same-{n}", [level(row, 12_000)]) for n in range(30)])

    assert sorted(a.outcomes for a in answers) == [(0, 1, 0)] * 29 + [(1, 0, 0)]
    assert sum(a.body["predictions"] for a in answers) == MODELS
    of_region = tables.predictions.c.region_id == 12_000
    assert [r.revision for r in api.rows(tables.predictions, of_region)] == [1] * MODELS
    counts = api.senders("same-").values()
    assert sum(s["accepted"] for s in counts) == 1
    assert {s["accepted"] + s["duplicates"] for s in counts} == {1}


def test_of_thirty_versions_of_one_record_the_newest_date_is_current_and_all_are_kept(
    api: Api, row: Row
) -> None:
    versions = [
        level(row, 12_100, 40.0 + n, made_at=f"2014-03-02T00:{n:02}:00Z") for n in range(30)
    ]
    bodies = [delivery(f"version-{n}", [version]) for n, version in enumerate(versions)]

    answers = api.send(random.Random(2).sample(bodies, len(bodies)))

    outcomes = [sum(column) for column in zip(*(a.outcomes for a in answers), strict=True)]
    assert sum(outcomes) == 30
    assert outcomes[0] == 1
    (current,) = api.get("observations?region=12100")
    assert current["made_at"] == "2014-03-02T00:29:00Z"
    assert current["keywords"]["MEANGAM"] == 69.0
    kept = api.get("conflicts?region=12100&limit=100")
    assert sorted(item["keywords"]["MEANGAM"] for item in kept) == [40.0 + n for n in range(29)]
    assert {item["reason"] for item in kept} == {"older DATE"}
    (forecast,) = api.get("predictions?region=12100")
    assert forecast["raw"]["C1.0"] == pytest.approx(MODEL.probability([[69.0]]), rel=1e-4)
    counts = api.senders("version-").values()
    assert sum(s["accepted"] + s["duplicates"] + s["revised"] for s in counts) == 30


def test_a_rise_that_twenty_senders_report_at_once_raises_one_alert(api: Api, row: Row) -> None:
    def hour(number: int, value: float) -> Any:
        return level(row, 13_000, value, step=5 * number)

    api.send([delivery("rise", [hour(0, LOW), hour(1, HIGH)])])
    bodies = [delivery(f"rise-{n}", [hour(n, HIGH)]) for n in range(2, 22)]

    answers = api.send(random.Random(3).sample(bodies, len(bodies)))

    assert {a.outcomes for a in answers} == {(1, 0, 0)}
    alerts = api.rows(tables.alerts, tables.alerts.c.region_id == 13_000)
    assert sorted((a.event, a.state) for a in alerts) == [("C1.0", "open"), ("M1.0", "open")]
    told = tables.notices.c.alert_id.in_([a.alert_id for a in alerts])
    assert sorted(n.change for n in api.rows(tables.notices, told)) == ["escalated", "opened"]


def test_each_sender_that_asks_for_forecasts_gets_those_of_its_own_records(
    api: Api, row: Row
) -> None:
    regions = range(14_000, 14_020)
    rows = {h: [level(row, h, 48.0 + (h % 20) / 10, step=s) for s in (0, 1)] for h in regions}
    requests = [
        # Every fourth sender only wants their number.
        request(delivery(f"asks-{h}", rows[h]), query="" if h % 4 == 0 else "return=predictions")
        for h in regions
    ]

    answers = send_at_once(api.port, requests)

    for harpnum, answer in zip(regions, answers, strict=True):
        if harpnum % 4 == 0:
            assert answer.body["predictions"] == 2 * MODELS
            continue
        forecasts = answer.body["predictions"]
        times = [item["t_rec"] for item in rows[harpnum]]
        wanted = [(harpnum, at, model.model_id) for at in times for model in (MODEL, WINDOW)]
        assert sorted((f["region"], f["t_rec"], f["model"]) for f in forecasts) == sorted(wanted)
        said = [f["raw"]["C1.0"] for f in forecasts if f["model"] == MODEL.model_id]
        expected = MODEL.probability([[48.0 + (harpnum % 20) / 10]])
        assert said == pytest.approx([expected] * 2, rel=1e-4)


@only_mariadb
def test_a_region_that_is_locked_delays_nobody_but_its_own_sender(api: Api, row: Row) -> None:
    regions = range(15_000, 15_021)
    locked, *others = regions
    api.send([delivery(f"first-{h}", [level(row, h)]) for h in regions])
    lock = sa.select(tables.regions).where(tables.regions.c.region_id == locked).with_for_update()

    with api.store.begin() as holder:
        holder.execute(lock).one()
        began = time.monotonic()
        places = [*others[:10], locked, *others[10:]]
        lines = write_all(
            api.port, [request(delivery(f"lock-{h}", [level(row, h, step=1)])) for h in places]
        )
        waiting = lines.pop(10)
        answers = [read_answer(line) for line in lines]
        # Those that come while it waits are not behind it either.
        answers += api.send([delivery(f"late-{h}", [level(row, h, step=2)]) for h in others])
        seconds = time.monotonic() - began
        is_answered = bool(select.select([waiting], [], [], 0)[0])
    delayed = read_answer(waiting)

    assert {a.outcomes for a in answers} == {(1, 0, 0)}
    assert seconds < 2.5
    assert not is_answered
    assert delayed.outcomes == (1, 0, 0)


def bulk(number: int) -> bytes:
    """Return 2,000 records, a hundred steps of each of twenty regions, as an Arrow stream."""
    steps = [START + (100 * number + s) * CADENCE for s in range(100) for _ in MIXED_REGIONS]
    columns = {
        "harpnum": [*MIXED_REGIONS] * 100,
        "t_rec": pa.array(steps, pa.timestamp("us", "UTC")),
        "series": ["hmi.sharp_cea_720s"] * BULK_ROWS,
        "quality": [0] * BULK_ROWS,
        "MEANGAM": [LOW] * BULK_ROWS,
    }
    table, sink = pa.table(columns), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@only_mariadb
def test_bulk_and_sixty_single_clients_over_the_same_regions_do_not_disturb_each_other(
    api: Api, row: Row
) -> None:
    ends_at = time.monotonic() + 3.0

    def send_bulk() -> list[Answer]:
        return send_until(ends_at, api.port, bulk, query="sender=bulk", media_type=MEDIA_TYPE)

    def send_singles(client: int) -> list[Answer]:
        place, harpnum = divmod(client, len(MIXED_REGIONS))

        def body(n: int) -> bytes:
            # Steps before those of the bulk, and of no other client.
            record = level(row, MIXED_REGIONS[harpnum], step=-1 - 3 * n - place)
            return delivery(f"single-{client}", [record], number=n + 1)

        return send_until(ends_at, api.port, body)

    with ThreadPoolExecutor(61) as clients:
        of_bulk = clients.submit(send_bulk)
        singles = [answer for each in clients.map(send_singles, range(60)) for answer in each]

    assert {(a.status, a.outcomes) for a in singles} == {(200, (1, 0, 0))}
    assert {(a.status, a.outcomes) for a in of_bulk.result()} == {(200, (BULK_ROWS, 0, 0))}
    counts = api.senders("single-").values()
    assert sum(s["accepted"] for s in counts) == sum(s["sent"] for s in counts) == len(singles)
    sent = len(singles) + BULK_ROWS * len(of_bulk.result())
    for table, each in ((tables.observations, 1), (tables.predictions, MODELS)):
        query = sa.select(sa.func.count()).where(table.c.region_id.in_(MIXED_REGIONS))
        with reading(api.store) as connection:
            assert connection.scalar(query) == each * sent
