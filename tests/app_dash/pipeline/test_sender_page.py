from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from plotly.utils import PlotlyJSONEncoder

from app_dash.pipeline.sender import numbers_text, sender_content, sender_of
from app_dash.pipeline.senders import sender_path
from app_dash.shared.theme import LIGHT
from database.delivery.leases import LeaseRequest, Progress, renew
from database.delivery.member_leases import member_leases
from database.delivery.row_outcomes import ACCEPTED, REJECTED, RowOutcomes
from database.delivery.senders import Delivery, find_senders, record_deliveries
from database.engine import reading, writing

NOW = datetime(2026, 11, 30, 17, 2, 11, tzinfo=UTC)
START = datetime(2014, 3, 1, tzinfo=UTC)


def deliver(engine: sa.Engine, name: str, outcomes: list[int], *, sent: int, at: datetime) -> None:
    receipt = RowOutcomes(
        np.array(outcomes, np.int8), np.zeros(len(outcomes), bool), np.full(len(outcomes), 720.0),
        predictions=1, seconds=0.02,
    )  # fmt: skip
    with writing(engine) as connection:
        delivery = Delivery(name, receipt, sequence=7, sent=sent, spooled=2)
        record_deliveries(connection, [delivery], now=at)


def drawn(engine: sa.Engine, name: str, search: str = "") -> str:
    page = sender_content(engine, name, search, now=NOW, tokens=LIGHT)
    return json.dumps(page, cls=PlotlyJSONEncoder, ensure_ascii=False)


def lease(engine: sa.Engine, member: str, *, generation: int | None, held: list[int]) -> list[int]:
    request = LeaseRequest(
        "day.parquet", member, 4, START, generation, {number: Progress() for number in held}
    )
    with writing(engine) as connection:
        granted = renew(connection, request, lasts=timedelta(seconds=15))
    return sorted(granted.granted)


def test_the_page_of_a_sender_counts_its_rows_and_its_requests_by_the_minute(
    engine: sa.Engine,
) -> None:
    deliver(engine, "s1", [ACCEPTED] * 5, sent=5, at=NOW - timedelta(minutes=3))
    deliver(engine, "s1", [ACCEPTED] * 3 + [REJECTED], sent=12, at=NOW)
    deliver(engine, "other", [ACCEPTED] * 90, sent=90, at=NOW)

    page = drawn(engine, "s1")

    for name, value in (("Sent", 12), ("Accepted", 8), ("Rejected", 1), ("Lost", 3)):
        assert f'"{name}"' in page
        assert f'"{value}"' in page
    assert '"30 Nov 17:02"' in page
    assert '"30 Nov 16:59"' in page
    assert "9 rows in 2 requests" in page
    assert "shares no source" in page


def test_an_unknown_sender_is_named_with_a_search_among_those_there_are(engine: sa.Engine) -> None:
    deliver(engine, "day@host-1", [ACCEPTED], sent=1, at=NOW)

    assert "No sender host has delivered" in drawn(engine, "host")
    assert "day@host-1" in drawn(engine, "host")
    assert "No sender's name contains über; these were heard last." in drawn(engine, "über")
    assert "day@host-1" in drawn(engine, "", "?q=HOST")
    assert "No sender's name contains %;" in drawn(engine, "", "?q=%25")


def test_a_store_without_senders_says_how_to_start_one(engine_sqlite: sa.Engine) -> None:
    assert "No sender has delivered yet. Start one" in drawn(engine_sqlite, "")


def test_the_leases_of_a_sender_name_what_it_holds_and_what_others_took_over(
    engine: sa.Engine,
) -> None:
    first = lease(engine, "a", generation=None, held=[])
    with engine.begin() as connection:
        moved = sa.text("UPDATE shard_members SET seen_at = '2020-01-01 00:00:00'")
        connection.execute(moved)
    taken = lease(engine, "b", generation=None, held=[])

    with reading(engine) as connection:
        (lost,) = member_leases(connection, "a")
        (holds,) = member_leases(connection, "b")
        stranger = member_leases(connection, "c")

    assert first == taken == [0, 1, 2, 3]
    assert (lost.held, lost.taken_by, lost.seen_at) == ((), {"b": (0, 1, 2, 3)}, None)
    assert (holds.held, holds.taken_from) == ((0, 1, 2, 3), {"a": (0, 1, 2, 3)})
    assert holds.seen_at is not None
    assert stranger == []
    deliver(engine, "b", [ACCEPTED], sent=1, at=NOW)
    assert "0–3 from a" in drawn(engine, "b")


def test_a_sender_is_found_by_its_name_whatever_stands_in_it(engine: sa.Engine) -> None:
    deliver(engine, "a.b:c@d", [ACCEPTED], sent=1, at=NOW)

    assert sender_of(sender_path("a.b:c@d")) == "a.b:c@d"
    with reading(engine) as connection:
        (row,) = find_senders(connection, named="a.b:c@d", limit=1)
        none = find_senders(connection, named="A.B:C@D", limit=1)
    assert row["accepted"] == 1
    assert none == []


@pytest.mark.parametrize(
    ("pathname", "name"),
    [("/pipeline", None), ("/pipeline/senders", ""), ("/pipeline/senders/s%2F1", "s/1")],
)
def test_the_address_names_the_sender(pathname: str, name: str | None) -> None:
    assert sender_of(pathname) == name


def test_runs_of_numbers_are_written_with_a_dash() -> None:
    assert numbers_text([7, 0, 1, 2, 3]) == "0–3, 7"
    assert numbers_text([]) == "none"
