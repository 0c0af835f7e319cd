"""The audit on the People page: its filters, its table, and the file of it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from dash import dcc, html
from dash.development.base_component import Component
from flask import Flask, Response, request, stream_with_context

from app_dash.frame.typed_fields import field_id
from app_dash.guard import route
from app_dash.people.query import AUDIT_ROWS, OBJECT_KINDS, Audit, PeopleQuery
from app_dash.shared.changes import change_text
from app_dash.shared.numbers import count
from app_dash.shared.panels import empty_message, panel, segmented
from app_dash.shared.people import agent_name, avatar, day_or_time
from app_dash.shared.range_picker import time_field, write_utc
from app_dash.shared.url_state import AUDIT_CSV_PATH, PEOPLE_PATH
from database.engine import reading
from database.people.audit import AuditEntry, list_audit
from database.people.principal import PEOPLE, SYSTEM
from solar.time import isoformat, parse_time

PAGE = "people"
_HEADINGS = (
    ("When, UTC", "when"),
    ("Who", "who"),
    ("Did", "did"),
    ("To", "object"),
    ("Change", "changed"),
    ("By", "by"),
)
_BATCH = 1_000
_ULID = re.compile(r"[0-9A-Z]{26}")
# What follows the region in the id of an alert.
_ALERT_DETAIL = re.compile(r"-\d{8}T\d{6}Z-.*")
_LONGEST = 140


def audit_panel(audit: Audit, query: PeopleQuery, now: datetime) -> Component:
    """List actions, the newest first."""
    table = html.Table(
        [
            html.Thead(html.Tr([html.Th(t, scope="col", className=kind) for t, kind in _HEADINGS])),
            html.Tbody([_row(row, now) for row in audit.rows]),
        ],
        className="data audit",
    )
    content = html.Div(table, className="scrolled") if audit.rows else _nothing(query)
    file = html.A("CSV", href=AUDIT_CSV_PATH + _file_search(query), className="link", download="")
    return panel(
        "Audit",
        _filters(query),
        content,
        _paging(query, audit),
        subtitle=f"append only, {count(audit.total)} entries",
        actions=[_kinds(query), file],
        class_name="flush audit-panel",
    )


def shown_fields(query: PeopleQuery) -> dict[str, str]:
    """Return what the typed fields show."""
    times = {"start": query.start, "end": query.end}
    written = {name: write_utc(parse_time(t)) if t else "" for name, t in times.items()}
    return {"find": query.find, "text": query.text, **written}


def _kinds(query: PeopleQuery) -> Component:
    choices = [
        (
            kind.capitalize() or "All",
            PEOPLE_PATH + query.changed(kind=kind).search(),
            query.kind == kind,
        )
        for kind in OBJECT_KINDS
    ]
    return segmented("Kind of object", choices)


def _filters(query: PeopleQuery) -> Component:
    shown = shown_fields(query)
    text = dcc.Input(
        id=field_id(PAGE, "text"),
        value=query.text,
        type="text",
        debounce=True,
        placeholder="who, what or to whom",
        autoComplete="off",
        className="field",
    )
    return html.Div(
        [
            html.Label([html.Span("Contains"), text], className="labelled grow"),
            time_field(field_id(PAGE, "start"), "From (UTC)", shown["start"]),
            time_field(field_id(PAGE, "end"), "To (UTC)", shown["end"]),
        ],
        className="filters audit-filters",
    )


def _row(row: AuditEntry, now: datetime) -> Component:
    is_person = row.via != SYSTEM
    who: list[Any] = [avatar(row.actor), row.actor] if is_person else [row.actor]
    change = change_text(_read(row.before), _read(row.after))
    short = change if len(change) <= _LONGEST else f"{change[:_LONGEST]}…"
    cells: tuple[tuple[Any, str, str], ...] = (
        (_when(row.at, now), "when", isoformat(row.at)),
        (html.Span(who, className="actor"), "who", ""),
        (row.action, "did", ""),
        (_object(row), "object", row.object_id),
        (short, "changed", change if short != change else ""),
        (row.via, "by", ""),
    )
    return html.Tr([html.Td(cell, className=kind, title=title) for cell, kind, title in cells])


def _object(row: AuditEntry) -> list[Any]:
    """Name the object of an action shortly; what only has an identifier by its kind alone."""
    kind = html.Span(f"{row.object_kind} ", className="secondary")
    if row.object_kind == "session":
        return [kind, agent_name(row.object_id)]
    if row.object_kind == "alert":
        # Such as M1.0-6h-harp906401-20240501T085923Z-ac3bf91a; the whole stands in the title.
        return [kind, _ALERT_DETAIL.sub("", row.object_id)]
    return [kind] if _ULID.fullmatch(row.object_id) else [kind, row.object_id]


def _when(at: datetime, now: datetime) -> str:
    text = day_or_time(at, now)
    return f"{at.astimezone(UTC):%H:%M:%S}" if " " not in text else text


def _read(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _paging(query: PeopleQuery, audit: Audit) -> Component:
    links = []
    if query.after:
        newest = PEOPLE_PATH + query.changed(after="").search()
        links.append(dcc.Link("Newest", href=newest, className="button"))
    if audit.following:
        older = PEOPLE_PATH + query.changed(after=audit.following).search()
        links.append(dcc.Link(f"Older {AUDIT_ROWS}", href=older, className="button"))
    return html.Div(links, className="paging")


def _nothing(query: PeopleQuery) -> Component:
    everything = query.changed(kind="", text="", start=None, end=None)
    if query == everything:
        return empty_message("Nothing has been done yet.")
    link = dcc.Link("Show all", href=PEOPLE_PATH + everything.search(), className="button")
    return empty_message("No action matches these filters.", link)


def _file_search(query: PeopleQuery) -> str:
    return query.changed(find="", person="", form="", after="").search()


def register_export(server: Flask, engine: sa.Engine) -> None:
    """Serve the audit as CSV; the query is that of the page."""

    @route(server, AUDIT_CSV_PATH, permission=PEOPLE)
    def export_audit() -> Response:
        query = PeopleQuery.parse(request.query_string.decode())
        return Response(
            stream_with_context(csv_lines(engine, query)),
            mimetype="text/csv",
            headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
        )


def csv_lines(engine: sa.Engine, query: PeopleQuery) -> Iterator[str]:
    """Write the header, then all actions of the query batch by batch, the newest first."""
    yield _lines([list(AuditEntry.__dataclass_fields__)])
    place = None
    while True:
        with reading(engine) as connection:
            rows = list_audit(
                connection,
                window=query.window,
                object_kinds=OBJECT_KINDS[query.kind],
                text=query.text,
                limit=_BATCH,
                after=place,
            )
        if not rows:
            return
        yield _lines([[_cell(value) for value in vars(row).values()] for row in rows])
        place = (rows[-1].at, rows[-1].audit_id)


def _lines(rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return isoformat(value)
    text = "" if value is None else str(value)
    # A spreadsheet would run a text that begins so.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
