"""The panel of the stream: how many messages wait in each partition, and who takes them in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dash import html
from dash.development.base_component import Component

from app_dash.components.panels import panel
from app_dash.numbers import count, moment
from app_dash.pipeline.view import HEARD
from database.delivery.stream import StreamPartition

_NUMBERS = ("Taken in up to", "End", "Waiting")


def stream_panel(partitions: Sequence[StreamPartition], *, now: datetime) -> Component:
    """List the partitions with their lag; the sum of it stands in the header."""
    head = [
        *(html.Th(title) for title in ("Partition", "Group", "Consumer", "State")),
        *(html.Th(title, className="number") for title in _NUMBERS),
    ]
    table = html.Table(
        [html.Thead(html.Tr(head)), html.Tbody([_line(one, now) for one in partitions])],
        className="data summary sender-table",
    )
    return panel(
        "Stream", html.Div(table, className="table-scroll", tabIndex=0),
        subtitle=_summary(partitions, now), how="pipeline-stream", class_name="span-12 flush",
    )  # fmt: skip


def total_lag(partitions: Sequence[StreamPartition]) -> int:
    """Return how many messages wait in all partitions together."""
    return sum(partition.lag for partition in partitions)


def is_heard(partition: StreamPartition, now: datetime) -> bool:
    """Tell whether the consumer of a partition is alive, as far as it has said so."""
    return now - partition.seen_at <= HEARD


def _summary(partitions: Sequence[StreamPartition], now: datetime) -> str:
    waiting, n = total_lag(partitions), len(partitions)
    alive = {one.consumer_id for one in partitions if is_heard(one, now)}
    consumers = "1 consumer" if len(alive) == 1 else f"{count(len(alive))} consumers"
    messages = "1 message waits" if waiting == 1 else f"{count(waiting)} messages wait"
    return f"{messages} in {n} partition{'s' if n > 1 else ''}; {consumers}"


def _line(one: StreamPartition, now: datetime) -> Component:
    return html.Tr(
        [
            html.Th(f"{one.topic} {one.partition_number}", scope="row"),
            html.Td(one.group_id),
            html.Td(one.consumer_id),
            html.Td(_state(one, now)),
            html.Td(count(one.committed), className="number"),
            html.Td(count(one.end_offset), className="number"),
            html.Td(count(one.lag), className="number"),
        ]
    )


def _state(one: StreamPartition, now: datetime) -> Component:
    if is_heard(one, now):
        return html.Span("active", className="sender-state active")
    return html.Span(f"silent since {moment(one.seen_at)}", className="sender-state bad")
