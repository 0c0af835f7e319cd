"""The panels of the Explore page: overview, histograms, keyword statistics, records."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from app_dash.explore.columns import keyword_unit, keyword_value
from app_dash.explore.data import ExploreData
from app_dash.explore.figures import distribution_figure, records_figure
from app_dash.explore.query import ExploreQuery, filter_model
from app_dash.explore.record_table import TYPE, record_table
from app_dash.shared.definitions import Definition
from app_dash.shared.injected import band_legend, with_bands
from app_dash.shared.numbers import count, date_moment
from app_dash.shared.panels import graph, panel
from app_dash.shared.theme import Tokens
from database.exploration.records import VIEW_LIMIT
from database.exploration.statistics import BIN_EDGES, KeywordStatistics
from solar.flares import EVENTS, Event
from solar.windows import DAY

DEFINITIONS: dict[str, Definition] = {
    "explore-overview": Definition(
        "Overview of the records",
        "How many forecasts are stored in each interval, and the highest of them. The interval is"
        " the shortest of 12 min, 1, 3, 6, 12 h and 1, 2, 4, … 32 d that gives at most 250 bars.",
        "n(interval), max of P over the records of all regions in [t, t + interval)",
        "Whole days come from daily sums stored beside the records, parts of days from the records",
    ),
    "explore-distribution": Definition(
        "Distribution of predictions",
        "How many calibrated forecasts fall into each bin of probability: bins of 1 % below 10 %,"
        " of 5 % above. A histogram whose bar filters the records keeps its other bars.",
        "n(low ≤ P < high); the last bin includes 100 %",
        "Stored probabilities of the chosen window; records without a forecast are in no bin",
    ),
    "explore-keywords": Definition(
        "Keyword statistics",
        "Minimum, maximum and mean of every SHARP keyword over the records shown. Only observed"
        " values count, not imputed ones.",
        "mean = Σ x / n over the n records with a value",
        "Bobra et al. 2014, doi 10.1007/s11207-014-0529-3",
    ),
    "explore-records": Definition(
        "Stored forecasts",
        "One row per region and time of the model, with the keywords of its record. Windows other"
        " than 24 h are stored once an hour, for the first record of each region in it. A range"
        " includes its lower limit and excludes its upper one.",
        "from ≤ value < to, in the unit of the column",
        "The files and the figures use the same filters",
    ),
}
OVERVIEW = "explore-overview"
MARKED = "explore-marked"


def summary(data: ExploreData) -> Component:
    """Count the records, and say which part of them the panels cover."""
    drawn = data.amounts.distribution
    facts = [("records", drawn.n), ("without forecast", drawn.without_forecast)]
    chips = [html.Span([f"{name} ", html.B(count(n))], className="chip") for name, n in facts]
    return html.Div([*chips, *_limit_note(data)], className="summary-line")


def results(query: ExploreQuery, data: ExploreData, tokens: Tokens) -> Component:
    """Draw all panels."""
    top = [_distributions(query, data, tokens), _keywords(data)]
    return html.Div(
        [_overview(query, data, tokens), html.Div(top, className="grid"), _table(query, data)],
        className="stack",
    )


def keyword_statistics(rows: Sequence[KeywordStatistics]) -> Component:
    """Write minimum, maximum and mean in the unit for display; name absent keywords below."""
    present = [row for row in rows if row.n]
    absent = ", ".join(row.keyword.name for row in rows if not row.n)
    head = [html.Th("Keyword"), html.Th("Unit"), *(_number_head(t) for t in ("Min", "Max", "Mean"))]
    table = html.Table(
        [html.Thead(html.Tr(head)), html.Tbody([_row(row) for row in present])],
        className="data summary keyword-statistics",
    )
    note = [html.P(f"Without a value: {absent}", className="caption")] if absent else []
    return html.Div([table, *note], className="table-scroll statistics-scroll", tabIndex=0)


def _number_head(text: str) -> Component:
    return html.Th(text, className="number")


def _row(row: KeywordStatistics) -> Component:
    keyword = row.keyword
    values = [keyword_value(value, keyword) for value in (row.minimum, row.maximum, row.mean)]
    hint = f"{keyword.description}; {row.n:,} values"
    return html.Tr(
        [
            html.Td(keyword.name, title=hint),
            html.Td(keyword_unit(keyword), className="unit-cell"),
            *(html.Td(value, className="number") for value in values),
        ]
    )


def histogram_id(event: Event) -> str:
    """Return the component id of an event's histogram."""
    return f"distribution-{event.column}"


def _limit_note(data: ExploreData) -> list[Component]:
    if not data.is_limited:
        return []
    since = date_moment(data.shown.window.start_at)
    newest = f"the newest {count(VIEW_LIMIT)} records of the range, from {since} on"
    text = (
        f"The table lists {newest}; the figures cover all of it, and so do the files."
        if data.is_whole
        else f"Figures and table cover {newest}. The files hold the whole range;"
        " narrow it to see an earlier part."
    )
    return [html.P(text, className="notice", role="note")]


def _overview(query: ExploreQuery, data: ExploreData, tokens: Tokens) -> Component:
    event, drawn = query.main_event.within(query.of), data.bars
    window = data.resolved.selection.window
    figure = records_figure(
        event,
        drawn.at,
        step=drawn.step,
        counts=drawn.n,
        peaks=drawn.peak,
        window=window,
        covered=window if data.is_whole else data.shown.window,
        tokens=tokens,
    )
    figure = with_bands(figure, data.faults, tokens)
    text = (
        f"Records and greatest probability of {event.label} from {date_moment(window.start_at)}"
        f" to {date_moment(window.end_at)}; the range can be typed above"
    )
    return panel(
        "Overview",
        html.Div(graph(OVERVIEW, figure, text=text, height=176), className="brush"),
        subtitle=[
            f"greatest P({event.label}) and records",
            html.Span("; drag to choose a range, double-click to widen it", className="by-pointer"),
        ],
        actions=band_legend(data.faults) or None,
        definition=DEFINITIONS["explore-overview"],
    )


def _distributions(query: ExploreQuery, data: ExploreData, tokens: Tokens) -> Component:
    drawn = data.amounts.distribution
    forecasts = count(drawn.n - drawn.without_forecast)
    chosen = {item.column: (item.low, item.high) for item in query.filters}
    charts = [
        graph(
            histogram_id(event),
            distribution_figure(
                event.within(query.of),
                drawn.counts[event.name],
                BIN_EDGES,
                tokens,
                chosen=chosen.get(event.column),
            ),
            text=f"Histogram of {forecasts} forecasts of {event.within(query.of).label}",
            height=212,
        )
        for event in EVENTS
    ]
    return panel(
        "Distribution of predictions",
        html.Div(charts, className="distributions"),
        subtitle="forecasts per bin; choose a bar to filter by it",
        class_name="span-8",
        definition=DEFINITIONS["explore-distribution"],
    )


def _keywords(data: ExploreData) -> Component:
    return panel(
        "Keywords",
        keyword_statistics(data.amounts.statistics),
        subtitle="over these records",
        class_name="flush span-4",
        definition=DEFINITIONS["explore-keywords"],
    )


def _covered(query: ExploreQuery) -> str:
    if query.of == DAY:
        return "24 h ahead, as issued"
    return f"{query.of.label}, as issued with the first record of each region and hour"


def _table(query: ExploreQuery, data: ExploreData) -> Component:
    resolved = query.resolved(data.shown.window).search()
    present = [row.keyword for row in data.amounts.statistics if row.n]
    table = record_table(
        {"type": TYPE, "view": resolved},
        present,
        of=query.of,
        sort=query.order,
        filter_model=filter_model(query),
    )
    return panel(
        "Records",
        html.P(id=MARKED, className="marked", role="status"),
        table,
        subtitle=f"{_covered(query)}; a column's head sorts and filters,"
        " a chosen row is marked in the figures",
        class_name="flush",
        definition=DEFINITIONS["explore-records"],
    )
