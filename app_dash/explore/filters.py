"""The filters of the Explore page, the files, and the API call for the same records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.explore.columns import ColumnFilter, write_filters
from app_dash.explore.query import ExploreQuery, ResolvedQuery
from app_dash.frame.typed_fields import field_id, field_state
from app_dash.shared.numbers import count, model_label
from app_dash.shared.panels import aria_hidden, menu, segmented
from app_dash.shared.range_picker import presets, time_field, write_range
from app_dash.shared.url_state import EXPLORE_PATH, PREDICTIONS_CSV_PATH, PREDICTIONS_PARQUET_PATH
from database.exploration.selection import Selection
from database.models import ModelRow
from solar.flares import EVENTS
from solar.time import Window, isoformat
from solar.windows import DAY, WINDOWS

API_PATH = "/api/v1/predictions"
# The most that the API returns at once; its `next_cursor` leads to the rest.
LIMIT = 10_000
_BY_COLUMN = {event.column: event for event in EVENTS}
PAGE = "explore"


def filters(
    query: ExploreQuery,
    resolved: ResolvedQuery,
    models: Sequence[ModelRow],
    *,
    call: ApiCall,
    message: str,
) -> Component:
    """Show every filter with its state; each is a link or a field."""
    shown = _shown(query, resolved.selection.window)
    rows = [
        [
            presets(query, EXPLORE_PATH),
            time_field(field_id(PAGE, "start"), "From (UTC)", shown["start"]),
            time_field(field_id(PAGE, "end"), "To (UTC)", shown["end"]),
            model_menu(query, resolved.selection.model_id, models),
        ],
        [
            _classes(query),
            _windows(query),
            _least(query, shown["least"]),
            _regions(shown["regions"]),
            _files(query, call),
        ],
        *_column_filters(query),
    ]
    return html.Div(
        [*(html.Div(row, className="filters") for row in rows), field_state(shown, message)],
        className="filter-bar",
    )


def _shown(query: ExploreQuery, window: Window) -> dict[str, str]:
    return {
        **write_range(query, window),
        "regions": query.regions.replace(",", ", "),
        "least": f"{query.least:g}",
    }


def _classes(query: ExploreQuery) -> Component:
    choices = [
        ("Any class", EXPLORE_PATH + query.changed(event="", least=0).search(), not query.event)
    ]
    choices += [
        (
            event.label,
            EXPLORE_PATH + query.changed(event=event.name).search(),
            query.event == event.name,
        )
        for event in EVENTS
    ]
    return segmented("Flare class", choices)


def _windows(query: ExploreQuery) -> Component:
    choices = [
        (
            window.label,
            EXPLORE_PATH + query.changed(window=window.name).search(),
            query.of == window,
        )
        for window in WINDOWS
    ]
    return segmented("Window", choices)


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
    """Offer the registered models; `chosen` may be empty."""
    choices = [
        (
            f"{model_label(model.model_id)} ({model.stage})",
            EXPLORE_PATH
            + query.changed(model="" if model.stage == "live" else model.model_id).search(),
            model.model_id == chosen,
        )
        for model in models
    ]
    return menu("Model", model_label(chosen) or "choose", choices)


def _column_filters(query: ExploreQuery) -> list[list[Component]]:
    """Name the filters of the table's columns; each name is a link that removes it."""
    kept = [[other for other in query.filters if other != item] for item in query.filters]
    chips = [
        _chip(item.label(), query.changed(where=write_filters(others)))
        for item, others in zip(query.filters, kept, strict=True)
    ]
    if query.rung:
        chips.append(_chip(f"fallback level or reason “{query.rung}”", query.changed(rung="")))
    return [[html.Span("Table filters", className="secondary"), *chips]] if chips else []


def _chip(label: str, without: ExploreQuery) -> Component:
    return dcc.Link(
        [label, html.Span("×", className="remove", **aria_hidden())],
        href=EXPLORE_PATH + without.search(),
        className="chip removable",
        title=f"Remove the filter {label}",
    )


def _files(query: ExploreQuery, call: ApiCall) -> Component:
    links = [
        html.A(label, href=path + query.search(), className="button", download="")
        for label, path in (("CSV", PREDICTIONS_CSV_PATH), ("Parquet", PREDICTIONS_PARQUET_PATH))
    ]
    label = html.Span("Export", className="secondary")
    return html.Div([label, *links, call_menu(call)], className="files")


def call_menu(call: ApiCall) -> Component:
    """Show the command, a button that copies it, and the filters that it lacks."""
    return html.Details(
        [html.Summary("API call", className="button"), html.Div(_content(call))],
        className="menu call-menu",
    )


def _content(call: ApiCall) -> list[Component]:
    if not call.addresses:
        return [html.P("The store has none of these regions.")]
    copied: dict[str, Any] = {"data-copy": call.command}
    notes = [
        f"Up to {count(LIMIT)} forecasts in one response; its next_cursor leads to the rest.",
        *_left_out(call),
    ]
    return [
        html.Code(call.command, tabIndex=0),
        html.Button("Copy", className="button primary", type="button", **copied),
        *(html.P(note, className="caption") for note in notes),
    ]


def _left_out(call: ApiCall) -> list[str]:
    if not call.left_out:
        return []
    return [
        f"The API has no parameter for: {', '.join(call.left_out)}. The files follow all filters."
    ]


@dataclass(frozen=True)
class ApiCall:
    """The addresses, one per named region, and the filters that the API does not have."""

    addresses: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def command(self) -> str:
        """The call as a shell command."""
        return "curl " + " ".join(f"'{address}'" for address in self.addresses)


def api_call(
    query: ExploreQuery, selection: Selection, *, regions: Sequence[int] | None, base: str
) -> ApiCall:
    """Return the call; `regions` are the region ids that the query names, None for all."""
    least, api_column = _least_probability(selection)
    parameters: dict[str, Any] = {
        "model": selection.model_id,
        "from": isoformat(selection.window.start_at),
        "to": isoformat(selection.window.end_at),
        **({} if selection.of == DAY else {"window": selection.of.name}),
        **least,
        "limit": LIMIT,
    }
    places: list[dict[str, Any]] = [{}]
    if regions is not None:
        places = [{"region": region_id} for region_id in regions]
    left_out = [item.label() for item in _not_in_api(query, api_column)]
    if query.rung:
        left_out.append(f"fallback level or reason “{query.rung}”")
    return ApiCall(
        tuple(f"{base}{API_PATH}?{urlencode(parameters | place, safe=':@')}" for place in places),
        tuple(left_out),
    )


def _not_in_api(query: ExploreQuery, api_column: str) -> list[ColumnFilter]:
    """Return the filters without the lower limit of the one column that the API can filter."""
    rest = [
        replace(item, low=None) if item.column == api_column else item for item in query.filters
    ]
    return [item for item in rest if item.low is not None or item.high is not None]


def _least_probability(selection: Selection) -> tuple[dict[str, Any], str]:
    """Return the one minimum probability that the API can filter by, and its column."""
    if selection.event is not None:
        least = selection.min_probability
        return {"event": selection.event.name, "min_probability": least}, ""
    for limit in selection.limits:
        event = _BY_COLUMN.get(limit.column)
        if event is not None and limit.low is not None:
            return {"event": event.name, "min_probability": limit.low}, limit.column
    return {}, ""
