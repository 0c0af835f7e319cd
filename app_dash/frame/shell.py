"""The shell around every page: navigation, header, strip, and the state of the data in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlencode

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame import replay_bar
from app_dash.frame.page import Page, PageContext
from app_dash.settings import DashSettings
from app_dash.shared.panels import aria_hidden, aria_label
from app_dash.shared.people import avatar
from app_dash.shared.region_status import count_regions, region_statuses
from app_dash.shared.url_state import (
    ACCOUNT_PATH,
    HELP_PATH,
    NOW_PATH,
    PEOPLE_PATH,
    SIGN_OUT_PATH,
)
from database.models import ELSEWHERE, ModelRow
from database.people.principal import ACCOUNT, FEEDBACK, LOCAL, PEOPLE, Principal
from database.regions.current import DataState
from solar.sharp import SIMULATED_SERIES, UNSTATED_SERIES

# The fallback levels of a forecast, best first.
FALLBACK_LEVELS = ("full", "partial", "none")

_SOURCE_NAMES = {SIMULATED_SERIES: "SHARP simulated", UNSTATED_SERIES: "not stated"}
_NOBODY_REGISTERED = "Nobody is registered: everybody on this machine may do everything."
FIRST_PERSON = "flarewatch database users add NAME --role admin --invite"


class Ids:
    """The component ids of the shell."""

    URL = "url"
    THEME = "theme"
    THEME_TOGGLE = "theme-toggle"
    TICK = "tick"
    SECOND = "second"
    VERSION = "version"
    NEWEST_VERSION = "newest-version"
    NEWEST = "newest"
    IS_DRAWN = "is-drawn"
    DATA_KEY = "data-key"
    SHOW_NEWER = "show-newer"
    MARKS = "marks"
    TYPED = "typed"
    ACCEPTED = "accepted"
    PRINT = "print"
    NAVIGATION = "navigation"
    TITLE = "title"
    CLOCK = "clock"
    AGE = "age"
    AGE_CHIP = "age-chip"
    MODE = "mode"
    AS_OF = "as-of-banner"
    BRAND = "brand"
    GO_TO = "go-to"
    GO_TO_MESSAGE = "go-to-message"
    CHIPS = "chips"
    PERSON = "person"
    ANNOUNCEMENTS = "announcements"
    SHOWN = "shown-once"
    LIVE_MESSAGE = "live-message"
    STRIP = "strip"
    PAGE = "page"
    STATUS = "status"
    API = "api-status"
    STATES = "states"
    STATES_LINE = "states-line"


def shell(settings: DashSettings) -> Component:
    """Lay out the frame; the callbacks of ``routing`` fill it."""
    return html.Div(
        [
            dcc.Location(id=Ids.URL, refresh="callback-nav"),
            dcc.Store(id=Ids.THEME),
            dcc.Store(id=Ids.VERSION),
            dcc.Store(id=Ids.NEWEST_VERSION),
            dcc.Store(id=Ids.NEWEST),
            dcc.Store(id=Ids.IS_DRAWN, data=False),
            dcc.Store(id=Ids.MARKS, data=[]),
            dcc.Store(id=Ids.DATA_KEY),
            dcc.Store(id=Ids.TYPED),
            dcc.Store(id=Ids.ACCEPTED),
            *replay_bar.stores(),
            dcc.Interval(id=Ids.TICK, interval=settings.dash_refresh_seconds * 1000),
            dcc.Interval(id=Ids.SECOND, interval=1000),
            html.A("Skip to content", href="#page", className="skip"),
            _rail(),
            _header(),
            replay_bar.bar(settings.dash_refresh_seconds),
            html.Main(
                [
                    html.Div(id=Ids.AS_OF, role="status"),
                    html.Div(id=Ids.ANNOUNCEMENTS, role="status"),
                    html.Div(html.Div(className="strip pending"), id=Ids.STRIP, role="status"),
                    html.Div(html.Span("\u00a0"), id=Ids.STATES_LINE, className="states-line"),
                    # What an action has made and shows this once; no other page or redraw takes it.
                    html.Div(id=Ids.SHOWN, role="status"),
                    html.Div(id=Ids.LIVE_MESSAGE, role="status", className="visually-hidden"),
                    html.Div(_show_newer(), role="status"),
                    html.Div(_loading(), id=Ids.PAGE, tabIndex=-1),
                ],
                className="content",
            ),
        ]
    )


def _show_newer() -> Component:
    """Offer the data that the header shows already and an analyst's page does not."""
    return html.Button(
        ["Newer data: ", html.B("show")],
        id=Ids.SHOW_NEWER,
        type="button",
        hidden=True,
        className="button newer",
    )


def _loading() -> Component:
    # Placeholders in the shapes of the Now page, so that the first answer moves little.
    panels = [
        "xrays span-12",
        *["card span-3"] * 3,
        "alert-panel span-3",
        "matrix-panel span-9",
        "disk-panel span-4",
        "region-panel span-5",
        "flare-panel span-9",
        "base-rate-panel span-3",
    ]
    blocks = [html.Div(className=f"sunk-block {panel}") for panel in panels]
    return html.Div(blocks, className="grid now loading", **aria_hidden())


def _rail() -> Component:
    return html.Aside(
        [
            _brand(),
            html.Nav(id=Ids.NAVIGATION, **aria_label("Pages")),
            html.Div([html.Div(id=Ids.API), html.Div(id=Ids.STATUS)], className="rail-footer"),
        ],
        className="rail",
    )


def _brand() -> Component:
    name = html.Span("Flarewatch")
    return dcc.Link(name, id=Ids.BRAND, href=NOW_PATH, className="brand", title="Flarewatch")


def _header() -> Component:
    return html.Header(
        [
            html.Div(id=Ids.TITLE, className="header-title"),
            html.Time(id=Ids.CLOCK, className="clock"),
            html.Div(
                [
                    html.Span(id=Ids.MODE, className="chip mode"),
                    html.Span(
                        ["Data age ", html.B(id=Ids.AGE)], id=Ids.AGE_CHIP, className="chip age"
                    ),
                    html.Span(html.Span(className="chip states pending"), id=Ids.STATES),
                    html.Span(_pending_chips(), id=Ids.CHIPS, className="chips"),
                ],
                className="chips",
            ),
            html.Button(
                id=Ids.PRINT,
                className="print-button",
                title="Print a briefing",
                **aria_label("Print this page as a briefing"),
            ),
            html.Button(
                id=Ids.THEME_TOGGLE,
                className="theme-toggle",
                title="Light or dark",
                **aria_label("Switch between light and dark"),
            ),
            html.Div(id=Ids.PERSON, className="person"),
            _go_to(),
        ],
        className="header",
    )


def _go_to() -> Component:
    """Hold the field that the key ``/`` opens on a page without a search."""
    entry = dcc.Input(
        id=Ids.GO_TO,
        type="text",
        placeholder="Skill, 12017, HARP 3894",
        autoComplete="off",
        maxLength=40,
        className="field find-field",
    )
    return html.Div(
        [
            html.Label([html.Span("Go to a page or region"), entry]),
            html.P(id=Ids.GO_TO_MESSAGE, className="field-message", role="alert"),
        ],
        className="go-to",
        hidden=True,
    )


def _pending_chips() -> list[Component]:
    """Hold the places of the chips, so that the header keeps its size when they arrive."""
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
        if page.key
    ]


def title(page: Page | None, subtitle: str = "") -> list[Component]:
    """Write the title of the page and what it is for."""
    if page is None:
        return [html.H1("Not found")]
    return [html.H1(page.title), html.Span(subtitle or page.subtitle)]


def chips(state: DataState, verdict: Component | None = None) -> list[Component]:
    """Name the source of the records, the live model, and the fallback level of its forecasts.

    On a page without data a `verdict` stands for the strip, and only the model beside it.
    """
    if verdict is not None:
        return [verdict, _model_chip(state.model)]
    return [
        _fallback_chip(state),
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


def _fallback_chip(state: DataState) -> Component:
    """Name the lowest fallback level among the current forecasts, and count all in the title."""
    statuses = region_statuses(state)
    counts = Counter(s.forecast.rung for s in statuses if s.forecast is not None)
    lowest = max(counts, key=_rank, default="none")
    counted = [f"{counts[level]} {level}" for level in sorted(counts, key=_rank)]
    listed = "; ".join([", ".join(counted) or "none", str(count_regions(statuses))])
    kind = "chip rung" if lowest == FALLBACK_LEVELS[0] else "chip rung lower"
    return html.Span(
        ["Fallback level ", html.B(lowest)],
        className=kind,
        title=f"Fallback levels of the forecasts: {listed}",
    )


def _rank(level: str) -> int:
    """Return the place of a fallback level, 0 for the best; an unknown one is the lowest."""
    return FALLBACK_LEVELS.index(level) if level in FALLBACK_LEVELS else len(FALLBACK_LEVELS)


def source_name(series: Sequence[str]) -> str:
    """Name the series; simulated and unstated ones say so."""
    if not series:
        return "none"
    return " + ".join(_SOURCE_NAMES.get(name, name) for name in series)


def status(context: PageContext) -> Component:
    """List how many regions have a forecast."""
    state = context.state
    counts = count_regions(region_statuses(state))
    counted = html.Span(counts.ratio, title=str(counts))
    return html.Dl(html.Div([html.Dt("Regions"), html.Dd(counted)]))


def person_menu(who: Principal, *, here: str) -> Component:
    """Show who asks; `here` is the address of the page, which a report names."""
    is_local = who.via == LOCAL
    mark = (
        html.Span("local", className="avatar local") if is_local else avatar(who.name, is_me=True)
    )
    links = [
        dcc.Link(label, href=href)
        for label, href, permission in (
            ("Account", ACCOUNT_PATH, ACCOUNT),
            ("People", PEOPLE_PATH, PEOPLE),
            ("Help", _help(here), FEEDBACK),
        )
        if who.may(permission)
    ]
    opens = html.Summary(mark, title=who.name, **aria_label(f"Menu of {who.name}"))
    named = html.Nav(links, **aria_label("Person"))
    parts = [*_who(who, is_local=is_local), named, *([] if is_local else [_sign_out()])]
    return html.Details([opens, html.Div(parts)], className="person-menu")


def _who(who: Principal, *, is_local: bool) -> list[Component]:
    if is_local:
        ending = ["The first person or key ends that for ever: invite one under People, or run "]
        return [
            html.B("local"),
            html.P(_NOBODY_REGISTERED),
            html.P([*ending, html.Code(FIRST_PERSON)]),
        ]
    return [html.B(who.name), html.P(f"{who.login} · {', '.join(who.roles)}")]


def _help(here: str) -> str:
    path = here.partition("?")[0]
    return HELP_PATH if path == HELP_PATH else f"{HELP_PATH}?{urlencode({'from': here})}"


def _sign_out() -> Component:
    button = html.Button("Sign out", type="submit")
    return html.Form(button, method="post", action=SIGN_OUT_PATH)
