from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import served_windows
import sqlalchemy as sa
from handmade_models import line_up
from served_windows import POINT, WINDOW, records

from app.scoring import load_lineup
from app.stream.dead_letters import DeadLetter
from app.stream.envelope import Letter, open_message
from app.stream.intake import Intake, by_sender
from app.stream.message import Message, Outgoing
from app.stream.settings import StreamSettings
from database.delivery.row_outcomes import OUTCOMES
from database.delivery.senders import list_senders, lost_rows
from database.schema.tables import observations, predictions, rejections

NOW = datetime(2014, 4, 1, tzinfo=UTC)
Row = served_windows.Row


def letter(row: dict[str, Any], *, sent: int, sender: str = "s1", partition: int = 0) -> Letter:
    """A row in its envelope; the count of the sender stands for the offset."""
    word = {"id": sender, "sequence": 1, "sent": sent}
    value = orjson.dumps({"schema": 1, "sender": word, "observation": row})
    key = f"harp:{row['harpnum']}".encode()
    opened = open_message(Message("sharp.observations", partition, sent, key, value))
    assert isinstance(opened, Letter)
    return opened


@pytest.fixture
def intake(engine: sa.Engine, tmp_path: Path) -> Intake:
    return intake_of(engine, tmp_path)


def intake_of(engine: sa.Engine, folder: Path) -> Intake:
    lineup = load_lineup(line_up(folder / "models", WINDOW, POINT))
    return Intake(engine, lineup, None, StreamSettings())


def letters(rows: Sequence[dict[str, Any]], *, first: int = 1, **given: Any) -> list[Letter]:
    return [letter(row, sent=first + place, **given) for place, row in enumerate(rows)]


def counters(intake: Intake) -> dict[str, dict[str, Any]]:
    with intake.engine.connect() as connection:
        return {row["sender_id"]: row for row in list_senders(connection, limit=10)}


def count(intake: Intake, table: sa.Table) -> int:
    with intake.engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def published(outgoing: Sequence[Outgoing]) -> dict[tuple[int, str, str], Any]:
    items = [orjson.loads(one.value)["prediction"] for one in outgoing
             if one.topic == "flare.predictions"]  # fmt: skip
    return {(item["region"], item["t_rec"], item["model"]): item for item in items}


def test_a_letter_is_stored_and_its_forecasts_are_published_under_its_key(
    intake: Intake, row: Row
) -> None:
    rows = records(row, steps=range(3))

    outgoing = intake.take_in(letters(rows), now=NOW)

    assert count(intake, observations) == 3
    assert {one.key for one in outgoing} == {b"harp:3721"}
    assert set(published(outgoing)) == {
        (3721, row["t_rec"], model.model_id) for row in rows for model in (WINDOW, POINT)
    }


def test_letters_that_come_again_are_published_again_and_count_once(
    intake: Intake, row: Row
) -> None:
    given = letters(records(row))
    first = published(intake.take_in(given, now=NOW))

    again = published(intake.take_in(given, now=NOW))

    assert again == first
    assert count(intake, predictions) == 12 * 2
    mine = counters(intake)["s1"]
    assert [mine[name] for name in ("sent", *OUTCOMES)] == [12, 12, 0, 0, 0]


def test_a_late_letter_that_comes_again_brings_the_windows_that_it_changed(
    intake: Intake, row: Row
) -> None:
    rows = records(row)
    intake.take_in(letters([*rows[:5], *rows[6:]]), now=NOW)
    late = letters([rows[5]], first=12)
    changed = published(intake.take_in(late, now=NOW))

    again = published(intake.take_in(late, now=NOW))

    assert len(changed) > 2
    assert changed.items() <= again.items()


def test_every_row_counts_once_in_whatever_order_the_partitions_are_read(
    intake: Intake, row: Row
) -> None:
    rows = records(row)
    mixed = [replace_partition(one, place % 4) for place, one in enumerate(letters(rows))]
    rng = random.Random(7)
    parts = [[one for one in mixed if one.message.partition == n] for n in (3, 1, 0, 2)]
    for part in parts:
        intake.take_in(part, now=NOW)
        assert lost_rows(counters(intake)["s1"]) is not None
    for part in rng.sample(parts, 4):
        intake.take_in(part[1:], now=NOW)

    mine = counters(intake)["s1"]
    assert [mine[name] for name in ("sent", *OUTCOMES)] == [12, 12, 0, 0, 0]
    assert lost_rows(mine) == 0


def test_what_is_known_from_another_sender_counts_as_a_duplicate_in_any_order(
    intake: Intake, row: Row
) -> None:
    rows = records(row)
    intake.take_in(letters(rows, sender="other"), now=NOW)
    mixed = [replace_partition(one, place % 2) for place, one in enumerate(letters(rows))]

    for partition in (1, 0):
        part = [one for one in mixed if one.message.partition == partition]
        outgoing = intake.take_in(part, now=NOW)
        assert len(published(outgoing)) >= 2 * len(part)

    mine = counters(intake)["s1"]
    assert [mine[name] for name in ("sent", *OUTCOMES)] == [12, 0, 12, 0, 0]


def test_a_post_that_is_sent_twice_within_one_batch_counts_once(intake: Intake, row: Row) -> None:
    given = letters(records(row, steps=range(4)))

    intake.take_in([*given, *given], now=NOW)

    mine = counters(intake)["s1"]
    assert [mine[name] for name in ("sent", *OUTCOMES)] == [4, 4, 0, 0, 0]


def test_a_row_that_breaks_a_rule_is_a_dead_letter_and_the_others_are_stored(
    intake: Intake, row: Row
) -> None:
    good, bad, misnamed = records(row, steps=range(3))
    bad = bad | {"quality": 0x10000}
    misnamed = misnamed | {"keywords": {"TOTUSJ": 1.0}}

    outgoing = intake.take_in(letters([good, bad, misnamed]), now=NOW)

    dead = [orjson.loads(one.value) for one in outgoing if one.topic == "sharp.dead"]
    assert {one["reason"] for one in dead} == {"rejected"}
    assert {one["errors"][0]["path"] for one in dead} == {
        "observation.quality", "observation.keywords.TOTUSJ",
    }  # fmt: skip
    assert {orjson.loads(one["message"])["observation"]["t_rec"] for one in dead} == {
        bad["t_rec"], misnamed["t_rec"],
    }  # fmt: skip
    assert count(intake, observations) == 1
    assert count(intake, rejections) == 2
    assert counters(intake)["s1"]["rejected"] == 2


def test_why_a_message_could_not_be_read_is_written_down_for_its_sender(intake: Intake) -> None:
    dead = open_message(Message("sharp.observations", 0, 1, None, b"{"))
    assert isinstance(dead, DeadLetter)

    (outgoing,) = intake.bury([dead], now=NOW)

    assert outgoing.topic == "sharp.dead"
    with intake.engine.connect() as connection:
        (found,) = connection.execute(sa.select(rejections))
    assert (found.path, found.last_sender, found.n) == ("(whole request)", "unnamed", 1)


def test_letters_are_parted_by_sender_in_their_order(row: Row) -> None:
    one, two = (letter(row(), sent=1, sender=name) for name in ("one", "two"))
    three = letter(row(), sent=2, sender="one")

    assert by_sender([one, two, three]) == [[one, three], [two]]


def replace_partition(one: Letter, partition: int) -> Letter:
    return replace(one, message=replace(one.message, partition=partition))


@pytest.mark.parametrize("sent", [None, 3])
def test_a_sender_need_not_count(intake: Intake, row: Row, sent: int | None) -> None:
    (given,) = letters(records(row, steps=range(1)))
    mute = replace(given, sender=given.sender.model_copy(update={"sent": sent}))

    intake.take_in([mute], now=NOW)

    assert counters(intake)["s1"]["sent"] == sent


@pytest.fixture
def refusing(engine_sqlite: sa.Engine, tmp_path: Path) -> Iterator[Intake]:
    """A store that refuses the rows of one region, as no store should."""
    intake = intake_of(engine_sqlite, tmp_path)
    refuse = (
        "CREATE TRIGGER refusal BEFORE INSERT ON observations WHEN NEW.region_id = 13"
        " BEGIN SELECT RAISE(ABORT, 'not thirteen'); END"
    )
    with intake.engine.begin() as connection:
        connection.exec_driver_sql(refuse)
    yield intake
    with intake.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER refusal")


def test_a_row_that_the_store_refuses_does_not_keep_the_others_out(
    refusing: Intake, row: Row
) -> None:
    rows = [*records(row, steps=range(3)), *records(row, steps=range(1), harpnum=13)]

    outgoing = refusing.take_in(letters(rows), now=NOW)

    (dead,) = [orjson.loads(one.value) for one in outgoing if one.topic == "sharp.dead"]
    assert dead["reason"] == "refused by the store: the store refused: not thirteen"
    assert len(published(outgoing)) == 3 * 2
    assert count(refusing, observations) == 3
