"""The Explore page: stored forecasts by range, region and class, as figures, table and file."""

from __future__ import annotations

from typing import Any

import dash
import sqlalchemy as sa
from dash import MATCH, Input, Output, ctx, dcc, html
from dash.development.base_component import Component

from app_dash.components.explore_filters import PAGE, PATH, filters, model_menu
from app_dash.components.keyword_statistics import keyword_statistics
from app_dash.components.panels import empty_message, graph, panel
from app_dash.components.record_table import BLOCK, TYPE, cells, record_table, sort_of
from app_dash.components.typed_fields import parse_leniently, register_fields
from app_dash.explore_query import FIELDS, ExploreQuery, find
from app_dash.explore_view import ExploreView, look
from app_dash.export_routes import register_exports
from app_dash.figures.distribution import distribution_figure
from app_dash.numbers import count, date_moment
from app_dash.theme import Tokens
from app_dash.view import View
from database.engine import reading
from database.exploration import VIEW_LIMIT, bounded, page
from database.exploration import count as count_records
from database.exploration_figures import BIN_EDGES, Distribution
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
    bar = filters(query, seen.found, seen.models, message=message)
    if not seen.distribution.n:
        return html.Div([bar, panel("Records", _nothing(query), subtitle="none in this range")],
                        className="stack")  # fmt: skip
    return html.Div([bar, _summary(seen), _results(query, seen, view.tokens)], className="stack")


def register(app: dash.Dash, engine: sa.Engine) -> None:
    """Connect the fields, the table's blocks and the files."""
    register_fields(app, PAGE, query_type=ExploreQuery, names=FIELDS)
    register_exports(app.server, engine)

    @app.callback(
        Output({"type": TYPE, "view": MATCH}, "getRowsResponse"),
        Input({"type": TYPE, "view": MATCH}, "getRowsRequest"),
        prevent_initial_call=True,
    )
    def rows(request: dict[str, Any] | None) -> Any:
        if request is None:
            return dash.no_update
        return block(engine, ctx.outputs_list["id"]["view"], request)


def block(engine: sa.Engine, search: str, request: dict[str, Any]) -> dict[str, Any]:
    """Read one block of the table; `search` is the view's address with its times resolved."""
    start = max(int(request.get("startRow") or 0), 0)
    with reading(engine) as connection:
        selection = bounded(connection, find(connection, ExploreQuery.parse(search)).selection)
        found = page(connection, selection, sort=sort_of(request), start=start, limit=BLOCK)
        total = count_records(connection, selection)
    return {"rowData": [cells(record) for record in found], "rowCount": total}


def _summary(seen: ExploreView) -> Component:
    facts = [
        ("records", count(seen.distribution.n)),
        ("without forecast", count(seen.distribution.without_forecast)),
    ]
    chips = [html.Span([f"{name} ", html.B(value)], className="chip") for name, value in facts]
    return html.Div([*chips, *_limit_note(seen)], className="summary-line")


def _limit_note(seen: ExploreView) -> list[Component]:
    if not seen.is_limited:
        return []
    text = (
        f"Figures and table cover the newest {count(VIEW_LIMIT)} records of the range, from"
        f" {date_moment(seen.shown.window.start_at)} on. The files hold the whole range;"
        " narrow it to see an earlier part."
    )
    return [html.P(text, className="notice", role="note")]


def _results(query: ExploreQuery, seen: ExploreView, tokens: Tokens) -> Component:
    resolved = query.resolved(seen.shown.window).search()
    present = [row.keyword for row in seen.statistics if row.n]
    table = panel(
        "Records",
        record_table({"type": TYPE, "view": resolved}, present),
        subtitle="24 h ahead, as issued; sort by a column's head",
        class_name="flush",
    )
    extremes = panel("Keywords", keyword_statistics(seen.statistics),
                     subtitle="over these records", class_name="flush span-4")  # fmt: skip
    top = [_distributions(seen.distribution, tokens), extremes]
    return html.Div([html.Div(top, className="grid"), table], className="stack")


def _distributions(drawn: Distribution, tokens: Tokens) -> Component:
    forecasts = drawn.n - drawn.without_forecast
    charts = [
        graph(
            f"distribution-{event.column}",
            distribution_figure(event, drawn.counts[event.name], BIN_EDGES, tokens),
            text=f"Histogram of {count(forecasts)} forecasts of {event.label}",
            height=212,
        )
        for event in EVENTS
    ]
    return panel(
        "Distribution of predictions",
        html.Div(charts, className="distributions"),
        subtitle="forecasts per bin, logarithmic; 1 % bins below 10 %, then 5 %",
        class_name="span-8",
    )


def _unanswered(view: View, query: ExploreQuery, error: NotFoundError) -> Component:
    with reading(view.engine) as connection:
        models = list_models(connection)
    choice = model_menu(query, "", models) if models else None
    return panel("Records", empty_message(str(error), choice))


def _nothing(query: ExploreQuery) -> Component:
    wider = ExploreQuery(range="all", model=query.model)
    link = dcc.Link("Show everything", href=PATH + wider.search(), className="button")
    return empty_message("No stored forecast matches these filters.", link)
