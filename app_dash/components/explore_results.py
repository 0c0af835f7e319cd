"""The panels of the Explore page below its filters: overview, histograms, keywords, records."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from app_dash.components.keyword_statistics import keyword_statistics
from app_dash.components.panels import graph, panel
from app_dash.components.record_table import TYPE, record_table
from app_dash.explore.moves import filter_model
from app_dash.explore.query import ExploreQuery
from app_dash.explore.view import ExploreView
from app_dash.figures.distribution import distribution_figure
from app_dash.figures.records import records_figure
from app_dash.numbers import count, date_moment
from app_dash.theme import Tokens
from database.exploration.records import VIEW_LIMIT
from database.exploration.statistics import BIN_EDGES
from solar.flares import EVENTS, Event

OVERVIEW = "explore-overview"
MARKED = "explore-marked"


def histogram_id(event: Event) -> str:
    """Name the histogram of an event."""
    return f"distribution-{event.column}"


def summary(seen: ExploreView) -> Component:
    """Count what was found, and say what part of it the panels cover."""
    drawn = seen.amounts.distribution
    facts = [("records", drawn.n), ("without forecast", drawn.without_forecast)]
    chips = [html.Span([f"{name} ", html.B(count(n))], className="chip") for name, n in facts]
    return html.Div([*chips, *_limit_note(seen)], className="summary-line")


def results(query: ExploreQuery, seen: ExploreView, tokens: Tokens) -> Component:
    """Lay out all panels."""
    top = [_distributions(query, seen, tokens), _keywords(seen)]
    return html.Div(
        [_overview(query, seen, tokens), html.Div(top, className="grid"), _table(query, seen)],
        className="stack",
    )


def _limit_note(seen: ExploreView) -> list[Component]:
    if not seen.is_limited:
        return []
    since = date_moment(seen.shown.window.start_at)
    newest = f"the newest {count(VIEW_LIMIT)} records of the range, from {since} on"
    text = (
        f"The table lists {newest}; the figures cover all of it, and so do the files."
        if seen.is_whole
        else f"Figures and table cover {newest}. The files hold the whole range;"
        " narrow it to see an earlier part."
    )
    return [html.P(text, className="notice", role="note")]


def _overview(query: ExploreQuery, seen: ExploreView, tokens: Tokens) -> Component:
    event, drawn, window = query.main_event, seen.bars, seen.found.selection.window
    figure = records_figure(
        event, drawn.at, step=drawn.step, counts=drawn.n, peaks=drawn.peak, window=window,
        covered=window if seen.is_whole else seen.shown.window, tokens=tokens,
    )  # fmt: skip
    text = (
        f"Records and greatest probability of {event.label} from {date_moment(window.start_at)}"
        f" to {date_moment(window.end_at)}; the range can be typed above"
    )
    return panel(
        "Overview",
        html.Div(graph(OVERVIEW, figure, text=text, height=176), className="brush"),
        subtitle=[
            f"greatest P({event.label}) and records",
            html.Span("; drag to choose a range, double-click to widen it back",
                      className="by-pointer"),
        ],
        how="explore-overview",
    )  # fmt: skip


def _distributions(query: ExploreQuery, seen: ExploreView, tokens: Tokens) -> Component:
    drawn = seen.amounts.distribution
    forecasts = count(drawn.n - drawn.without_forecast)
    chosen = {one.column: (one.low, one.high) for one in query.filters}
    charts = [
        graph(
            histogram_id(event),
            distribution_figure(event, drawn.counts[event.name], BIN_EDGES, tokens,
                                chosen=chosen.get(event.column)),
            text=f"Histogram of {forecasts} forecasts of {event.label}",
            height=212,
        )
        for event in EVENTS
    ]  # fmt: skip
    return panel(
        "Distribution of predictions",
        html.Div(charts, className="distributions"),
        subtitle="forecasts per bin; choose a bar to filter by it",
        class_name="span-8",
        how="explore-distribution",
    )


def _keywords(seen: ExploreView) -> Component:
    return panel(
        "Keywords",
        keyword_statistics(seen.amounts.statistics),
        subtitle="over these records",
        class_name="flush span-4",
        how="explore-keywords",
    )


def _table(query: ExploreQuery, seen: ExploreView) -> Component:
    resolved = query.resolved(seen.shown.window).search()
    present = [row.keyword for row in seen.amounts.statistics if row.n]
    table = record_table(
        {"type": TYPE, "view": resolved},
        present,
        sort=query.order,
        filter_model=filter_model(query),
    )
    return panel(
        "Records",
        html.P(id=MARKED, className="marked", role="status"),
        table,
        subtitle="24 h ahead, as issued; a column's head sorts and filters,"
        " a chosen row is marked in the figures",
        class_name="flush",
        how="explore-records",
    )
