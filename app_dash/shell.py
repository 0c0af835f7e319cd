"""The shell around every page: navigation, header, strip, and what they say of the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.aria import labelled, unspoken
from app_dash.now.standing import standings
from app_dash.numbers import moment
from app_dash.settings import DashSettings
from app_dash.view import Page, View
from database.models import ELSEWHERE, ModelRow
from database.regions.current import DataState
from solar.sharp import SIMULATED_SERIES, UNSTATED_SERIES

# The ladder of a forecast, from the whole record down.
RUNGS = ("full", "partial", "none")

_SOURCE_NAMES = {SIMULATED_SERIES: "SHARP simulated", UNSTATED_SERIES: "not stated"}


class Ids:
    """The component ids of the shell."""

    URL = "url"
    THEME = "theme"
    THEME_TOGGLE = "theme-toggle"
    TICK = "tick"
    SECOND = "second"
    VERSION = "version"
    NEWEST = "newest"
    IS_DRAWN = "is-drawn"
    MARKS = "marks"
    PRINT = "print"
    NAVIGATION = "navigation"
    TITLE = "title"
    CLOCK = "clock"
    AGE = "age"
    AGE_CHIP = "age-chip"
    CHIPS = "chips"
    STRIP = "strip"
    PAGE = "page"
    STATUS = "status"
    API = "api-status"


def shell(settings: DashSettings) -> Component:
    """Lay out the frame; the callbacks of ``routing`` fill it."""
    return html.Div(
        [
            dcc.Location(id=Ids.URL, refresh="callback-nav"),
            dcc.Store(id=Ids.THEME),
            dcc.Store(id=Ids.VERSION),
            dcc.Store(id=Ids.NEWEST),
            dcc.Store(id=Ids.IS_DRAWN, data=False),
            dcc.Store(id=Ids.MARKS, data=[]),
            dcc.Interval(id=Ids.TICK, interval=settings.dash_refresh_seconds * 1000),
            dcc.Interval(id=Ids.SECOND, interval=1000),
            html.A("Skip to content", href="#page", className="skip"),
            _rail(),
            _header(),
            html.Main(
                [
                    html.Div(html.Div(className="strip pending"), id=Ids.STRIP, role="status"),
                    html.Div(_loading(), id=Ids.PAGE, tabIndex=-1),
                ],
                className="content",
            ),
        ]
    )


def _loading() -> Component:
    # The shapes of Now: what stands until the first answer has nearly its size.
    panels = [*["card span-3"] * 3, "alert-panel span-3", "disk-panel span-4",
              "region-panel span-5", "flare-panel span-12"]  # fmt: skip
    blocks = [html.Div(className=f"sunk-block {panel}") for panel in panels]
    return html.Div(blocks, className="grid now loading", **unspoken())


def _rail() -> Component:
    return html.Aside(
        [
            dcc.Link(html.Span("Flarewatch"), href="/", className="brand", title="Flarewatch"),
            html.Nav(id=Ids.NAVIGATION, **labelled("Pages")),
            html.Div([html.Div(id=Ids.API), html.Div(id=Ids.STATUS)], className="rail-footer"),
        ],
        className="rail",
    )


def _header() -> Component:
    return html.Header(
        [
            html.Div(id=Ids.TITLE, className="header-title"),
            html.Time(id=Ids.CLOCK, className="clock"),
            html.Div(
                [
                    html.Span(
                        ["Data age ", html.B(id=Ids.AGE)], id=Ids.AGE_CHIP, className="chip age"
                    ),
                    html.Span(_pending_chips(), id=Ids.CHIPS, className="chips"),
                ],
                className="chips",
            ),
            html.Button(
                id=Ids.PRINT,
                className="print-button",
                title="Print a briefing",
                **labelled("Print this page as a briefing"),
            ),
            html.Button(
                id=Ids.THEME_TOGGLE,
                className="theme-toggle",
                title="Light or dark",
                **labelled("Switch between light and dark"),
            ),
        ],
        className="header",
    )


def _pending_chips() -> list[Component]:
    """Hold the places of the chips, so that the header keeps its shape when they arrive."""
    return [html.Span(className=f"chip {name} pending") for name in ("rung", "source", "model")]


def navigation(pages: Sequence[Page], pathname: str) -> list[Component]:
    """Link the pages; the id carries the key that opens each."""
    return [
        dcc.Link(
            html.Span(page.title),
            id=f"nav-{page.key}",
            href=page.path,
            title=page.key,
            className="nav-link active" if page.owns(pathname) else "nav-link",
        )
        for page in pages
    ]


def title(page: Page | None, subtitle: str = "") -> list[Component]:
    """Head the page with its name and what it is for."""
    if page is None:
        return [html.H1("Not found")]
    return [html.H1(page.title), html.Span(subtitle or page.subtitle)]


def chips(state: DataState) -> list[Component]:
    """Name the source of the records, the model of the forecasts and what they stand on."""
    return [
        _rung_chip(state),
        html.Span(["Source ", html.B(source_name(state.series))], className="chip source"),
        _model_chip(state.model),
    ]


def _model_chip(model: ModelRow | None) -> Component:
    if model is None:
        return html.Span(["Model ", html.B("none live")], className="chip model")
    made = " (made elsewhere)" if model.made_by == ELSEWHERE else ""
    return html.Span(
        ["Model ", html.B(model.model_id + made)], className="chip model", title=model.origin
    )


def _rung_chip(state: DataState) -> Component:
    """Name the lowest rung that a forecast which counts stands on, all of them in the title."""
    found = standings(state)
    counts = Counter(s.forecast.rung for s in found if s.forecast is not None)
    without = sum(s.forecast is None for s in found)
    worst = max(counts, key=_rank, default="none")
    said = [f"{n} {rung}" for rung, n in sorted(counts.items(), key=lambda pair: _rank(pair[0]))]
    title = f"What the forecasts stand on: {', '.join([*said, f'{without} without a forecast'])}"
    kind = "chip rung" if worst == RUNGS[0] else "chip rung lower"
    return html.Span(["Rung ", html.B(worst)], className=kind, title=title)


def _rank(rung: str) -> int:
    """Return how far down the ladder a rung stands; one that is unknown is the lowest."""
    return RUNGS.index(rung) if rung in RUNGS else len(RUNGS)


def source_name(series: Sequence[str]) -> str:
    """Write the series as a reader knows them; simulated and unstated ones say so."""
    if not series:
        return "none"
    return " + ".join(_SOURCE_NAMES.get(name, name) for name in series)


def status(view: View) -> Component:
    """List how many regions have a forecast and when records last came in."""
    state = view.state
    ingest = "–" if state.last_ingest_at is None else moment(state.last_ingest_at)
    n_forecast = sum(standing.forecast is not None for standing in standings(state))
    rows = (("Regions", f"{n_forecast} of {len(state.regions)}"), ("Ingest", ingest))
    return html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in rows])


def api_status(*, is_up: bool) -> Component:
    """Say whether the prediction API answers."""
    word = "up" if is_up else "down"
    return html.Dl(html.Div([html.Dt("API"), html.Dd(word, className=word)]))
