"""The filters of the Explore page: range, classes, regions, model, columns, and the files."""

from __future__ import annotations

from collections.abc import Sequence

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.aria import unspoken
from app_dash.components.call_menu import call_menu
from app_dash.components.menu import menu
from app_dash.components.panels import segmented
from app_dash.components.range_picker import presets, time_field, write_utc
from app_dash.components.typed_fields import field_id, field_state
from app_dash.explore.api_call import ApiCall
from app_dash.explore.column_filters import write_filters
from app_dash.explore.export_routes import CSV_PATH, PARQUET_PATH
from app_dash.explore.query import ExploreQuery, Found
from app_dash.figures.entrants import entrant_label
from database.models import ModelRow
from solar.flares import EVENTS
from solar.time import Window

PAGE = "explore"
PATH = "/explore"


def filters(
    query: ExploreQuery, found: Found, models: Sequence[ModelRow], *, call: ApiCall, message: str
) -> Component:
    """Show the state of every filter; each is a link or a field."""
    shown = _shown(query, found.selection.window)
    rows = [
        [
            presets(query, PATH),
            time_field(field_id(PAGE, "start"), "From (UTC)", shown["start"]),
            time_field(field_id(PAGE, "end"), "To (UTC)", shown["end"]),
            model_menu(query, found.selection.model_id, models),
        ],
        [_classes(query), _least(query, shown["least"]), _regions(shown["regions"]),
         _files(query, call)],
        *_column_filters(query),
    ]  # fmt: skip
    return html.Div(
        [*(html.Div(row, className="filters") for row in rows), field_state(PAGE, shown, message)],
        className="filter-bar",
    )


def _shown(query: ExploreQuery, window: Window) -> dict[str, str]:
    return {
        "start": write_utc(window.start_at),
        "end": write_utc(window.end_at),
        "regions": query.regions.replace(",", ", "),
        "least": f"{query.least:g}",
    }


def _classes(query: ExploreQuery) -> Component:
    choices = [("Any class", PATH + query.changed(event="", least=0).search(), not query.event)]
    choices += [
        (event.label, PATH + query.changed(event=event.name).search(), query.event == event.name)
        for event in EVENTS
    ]
    return segmented("Flare class", choices)


def _least(query: ExploreQuery, text: str) -> Component:
    field = dcc.Input(
        id=field_id(PAGE, "least"),
        value=text,
        type="text",
        inputMode="numeric",
        debounce=True,
        disabled=not query.event,
        className="field short-field",
    )
    hint = "" if query.event else "Choose a class first"
    return html.Label([html.Span("At least, %"), field], className="labelled", title=hint)


def _regions(text: str) -> Component:
    field = dcc.Input(
        id=field_id(PAGE, "regions"),
        value=text,
        type="text",
        debounce=True,
        placeholder="all; HARP or NOAA numbers: 3894, 12017",
        className="field region-field",
        autoComplete="off",
    )
    return html.Label([html.Span("Regions"), field], className="labelled grow")


def model_menu(query: ExploreQuery, chosen: str, models: Sequence[ModelRow]) -> Component:
    """Offer the registered models; an empty `chosen` is none of them."""
    choices = [
        (f"{entrant_label(model.model_id)} ({model.stage})",
         PATH + query.changed(model="" if model.stage == "live" else model.model_id).search(),
         model.model_id == chosen)
        for model in models
    ]  # fmt: skip
    return menu("Model", entrant_label(chosen) or "choose", choices)


def _column_filters(query: ExploreQuery) -> list[list[Component]]:
    """Name what the table's columns are filtered by; each name is a link that removes it."""
    kept = [[other for other in query.filters if other != one] for one in query.filters]
    chips = [
        _chip(one.label(), query.changed(where=write_filters(others)))
        for one, others in zip(query.filters, kept, strict=True)
    ]
    if query.rung:
        chips.append(_chip(f"rung or reason “{query.rung}”", query.changed(rung="")))
    return [[html.Span("Table filters", className="secondary"), *chips]] if chips else []


def _chip(label: str, without: ExploreQuery) -> Component:
    return dcc.Link(
        [label, html.Span("×", className="remove", **unspoken())],
        href=PATH + without.search(),
        className="chip removable",
        title=f"Remove the filter {label}",
    )


def _files(query: ExploreQuery, call: ApiCall) -> Component:
    links = [
        html.A(label, href=path + query.search(), className="button", download="")
        for label, path in (("CSV", CSV_PATH), ("Parquet", PARQUET_PATH))
    ]
    label = html.Span("Export", className="secondary")
    return html.Div([label, *links, call_menu(call)], className="files")
