"""The Explore page: stored forecasts by range, region, class and column, as figures and table."""

from __future__ import annotations

from typing import Any

import dash
import sqlalchemy as sa
from dash import ALL, MATCH, ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from app_dash.components.explore_filters import PAGE, PATH, filters, model_menu
from app_dash.components.explore_results import MARKED, OVERVIEW, histogram_id, results, summary
from app_dash.components.panels import empty_message, panel
from app_dash.components.record_table import BLOCK, TYPE, cells, sort_of
from app_dash.components.typed_fields import parse_leniently, register_fields
from app_dash.explore.api_call import api_call
from app_dash.explore.export_routes import register_exports
from app_dash.explore.moves import binned, dragged, filtered
from app_dash.explore.query import FIELDS, ExploreQuery, find, write_order
from app_dash.explore.view import look
from app_dash.shell import Ids
from app_dash.view import View
from database.engine import reading
from database.exploration.records import bounded, page
from database.exploration.records import count as count_records
from database.models import list_models
from solar.errors import NotFoundError
from solar.flares import EVENTS


def layout(view: View, pathname: str, search: str) -> Component:
    """Show what the address asks for; an unreadable one shows the defaults and says why."""
    query, message = parse_leniently(ExploreQuery, search)
    try:
        seen = look(view.engine, query)
    except NotFoundError as error:
        return _unanswered(view, query, error)
    call = api_call(
        query, seen.found.selection, regions=seen.regions, base=view.settings.shown_api_url
    )
    bar = filters(query, seen.found, seen.models, call=call, message=message)
    if not seen.amounts.distribution.n:
        nothing = panel("Records", _nothing(query), subtitle="none in this range")
        return html.Div([bar, summary(seen), nothing], className="stack")
    return html.Div([bar, summary(seen), results(query, seen, view.tokens)], className="stack")


def register(app: dash.Dash, engine: sa.Engine) -> None:
    """Connect the fields, the gestures, the table's blocks and the files."""
    register_fields(app, PAGE, query_type=ExploreQuery, names=FIELDS)
    register_exports(app.server, engine)
    _register_gestures(app)
    _register_marks(app)

    @app.callback(
        Output({"type": TYPE, "view": MATCH}, "getRowsResponse"),
        Input({"type": TYPE, "view": MATCH}, "getRowsRequest"),
        State(Ids.URL, "search"),
        prevent_initial_call=True,
    )
    def rows(request: dict[str, Any] | None, search: str | None) -> Any:
        if request is None:
            return no_update
        view = ctx.outputs_list["id"]["view"]
        known = ExploreQuery.parse(view)
        asked = filtered(known, request.get("filterModel"))
        asked = asked.changed(sort=write_order(sort_of(request)))
        if asked == known:
            return block(engine, view, request)
        # The address alone holds the state, and its change draws the page that answers.
        kept = {name: getattr(asked, name) for name in ("where", "rung", "regions", "sort")}
        query = parse_leniently(ExploreQuery, search)[0].changed(**kept)
        dash.set_props(Ids.URL, {"search": query.search()})
        return no_update


def _register_gestures(app: dash.Dash) -> None:
    address = Output(Ids.URL, "search", allow_duplicate=True)
    now = State(Ids.URL, "search")

    @app.callback(address, Input(OVERVIEW, "relayoutData"), now, prevent_initial_call=True)
    def drag(moved: dict[str, Any] | None, search: str | None) -> Any:
        query = parse_leniently(ExploreQuery, search)[0]
        return _moved(query, dragged(query, moved))

    bars = [Input(histogram_id(event), "clickData") for event in EVENTS]

    @app.callback(address, *bars, now, prevent_initial_call=True)
    def choose(*given: Any) -> Any:
        *clicks, search = given
        query = parse_leniently(ExploreQuery, search)[0]
        for event, click in zip(EVENTS, clicks, strict=True):
            if click and ctx.triggered_id == histogram_id(event):
                return binned(query, event, click["points"][0]["pointNumber"]).search()
        return no_update


def _register_marks(app: Any) -> None:  # dash leaves clientside_callback untyped
    app.clientside_callback(
        ClientsideFunction("explore", "mark"),
        Output(MARKED, "children"),
        Input({"type": TYPE, "view": ALL}, "selectedRows"),
        prevent_initial_call=True,
    )


def _moved(query: ExploreQuery, asked: ExploreQuery) -> Any:
    return no_update if asked == query else asked.search()


def block(engine: sa.Engine, search: str, request: dict[str, Any]) -> dict[str, Any]:
    """Read one block of the table; `search` is the view's address with its times resolved."""
    start = max(int(request.get("startRow") or 0), 0)
    with reading(engine) as connection:
        selection = bounded(connection, find(connection, ExploreQuery.parse(search)).selection)
        found = page(connection, selection, sort=sort_of(request), start=start, limit=BLOCK)
        total = count_records(connection, selection)
    return {"rowData": [cells(record) for record in found], "rowCount": total}


def _unanswered(view: View, query: ExploreQuery, error: NotFoundError) -> Component:
    with reading(view.engine) as connection:
        models = list_models(connection)
    choice = model_menu(query, "", models) if models else None
    return panel("Records", empty_message(str(error), choice))


def _nothing(query: ExploreQuery) -> Component:
    wider = ExploreQuery(range="all", model=query.model)
    link = dcc.Link("Show everything", href=PATH + wider.search(), className="button")
    return empty_message("No stored forecast matches these filters.", link)
