from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from component_tree import parts, words

from app_dash import routing
from app_dash.components.stream_panel import stream_panel
from app_dash.pages import pipeline
from app_dash.pipeline.view import HEARD, pulse
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


def test_a_consumer_that_has_fallen_silent_stands_out() -> None:
    drawn = stream_panel([partition(0, committed=1, end=2, ago=31)], now=NOW)

    assert "1 message waits in 1 partition; 0 consumers" in words(drawn)
    (state,) = parts(drawn, "sender-state")
    assert words(state) == "silent since 1 Mar 11:59"


def test_without_a_stream_the_page_has_no_such_panel(engine_sqlite: sa.Engine) -> None:
    view = routing.look(engine_sqlite, settings=DashSettings(), theme="light")

    assert "Stream" not in words(pipeline.layout(view, "/pipeline", ""))
    report(engine_sqlite, partition(0, committed=1, end=2))
    assert "1 message waits" in words(pipeline.layout(view, "/pipeline", ""))


def test_the_pulse_changes_when_messages_come_are_taken_in_or_nobody_is_heard(
    engine: sa.Engine,
) -> None:
    beats = [pulse(engine, now=NOW)]
    for committed, end, ago in ((0, 10, 1.0), (10, 10, 1.0), (10, 10, 0.5), (10, 10, 40.0)):
        report(engine, partition(0, committed=committed, end=end, ago=ago))
        beats.append(pulse(engine, now=NOW))

    assert beats[2] == beats[3]
    assert len(set(beats)) == 4
    assert timedelta(seconds=1) < HEARD < timedelta(seconds=40)


def test_the_last_word_about_a_partition_holds(engine: sa.Engine) -> None:
    report(engine, partition(1, committed=5, end=9), partition(0, committed=1, end=1))
    report(engine, partition(1, committed=9, end=9, ago=0.0))

    with engine.connect() as connection:
        found = list_partitions(connection)

    assert found == [
        partition(0, committed=1, end=1), partition(1, committed=9, end=9, ago=0.0)
    ]  # fmt: skip
