"""Senders are counted so that sent = accepted + duplicates + revised + rejected + lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from database.delivery.flow import flow
from database.delivery.row_outcomes import (
    ACCEPTED,
    DUPLICATE,
    OUTCOMES,
    REJECTED,
    REVISED,
    RowOutcomes,
)
from database.delivery.senders import (
    Delivery,
    list_senders,
    lost_rows,
    record_deliveries,
)
from database.engine import reading, writing
from database.maintenance.size import balance
from solar.time import Window

NOW = datetime(2014, 3, 1, tzinfo=UTC)


def request_outcomes(
    outcomes: Sequence[int], *, late: int = 0, seconds: float = 0.02
) -> RowOutcomes:
    n = len(outcomes)
    return RowOutcomes(
        np.array(outcomes, np.int8), np.arange(n) < late, np.full(n, 60.0),
        predictions=n, seconds=seconds,
    )  # fmt: skip


def deliver(
    connection: sa.Connection,
    outcomes: Sequence[int],
    *,
    sequence: int | None,
    sent: int | None,
    sender: str = "s1",
    now: datetime = NOW,
    late: int = 0,
) -> None:
    rows = request_outcomes(outcomes, late=late)
    delivery = Delivery(sender, rows, sequence=sequence, sent=sent)
    record_deliveries(connection, [delivery], now=now)


def sender_of(engine: sa.Engine, name: str = "s1") -> dict[str, Any]:
    with reading(engine) as connection:
        by_name = {row["sender_id"]: row for row in list_senders(connection, limit=9)}
    return by_name[name]


def outcome(row: dict[str, Any]) -> list[int]:
    return [row[name] for name in OUTCOMES]


def test_deliveries_add_up(engine: sa.Engine) -> None:
    later = NOW + timedelta(minutes=1)
    with writing(engine) as connection:
        deliver(connection, [ACCEPTED, ACCEPTED, DUPLICATE, REVISED, REJECTED], sequence=8, sent=5)
        deliver(connection, [ACCEPTED], sequence=7, sent=6, now=later)
        deliver(connection, [ACCEPTED], sequence=None, sent=None, sender="s0")

    row = sender_of(engine)

    assert outcome(row) == [3, 1, 1, 1]
    assert (row["last_sequence"], row["sent"], lost_rows(row)) == (8, 6, 0)
    assert (row["first_seen_at"], row["last_seen_at"]) == (NOW, later)
    with reading(engine) as connection:
        assert list_senders(connection, limit=9, after="s0") == [row]


def test_a_request_whose_answer_was_lost_counts_once(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        deliver(connection, [ACCEPTED] * 9 + [REJECTED], sequence=1, sent=10)
        deliver(connection, [DUPLICATE] * 9 + [REJECTED], sequence=1, sent=10)

    row = sender_of(engine)

    assert outcome(row) == [9, 0, 0, 1]
    assert (row["sent"], lost_rows(row)) == (10, 0)


def test_a_batch_that_comes_again_longer_counts_only_what_is_new(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        deliver(connection, [ACCEPTED] * 10, sequence=1, sent=10)
        deliver(connection, [ACCEPTED] * 10, sequence=2, sent=20)
        deliver(connection, [DUPLICATE] * 10 + [ACCEPTED] * 15, sequence=2, sent=35)

    row = sender_of(engine)

    assert outcome(row) == [35, 0, 0, 0]
    assert (row["sent"], lost_rows(row)) == (35, 0)


def test_rows_of_a_batch_that_never_came_are_lost_until_they_come(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        deliver(connection, [ACCEPTED] * 10, sequence=1, sent=10)
        deliver(connection, [ACCEPTED] * 10, sequence=3, sent=30)
    assert lost_rows(sender_of(engine)) == 10

    with writing(engine) as connection:
        deliver(connection, [ACCEPTED] * 10, sequence=2, sent=20)

    assert lost_rows(sender_of(engine)) == 0


def test_a_first_post_that_is_overtaken_by_the_second_counts_as_if_it_had_come_first(
    engine: sa.Engine,
) -> None:
    with writing(engine) as connection:
        deliver(connection, [ACCEPTED] * 4, sequence=2, sent=10)
    row = sender_of(engine)
    assert (row["sent"], row["missing"], lost_rows(row)) == (10, "1-6", 6)

    with writing(engine) as connection:
        deliver(connection, [ACCEPTED] * 3 + [DUPLICATE, REVISED, REJECTED], sequence=1, sent=6)
        deliver(connection, [DUPLICATE] * 4, sequence=2, sent=10)

    row = sender_of(engine)
    assert outcome(row) == [7, 1, 1, 1]
    assert (row["sent"], row["missing"], row["last_sequence"]) == (10, None, 2)


def test_a_sender_that_lost_its_state_counts_on(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        deliver(connection, [ACCEPTED] * 10, sequence=1, sent=10)
        deliver(connection, [ACCEPTED] * 10, sequence=2, sent=20)
        deliver(connection, [DUPLICATE] * 10, sequence=1, sent=10)
        deliver(connection, [DUPLICATE] * 10, sequence=2, sent=20)
        deliver(connection, [ACCEPTED] * 10, sequence=3, sent=30)

    row = sender_of(engine)

    assert outcome(row) == [30, 20, 0, 0]
    assert (row["sent"], lost_rows(row)) == (50, 0)


def test_a_sender_that_does_not_count_has_no_losses_to_show(engine_sqlite: sa.Engine) -> None:
    with writing(engine_sqlite) as connection:
        deliver(connection, [ACCEPTED] * 3, sequence=1, sent=None)

    row = sender_of(engine_sqlite)

    assert (row["sent"], lost_rows(row)) == (None, None)


def test_what_came_before_a_sender_counted_is_taken_as_sent(engine_sqlite: sa.Engine) -> None:
    with writing(engine_sqlite) as connection:
        deliver(connection, [ACCEPTED] * 3, sequence=1, sent=None)
        deliver(connection, [ACCEPTED] * 2, sequence=2, sent=2)
        deliver(connection, [ACCEPTED] * 4, sequence=3, sent=None)
        deliver(connection, [ACCEPTED] * 5, sequence=4, sent=7)

    row = sender_of(engine_sqlite)

    assert (row["sent"], lost_rows(row)) == (14, 0)


def test_late_rows_are_those_that_are_new(engine_sqlite: sa.Engine) -> None:
    with writing(engine_sqlite) as connection:
        deliver(connection, [DUPLICATE, ACCEPTED, ACCEPTED], sequence=1, sent=3, late=2)

    assert sender_of(engine_sqlite)["late"] == 1


def test_requests_of_one_minute_are_added_up_in_its_bucket(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        for seconds in (0, 59, 60):
            at = NOW + timedelta(seconds=seconds)
            deliver(connection, [ACCEPTED, REJECTED], sequence=None, sent=None, now=at)
        deliver(connection, [ACCEPTED], sequence=None, sent=None, sender="s2", now=NOW)

    with reading(engine) as connection:
        buckets = flow(connection, Window(NOW, NOW + timedelta(minutes=3)))

    assert buckets.bucket_seconds == 60
    assert buckets.counts["requests"].tolist() == [3, 1, 0]
    assert buckets.counts["accepted"].tolist() == [3, 1, 0]
    assert buckets.rows_by_sender["s1"].tolist() == [4, 2, 0]
    assert buckets.processing.sum(axis=1).tolist() == [3, 1, 0]
    assert buckets.latency.sum(axis=1).tolist() == [3, 1, 0]


@pytest.mark.parametrize(
    ("days", "bucket_seconds"),
    [(1 / 24, 60), (1, 300), (7, 3600), (365, 86_400), (3650, 8 * 86_400)],
)
def test_a_range_of_any_length_gives_a_drawable_number_of_buckets(
    engine_sqlite: sa.Engine, days: float, bucket_seconds: int
) -> None:
    with writing(engine_sqlite) as connection:
        deliver(connection, [ACCEPTED] * 7, sequence=None, sent=None, now=NOW)

    with reading(engine_sqlite) as connection:
        buckets = flow(connection, Window(NOW - timedelta(days=days), NOW + timedelta(seconds=1)))

    assert buckets.bucket_seconds == bucket_seconds
    assert len(buckets.start_at) <= 500
    assert buckets.counts["accepted"].sum() == 7


def test_the_balance_holds_senders_that_do_not_count(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        deliver(connection, [ACCEPTED, DUPLICATE], sequence=1, sent=4)
        deliver(connection, [REVISED, REJECTED], sequence=1, sent=None, sender="s2")

    with reading(engine) as connection:
        totals = balance(connection)

    assert (totals.sent, totals.accepted, totals.duplicates) == (6, 1, 1)
    assert (totals.revised, totals.rejected, totals.silent, totals.stored) == (1, 1, 1, 0)
