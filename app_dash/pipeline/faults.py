"""The faults of a test on the Pipeline page: what was injected, and what the product said of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dash import html
from dash.development.base_component import Component

from app_dash.pipeline.definitions import DEFINITIONS
from app_dash.shared.numbers import ABSENT, count, date_moment, duration
from app_dash.shared.panels import panel
from database.injected_faults import Statement, StoredFault
from solar.injected_faults import AMOUNTS, InjectedFault


def fault_panel(faults: Sequence[tuple[StoredFault, Statement]], *, now: datetime) -> Component:
    """List the faults that have begun by `now`, a time of the Sun, the newest first."""
    head = [
        html.Th("Injected"),
        html.Th("From, UTC"),
        html.Th("To, UTC"),
        html.Th("Affected", className="number"),
        html.Th("What the product said"),
        html.Th("Within", className="number"),
    ]
    rows = [_row(stored, statement, now) for stored, statement in reversed(faults)]
    table = html.Table(
        [html.Thead(html.Tr(head)), html.Tbody(rows)], className="data summary fault-table"
    )
    answered = sum(bool(statement.said) for _, statement in faults)
    return panel(
        "Injected faults",
        html.Div(table, className="table-scroll", tabIndex=0),
        subtitle=f"{count(len(faults))} by a tester, {count(answered)} answered; times of the Sun",
        definition=DEFINITIONS["pipeline-faults"],
        class_name="span-12 flush",
    )


def _row(stored: StoredFault, statement: Statement, now: datetime) -> Component:
    fault = stored.fault
    is_over = fault.end_at <= now
    noun = "flares" if fault.kind == "flare-list-delay" else "rows"
    return html.Tr(
        [
            html.Th([fault.kind, html.Small(_details(fault))], scope="row"),
            html.Td(date_moment(fault.start_at)),
            html.Td(date_moment(fault.end_at) if is_over else "goes on"),
            html.Td(f"{count(stored.affected)} {noun}", className="number"),
            html.Td(_said(statement, is_over=is_over), className="fault-said"),
            html.Td(_within(fault, statement), className="number"),
        ]
    )


def _details(fault: InjectedFault) -> str:
    """Write what the file says of a fault besides its kind and window."""
    rule = AMOUNTS.get(fault.kind)
    region = "" if fault.region is None else f", region {fault.region}"
    amount = "" if rule is None else f", {rule.meaning} {fault.amount:g}"
    return f"{region}{amount}".removeprefix(", ")


def _said(statement: Statement, *, is_over: bool) -> str:
    return " · ".join(statement.said) or ("nothing" if is_over else "nothing yet")


def _within(fault: InjectedFault, statement: Statement) -> str:
    if statement.at is not None:
        return duration(statement.at - fault.start_at)
    return "at receipt" if statement.said else ABSENT
