from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from component_tree import parts, words

from app_dash.frame import routing
from app_dash.pipeline import page
from app_dash.pipeline.data import CONSUMER_SILENT_AFTER, state_key
from app_dash.pipeline.senders import stream_panel
from app_dash.settings import DashSettings
from database.delivery.stream import StreamPartition, list_partitions, report_partitions
from database.engine import writing

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def partition(number: int, *, committed: int, end: int, ago: float = 1.0) -> StreamPartition:
    seen_at = NOW - timedelta(seconds=ago)
    return StreamPartition(
        "flarewatch", "sharp.observations", number, committed, end, "c1", seen_at
    )


def report(engine: sa.Engine, *partitions: StreamPartition) -> None:
    with writing(engine) as connection:
        report_partitions(connection, partitions)


def test_the_panel_shows_what_waits_in_each_partition_and_in_all() -> None:
    drawn = stream_panel(
        [partition(0, committed=120, end=1_324), partition(1, committed=7, end=7)], now=NOW
    )

    assert "1,204 messages wait in 2 partitions; 1 consumer" in words(drawn)
    first, second = (words(row) for row in drawn.children[1].children.children[1].children)
    assert first.endswith("active1201,3241,204")
    assert second.endswith("active770")


def test_a_silent_consumer_is_marked() -> None:
    drawn = stream_panel([partition(0, committed=1, end=2, ago=31)], now=NOW)

    assert "1 message waits in 1 partition; 0 consumers" in words(drawn)
    (state,) = parts(drawn, "sender-state")
    assert words(state) == "silent since 1 Mar 11:59"


def test_without_a_stream_the_page_has_no_such_panel(engine_sqlite: sa.Engine) -> None:
    view = routing.read_context(engine_sqlite, settings=DashSettings(), theme="light")

    assert "Stream" not in words(page.layout(view, "/pipeline", ""))
    report(engine_sqlite, partition(0, committed=1, end=2))
    assert "1 message waits" in words(page.layout(view, "/pipeline", ""))


def test_the_state_key_changes_when_messages_arrive_are_consumed_or_a_consumer_is_silent(
    engine: sa.Engine,
) -> None:
    beats = [state_key(engine, now=NOW)]
    for committed, end, ago in ((0, 10, 1.0), (10, 10, 1.0), (10, 10, 0.5), (10, 10, 40.0)):
        report(engine, partition(0, committed=committed, end=end, ago=ago))
        beats.append(state_key(engine, now=NOW))

    assert beats[2] == beats[3]
    assert len(set(beats)) == 4
    assert timedelta(seconds=1) < CONSUMER_SILENT_AFTER < timedelta(seconds=40)


def test_the_last_report_about_a_partition_counts(engine: sa.Engine) -> None:
    report(engine, partition(1, committed=5, end=9), partition(0, committed=1, end=1))
    report(engine, partition(1, committed=9, end=9, ago=0.0))

    with engine.connect() as connection:
        found = list_partitions(connection)

    assert found == [
        partition(0, committed=1, end=1), partition(1, committed=9, end=9, ago=0.0)
    ]  # fmt: skip
