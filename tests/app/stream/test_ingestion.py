from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import served_windows
import sqlalchemy as sa
from handmade_models import ALL_WINDOWS, HandmadeModel, line_up
from served_windows import FEATURES, POINT, WEIGHTS, WINDOW, records

from app.alerts.config import AlertConfig
from app.line_up import ServedLineUp
from app.scoring.served_models import load_served_models
from app.settings import StreamSettings
from app.stream.broker import Message, Outgoing
from app.stream.envelope import DeadLetter, Envelope, open_message
from app.stream.ingestion import StreamIngest, by_sender
from database.delivery.row_outcomes import OUTCOMES
from database.delivery.senders import list_senders, lost_rows
from database.schema.tables import observations, predictions, rejections
from solar.flares import LEADS

NO_ALERTS = AlertConfig("", ())
NOW = datetime(2014, 4, 1, tzinfo=UTC)
ALL_IN = HandmadeModel("all-in", FEATURES, WEIGHTS[-1:], bias=-2.0, windows=ALL_WINDOWS)
Row = served_windows.Row


def envelope(row: dict[str, Any], *, sent: int, sender: str = "s1", partition: int = 0) -> Envelope:
    """A row in its envelope; the count of the sender stands for the offset."""
    sender_fields = {"id": sender, "sequence": 1, "sent": sent}
    value = orjson.dumps({"schema": 1, "sender": sender_fields, "observation": row})
    key = f"harp:{row['harpnum']}".encode()
    opened = open_message(Message("sharp.observations", partition, sent, key, value))
    assert isinstance(opened, Envelope)
    return opened


@pytest.fixture
def stream_ingest(engine: sa.Engine, tmp_path: Path) -> StreamIngest:
    return ingest_into(engine, tmp_path)


def ingest_into(engine: sa.Engine, folder: Path) -> StreamIngest:
    models = load_served_models(line_up(folder / "models", WINDOW, POINT))
    return StreamIngest(engine, partial(ServedLineUp, None, models, NO_ALERTS), StreamSettings())


def envelopes(rows: Sequence[dict[str, Any]], *, first: int = 1, **given: Any) -> list[Envelope]:
    return [envelope(row, sent=first + place, **given) for place, row in enumerate(rows)]


def counters(stream_ingest: StreamIngest) -> dict[str, dict[str, Any]]:
    with stream_ingest.engine.connect() as connection:
        return {row["sender_id"]: row for row in list_senders(connection, limit=10)}


def count(stream_ingest: StreamIngest, table: sa.Table) -> int:
    with stream_ingest.engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def published(outgoing: Sequence[Outgoing]) -> dict[tuple[int, str, str], Any]:
    items = [orjson.loads(one.value)["prediction"] for one in outgoing
             if one.topic == "flare.predictions"]  # fmt: skip
    return {(item["region"], item["t_rec"], item["model"]): item for item in items}


def test_a_message_is_stored_and_its_forecasts_are_published_under_its_key(
    stream_ingest: StreamIngest, row: Row
) -> None:
    rows = records(row, steps=range(3))

    outgoing = stream_ingest.ingest(envelopes(rows), now=NOW)

    assert count(stream_ingest, observations) == 3
    assert {one.key for one in outgoing} == {b"harp:3721"}
    assert set(published(outgoing)) == {
        (3721, row["t_rec"], model.model_id) for row in rows for model in (WINDOW, POINT)
    }


def test_messages_that_come_again_are_published_again_and_count_once(
    stream_ingest: StreamIngest, row: Row
) -> None:
    given = envelopes(records(row))
    first = published(stream_ingest.ingest(given, now=NOW))

    again = published(stream_ingest.ingest(given, now=NOW))

    assert again == first
    assert count(stream_ingest, predictions) == 12 * 2
    mine = counters(stream_ingest)["s1"]
    assert [mine[name] for name in ("sent", *OUTCOMES)] == [12, 12, 0, 0, 0]


def test_other_windows_are_published_where_the_store_keeps_them_and_again_when_they_come_again(
    engine: sa.Engine, tmp_path: Path, row: Row
) -> None:
    served_models = load_served_models(line_up(tmp_path / "models", ALL_IN, POINT))
    served = ServedLineUp(None, served_models, NO_ALERTS)
    stream_ingest = StreamIngest(engine, lambda: served, StreamSettings())
    rows = records(row)

    outgoing = stream_ingest.ingest(envelopes(rows), now=NOW)

    contents = [orjson.loads(one.value) for one in outgoing]
    told = {c["prediction"]["t_rec"]: c["windows"] for c in contents if "windows" in c}
    assert {c["prediction"]["model"] for c in contents if "windows" in c} == {ALL_IN.model_id}
    # From 23:24 in steps of 12 min: the first of each hour.
    firsts = {rows[step]["t_rec"]: rows[step]["keywords"] for step in (0, 3, 8)}
    assert told.keys() == firsts.keys()
    for t_rec, keywords in firsts.items():
        window = np.array([[keywords[name] for name in FEATURES]])
        for target in LEADS:
            p = told[t_rec][target.window.name][target.goes_class]
            assert p == pytest.approx(ALL_IN.probability(window, target), abs=1e-6)
    again = stream_ingest.ingest(envelopes(rows), now=NOW)
    assert sorted(one.value for one in again) == sorted(one.value for one in outgoing)


def test_a_late_message_that_comes_again_brings_the_windows_that_it_changed(
    stream_ingest: StreamIngest, row: Row
) -> None:
    rows = records(row)
    stream_ingest.ingest(envelopes([*rows[:5], *rows[6:]]), now=NOW)
    late = envelopes([rows[5]], first=12)
    changed = published(stream_ingest.ingest(late, now=NOW))

    again = published(stream_ingest.ingest(late, now=NOW))

    assert len(changed) > 2
    assert changed.items() <= again.items()


def test_every_row_counts_once_in_whatever_order_the_partitions_are_read(
    stream_ingest: StreamIngest, row: Row
) -> None:
    rows = records(row)
    mixed = [replace_partition(one, place % 4) for place, one in enumerate(envelopes(rows))]
    rng = random.Random(7)
    parts = [[one for one in mixed if one.message.partition == n] for n in (3, 1, 0, 2)]
    for part in parts:
        stream_ingest.ingest(part, now=NOW)
        assert lost_rows(counters(stream_ingest)["s1"]) is not None
    for part in rng.sample(parts, 4):
        stream_ingest.ingest(part[1:], now=NOW)

    mine = counters(stream_ingest)["s1"]
    assert [mine[name] for name in ("sent", *OUTCOMES)] == [12, 12, 0, 0, 0]
    assert lost_rows(mine) == 0


def test_what_is_known_from_another_sender_counts_as_a_duplicate_in_any_order(
    stream_ingest: StreamIngest, row: Row
) -> None:
    rows = records(row)
    stream_ingest.ingest(envelopes(rows, sender="other"), now=NOW)
    mixed = [replace_partition(one, place % 2) for place, one in enumerate(envelopes(rows))]

    for partition in (1, 0):
        part = [one for one in mixed if one.message.partition == partition]
        outgoing = stream_ingest.ingest(part, now=NOW)
        assert len(published(outgoing)) >= 2 * len(part)

    mine = counters(stream_ingest)["s1"]
    assert [mine[name] for name in ("sent", *OUTCOMES)] == [12, 0, 12, 0, 0]


def test_a_post_that_is_sent_twice_within_one_batch_counts_once(
    stream_ingest: StreamIngest, row: Row
) -> None:
    given = envelopes(records(row, steps=range(4)))

    stream_ingest.ingest([*given, *given], now=NOW)

    mine = counters(stream_ingest)["s1"]
    assert [mine[name] for name in ("sent", *OUTCOMES)] == [4, 4, 0, 0, 0]


def test_a_row_that_breaks_a_rule_is_a_dead_letter_and_the_others_are_stored(
    stream_ingest: StreamIngest, row: Row
) -> None:
    good, bad, misnamed = records(row, steps=range(3))
    bad = bad | {"quality": 0x10000}
    misnamed = misnamed | {"keywords": {"TOTUSJ": 1.0}}

    outgoing = stream_ingest.ingest(envelopes([good, bad, misnamed]), now=NOW)

    dead = [orjson.loads(one.value) for one in outgoing if one.topic == "sharp.dead"]
    assert {one["reason"] for one in dead} == {"rejected"}
    assert {one["errors"][0]["path"] for one in dead} == {
        "observation.quality", "observation.keywords.TOTUSJ",
    }  # fmt: skip
    assert {orjson.loads(one["message"])["observation"]["t_rec"] for one in dead} == {
        bad["t_rec"], misnamed["t_rec"],
    }  # fmt: skip
    assert count(stream_ingest, observations) == 1
    assert count(stream_ingest, rejections) == 2
    assert counters(stream_ingest)["s1"]["rejected"] == 2


def test_why_a_message_could_not_be_read_is_written_down_for_its_sender(
    stream_ingest: StreamIngest,
) -> None:
    dead = open_message(Message("sharp.observations", 0, 1, None, b"{"))
    assert isinstance(dead, DeadLetter)

    (outgoing,) = stream_ingest.dead_letter([dead], now=NOW)

    assert outgoing.topic == "sharp.dead"
    with stream_ingest.engine.connect() as connection:
        (found,) = connection.execute(sa.select(rejections))
    assert (found.path, found.last_sender, found.n) == ("(whole request)", "unnamed", 1)


def test_messages_are_parted_by_sender_in_their_order(row: Row) -> None:
    one, two = (envelope(row(), sent=1, sender=name) for name in ("one", "two"))
    three = envelope(row(), sent=2, sender="one")

    assert by_sender([one, two, three]) == [[one, three], [two]]


def replace_partition(one: Envelope, partition: int) -> Envelope:
    return replace(one, message=replace(one.message, partition=partition))


@pytest.mark.parametrize("sent", [None, 3])
def test_a_sender_need_not_count(stream_ingest: StreamIngest, row: Row, sent: int | None) -> None:
    (given,) = envelopes(records(row, steps=range(1)))
    mute = replace(given, sender=given.sender.model_copy(update={"sent": sent}))

    stream_ingest.ingest([mute], now=NOW)

    assert counters(stream_ingest)["s1"]["sent"] == sent


@pytest.fixture
def refusing(engine_sqlite: sa.Engine, tmp_path: Path) -> Iterator[StreamIngest]:
    """A store that refuses the rows of one region, as no store should."""
    stream_ingest = ingest_into(engine_sqlite, tmp_path)
    refuse = (
        "CREATE TRIGGER refusal BEFORE INSERT ON observations WHEN NEW.region_id = 13"
        " BEGIN SELECT RAISE(ABORT, 'not thirteen'); END"
    )
    with stream_ingest.engine.begin() as connection:
        connection.exec_driver_sql(refuse)
    yield stream_ingest
    with stream_ingest.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER refusal")


def test_a_row_that_the_store_refuses_does_not_keep_the_others_out(
    refusing: StreamIngest, row: Row
) -> None:
    rows = [*records(row, steps=range(3)), *records(row, steps=range(1), harpnum=13)]

    outgoing = refusing.ingest(envelopes(rows), now=NOW)

    (dead,) = [orjson.loads(one.value) for one in outgoing if one.topic == "sharp.dead"]
    assert dead["reason"] == "refused by the store: the store refused: not thirteen"
    assert len(published(outgoing)) == 3 * 2
    assert count(refusing, observations) == 3
