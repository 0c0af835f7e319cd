"""The Explore page: stored forecasts by range, region, class and column, as figures and table."""

from __future__ import annotations

from typing import Any

import dash
import sqlalchemy as sa
from dash import ALL, MATCH, ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from app_dash.explore.data import read_explore, register_exports
from app_dash.explore.filters import api_call, filters, model_menu
from app_dash.explore.panels import MARKED, OVERVIEW, histogram_id, results, summary
from app_dash.explore.query import (
    Click,
    ExploreQuery,
    binned,
    dragged,
    filtered,
    resolve,
    write_order,
)
from app_dash.explore.record_table import BLOCK, TYPE, RowsRequest, cells, sort_of
from app_dash.frame.page import PageContext
from app_dash.frame.shell import Ids
from app_dash.frame.typed_fields import MESSAGE, parse_leniently
from app_dash.guard import callback
from app_dash.shared.as_of import store_of
from app_dash.shared.panels import empty_message, panel
from app_dash.shared.range_picker import newest_shown
from app_dash.shared.url_state import EXPLORE_PATH
from database.engine import reading
from database.exploration.records import bounded, page
from database.exploration.records import count as count_records
from database.models import list_models
from database.people.principal import READ
from solar.errors import InvalidInputError, NotFoundError
from solar.flares import EVENTS
from solar.windows import DAY


def layout(context: PageContext, pathname: str, search: str) -> Component:
    """Draw the records of the address; an invalid one gives the defaults and the error."""
    query, message = parse_leniently(ExploreQuery, search)
    try:
        data = read_explore(context.engine, query)
    except NotFoundError as error:
        return _no_predictions(context, query, error)
    call = api_call(
        query, data.resolved.selection, regions=data.regions, base=context.settings.shown_api_url
    )
    bar = filters(query, data.resolved, data.models, call=call, message=message)
    if not data.amounts.distribution.n:
        nothing = panel("Records", _no_records(query), subtitle="none in this range")
        return html.Div([bar, summary(data), nothing], className="stack")
    return html.Div([bar, summary(data), results(query, data, context.tokens)], className="stack")


def data_key(context: PageContext, _pathname: str, search: str) -> str:
    """Return a text that changes when newer records come into the range of the address."""
    return newest_shown(context.state.newest_t_rec, search)


def register(app: dash.Dash, engine: sa.Engine) -> None:
    """Connect the typed fields, the gestures, the blocks of the table and the files."""
    register_exports(app.server, engine)
    _register_gestures(app)
    _register_marked_row(app)

    @callback(
        app,
        READ,
        Output({"type": TYPE, "view": MATCH}, "getRowsResponse"),
        Input({"type": TYPE, "view": MATCH}, "getRowsRequest"),
        State(Ids.URL, "search"),
        prevent_initial_call=True,
    )
    def rows(given: RowsRequest | None, search: str | None) -> Any:
        if given is None:
            return no_update
        request = given.model_dump(exclude_unset=True)
        address = str(ctx.outputs_list["id"]["view"])
        current = ExploreQuery.parse(address)
        try:
            with_filters = filtered(current, request.get("filterModel"))
        except InvalidInputError as error:
            dash.set_props(MESSAGE, {"children": str(error)})
            return block(engine, address, request)
        requested = with_filters.changed(sort=write_order(sort_of(request)))
        if requested == current:
            return block(engine, address, request)
        # Only the address holds the state, and its change redraws the page.
        kept = {name: getattr(requested, name) for name in ("where", "rung", "regions", "sort")}
        query = parse_leniently(ExploreQuery, search)[0].changed(**kept)
        dash.set_props(Ids.URL, {"search": query.search()})
        return no_update


def _register_gestures(app: dash.Dash) -> None:
    address = Output(Ids.URL, "search", allow_duplicate=True)
    current = State(Ids.URL, "search")

    @callback(
        app, READ, address, Input(OVERVIEW, "relayoutData"), current, prevent_initial_call=True
    )
    def drag(moved: dict[str, Any] | None, search: str | None) -> Any:
        query = parse_leniently(ExploreQuery, search)[0]
        moved_query = dragged(query, moved)
        return no_update if moved_query == query else moved_query.search()

    bars = [Input(histogram_id(event), "clickData") for event in EVENTS]

    @callback(app, READ, address, current, *bars, prevent_initial_call=True)
    def choose(search: str | None, *clicks: Click | None) -> Any:
        query = parse_leniently(ExploreQuery, search)[0]
        for event, click in zip(EVENTS, clicks, strict=True):
            if click and ctx.triggered_id == histogram_id(event):
                return binned(query, event, click.points[0].pointNumber).search()
        return no_update


def _register_marked_row(app: Any) -> None:  # dash leaves clientside_callback untyped
    app.clientside_callback(
        ClientsideFunction("explore", "mark"),
        Output(MARKED, "children"),
        Input({"type": TYPE, "view": ALL}, "selectedRows"),
        prevent_initial_call=True,
    )


def block(engine: sa.Engine, search: str, request: dict[str, Any]) -> dict[str, Any]:
    """Read one block of the table; `search` is the table's query with its times fixed."""
    start = max(int(request.get("startRow") or 0), 0)
    with reading(store_of(engine, search)) as connection:
        selection = bounded(connection, resolve(connection, ExploreQuery.parse(search)).selection)
        records = page(connection, selection, sort=sort_of(request), start=start, limit=BLOCK)
        total = count_records(connection, selection)
    return {"rowData": [cells(record) for record in records], "rowCount": total}


def _no_predictions(context: PageContext, query: ExploreQuery, error: NotFoundError) -> Component:
    with reading(context.engine) as connection:
        models = list_models(connection)
    choice = model_menu(query, "", models) if models else None
    return panel("Records", empty_message(str(error), choice))


def _no_records(query: ExploreQuery) -> Component:
    wider = ExploreQuery(range="all", model=query.model, at=query.at)
    link = dcc.Link("Show everything", href=EXPLORE_PATH + wider.search(), className="button")
    text = "No stored forecast matches these filters."
    if query.of != DAY:
        text += f" A model forecasts {query.of.label} only if it was trained for that window."
    return empty_message(text, link)
