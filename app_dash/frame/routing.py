"""The callbacks of the shell: which page an address shows, and when it is redrawn."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import dash
import sqlalchemy as sa
from dash import ClientsideFunction, Input, Output, State, ctx, no_update
from dash.development.base_component import Component

from app_dash.frame import delta, shell
from app_dash.frame.all_clear import ENDED, Verdict, assess, strip, verdict_chip
from app_dash.frame.as_of import as_of_banner, keep_time
from app_dash.frame.page import Page, PageContext, page_of
from app_dash.frame.replay_bar import BarIds, clock_data
from app_dash.frame.shell import Ids
from app_dash.guard import SHELL, callback, principal
from app_dash.settings import DashSettings
from app_dash.shared.as_of import checked_time_of, present_of, store_of
from app_dash.shared.numbers import date_moment
from app_dash.shared.panels import empty_message, error_message
from app_dash.shared.theme import tokens
from app_dash.shared.url_state import NOW_PATH, with_time
from database.clock.clock import CADENCE, read_clock, usual_step
from database.engine import reading, store_time
from database.known import known_at
from database.nowcast.nowcast import xrays_are_missing
from database.people.principal import READ
from database.regions.current import data_state, data_version
from solar.errors import FlarewatchError, InvalidInputError, StoreUnavailableError

STORE_UNAVAILABLE = "away"
# Of records older than this no more grows old by the minute.
_LONGEST_AGE = timedelta(days=27)

_FRAME = {
    "page": Output(Ids.PAGE, "children"),
    # For assets/typing.js: the path and the query that the page was drawn for.
    "drawn_for": Output(Ids.PAGE, "data-address"),
    "navigation": Output(Ids.NAVIGATION, "children"),
    "title": Output(Ids.TITLE, "children"),
    "person": Output(Ids.PERSON, "children"),
    "chips": Output(Ids.CHIPS, "children"),
    "strip": Output(Ids.STRIP, "children"),
    "clock": Output(BarIds.CLOCK, "data"),
    "as_of": Output(Ids.AS_OF, "children"),
    "brand": Output(Ids.BRAND, "href"),
    "status": Output(Ids.STATUS, "children"),
    "newest": Output(Ids.NEWEST, "data"),
    "is_drawn": Output(Ids.IS_DRAWN, "data"),
    "marks": Output(Ids.MARKS, "data"),
    "data_key": Output(Ids.DATA_KEY, "data"),
    "is_newest": Output(Ids.SHOW_NEWER, "hidden"),
}


def register(
    app: dash.Dash, engine: sa.Engine, *, settings: DashSettings, pages: Sequence[Page]
) -> None:
    """Connect the shell to the store and to the browser's own functions."""
    _register_clientside(app)
    _register_refresh(app, engine)

    @callback(
        app,
        SHELL,
        output=_FRAME,
        inputs=[
            Input(Ids.URL, "pathname"),
            Input(Ids.URL, "search"),
            Input(Ids.THEME, "data"),
            Input(Ids.VERSION, "data"),
            Input(Ids.SHOW_NEWER, "n_clicks"),
            State(Ids.IS_DRAWN, "data"),
            State(Ids.MARKS, "data"),
            State(Ids.DATA_KEY, "data"),
        ],
    )
    def draw(
        pathname: str | None,
        search: str | None,
        theme: str | None,
        known: str | None,
        _show: int | None,
        is_drawn: bool | None,
        marks: list[str] | None,
        data_key: str | None,
    ) -> Any:
        path = pathname or "/"
        is_refresh = bool(is_drawn) and set(ctx.triggered_prop_ids) == {f"{Ids.VERSION}.data"}
        if known == STORE_UNAVAILABLE or not principal().may(READ):
            return _store_unavailable(pages, path, is_drawn=is_refresh)
        try:
            context = read_context(engine, settings=settings, theme=theme, search=search)
        except StoreUnavailableError:
            return _store_unavailable(pages, path, is_drawn=is_refresh)
        # A page with marks was live: what has just ended, as a region that left the disk, is drawn
        # once more.
        keep = is_refresh and not marks and not _redraws_itself(context, pages, path)
        previous_parts = marks if is_refresh else None
        drawing = draw_frame(
            context,
            pages,
            pathname=path,
            search=search or "",
            keep=keep,
            previous_parts=previous_parts,
            data_key=data_key,
        )
        return drawing if keep else drawing | {"page": delta.apply(drawing["page"])}


def _register_refresh(app: dash.Dash, engine: sa.Engine) -> None:
    @callback(
        app,
        SHELL,
        Output(Ids.NEWEST_VERSION, "data"),
        Input(Ids.TICK, "n_intervals"),
        State(Ids.VERSION, "data"),
    )
    def ask_for_newer(_tick: int | None, known: str | None) -> Any:
        newest = version(engine)
        if newest != STORE_UNAVAILABLE:
            _tell_time(engine)
        return no_update if newest == known else newest


def _register_clientside(app: Any) -> None:  # dash leaves clientside_callback untyped
    app.clientside_callback(
        ClientsideFunction("flarewatch", "theme"),
        Output(Ids.THEME, "data"),
        Input(Ids.THEME_TOGGLE, "n_clicks"),
    )
    app.clientside_callback(
        ClientsideFunction("flarewatch", "clock"),
        Output(Ids.CLOCK, "children"),
        Output(Ids.AGE, "children"),
        Output(Ids.AGE_CHIP, "className"),
        Output(Ids.MODE, "children"),
        Output(Ids.MODE, "className"),
        Input(Ids.SECOND, "n_intervals"),
        Input(Ids.NEWEST, "data"),
        Input(BarIds.CLOCK, "data"),
        Input(Ids.URL, "search"),
    )
    # The version that is drawn follows the newest one once that moves nothing under the pointer.
    app.clientside_callback(
        ClientsideFunction("redraw", "whenPointerIsFree"),
        Output(Ids.NEWEST_VERSION, "clear_data"),
        Input(Ids.NEWEST_VERSION, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("replay", "answer"),
        Output(BarIds.TO, "value"),
        Input(BarIds.ANSWER, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(ClientsideFunction("flarewatch", "title"), Input(Ids.TITLE, "children"))
    app.clientside_callback(
        ClientsideFunction("typing", "accept"),
        Output(Ids.ACCEPTED, "clear_data"),
        Input(Ids.ACCEPTED, "data"),
        prevent_initial_call=True,
    )


def version(engine: sa.Engine) -> str:
    """Return a text that changes with the stored data, with the clock, and as the data grow old.

    They do so by the usual step of their source, not by the second, and X-rays when they are
    missing. An unavailable store is no error here.
    """
    try:
        with reading(store_of(engine, None)) as connection:
            clock, now = read_clock(connection), store_time(connection)
            version = f"{data_version(connection)}|{clock.version}"
            if clock.newest is None:
                return version
            sun_now = clock.now(now)
            age = min(sun_now - clock.newest, _LONGEST_AGE) // usual_step(connection, clock.newest)
            return f"{version}|{age}|{xrays_are_missing(connection, sun_now)}"
    except StoreUnavailableError:
        return STORE_UNAVAILABLE


def read_clock_data(engine: sa.Engine) -> dict[str, Any]:
    """Read what the bar of a replay shows; nothing in it is later than now but the end."""
    with reading(store_of(engine, None)) as connection:
        clock, now = read_clock(connection), store_time(connection)
        step = CADENCE if clock.newest is None else usual_step(connection, clock.newest)
    return clock_data(clock, now, step, principal())


def _tell_time(engine: sa.Engine) -> None:
    """Tell the browser the time of a replay that plays: it has let it pass by itself since."""
    with reading(engine) as connection:
        clock = read_clock(connection)
    if clock.is_replay and not clock.is_paused:
        dash.set_props(BarIds.CLOCK, {"data": read_clock_data(engine)})


def read_context(
    engine: sa.Engine, *, settings: DashSettings, theme: str | None, search: str | None = None
) -> PageContext:
    """Read what every page needs: the state of the data as of the time read, and the colours."""
    with reading(engine) as connection:
        clock, now = read_clock(connection), store_time(connection)
    at = None
    # In place of the page stands what is wrong with the address.
    with suppress(InvalidInputError):
        at = checked_time_of(search, now=clock.now(now))
    store = present_of(engine, clock, now) if at is None else known_at(engine, at)
    with reading(store) as connection:
        state = data_state(connection)
        newest = state.newest_t_rec
        step = CADENCE if newest is None else usual_step(connection, newest)
    return PageContext(
        store,
        settings,
        tokens(theme),
        state,
        now,
        principal(),
        clock,
        at=at,
        usual_step=step,
    )


def draw_frame(
    context: PageContext,
    pages: Sequence[Page],
    *,
    pathname: str,
    search: str,
    keep: bool = False,
    previous_parts: Sequence[str] | None = None,
    data_key: str | None = None,
) -> dict[str, Any]:
    """Draw everything that depends on the address or the data; `keep` leaves the page as it is.

    `previous_parts` are the fingerprints of the parts that the browser shows: only parts that
    differ are sent. `data_key` is that of a page that is kept.
    """
    # What one may not see does not exist.
    pages = [page for page in pages if context.who.may(page.permission)]
    page = page_of(pages, pathname)
    newest = context.state.newest_t_rec
    verdict, address = assess(context), pathname + search
    is_about_data = page is None or page.is_about_data
    drawing: dict[str, Any] = dict.fromkeys(("page", "drawn_for", "marks"), no_update)
    if not keep:
        drawn = draw_page(context, page, pathname=pathname, search=search)
        keep_time(drawn, context.at, pathname)
        # A page that new data never redraws has nothing to compare with.
        drawing = {"page": drawn, "drawn_for": address, "marks": []}
        is_live = _redraws_itself(context, pages, pathname)
        if is_live or previous_parts:
            parts = delta.fingerprints(drawn)
            drawing["page"] = delta.changes(drawn, previous_parts or (), parts)
            drawing["marks"] = parts if is_live else []
    newest_key = _data_key(context, page, pathname=pathname, search=search)
    frame = {
        "navigation": shell.navigation(pages, pathname),
        "title": shell.title(page, as_of(context) if is_about_data else ""),
        "person": shell.person_menu(context.who, here=address),
        "chips": shell.chips(context.state, None if is_about_data else verdict_chip(verdict)),
        "strip": strip(verdict, context.state.series) if is_about_data else [],
    }
    keep_time(list(frame.values()), context.at, pathname)
    return {
        **drawing,
        **frame,
        "data_key": no_update if keep else newest_key,
        "is_newest": not keep or data_key == newest_key,
        "as_of": as_of_banner(context.at, address),
        "clock": read_clock_data(context.engine),
        "brand": with_time(NOW_PATH, context.at),
        "status": shell.status(context),
        "newest": newest and newest.isoformat(),
        # Before the first forecast a redraw disturbs nobody.
        "is_drawn": bool(context.state.latest),
    }


def _data_key(context: PageContext, page: Page | None, *, pathname: str, search: str) -> str:
    try:
        return "" if page is None else page.data_key(context, pathname, search)
    except FlarewatchError:
        # The page says what is wrong with its address or the store.
        return ""


def _redraws_itself(context: PageContext, pages: Sequence[Page], pathname: str) -> bool:
    page = page_of(pages, pathname)
    return page is not None and page.is_live(context, pathname)


def as_of(context: PageContext) -> str:
    """Say which time the pages call now if it is not the clock's."""
    newest = context.state.newest_t_rec
    if newest is None or context.sun_now - newest <= max(ENDED, 3 * context.stale):
        return ""
    return f"as of {date_moment(newest)} UTC"


def draw_page(context: PageContext, page: Page | None, *, pathname: str, search: str) -> Component:
    """Draw the page, or in its place the error of the address or the store."""
    if page is None:
        return empty_message(f"There is no page {pathname}. Choose one on the left.")
    try:
        checked_time_of(search, now=context.clock.now(context.now))
        return page.layout(context, pathname, search)
    except InvalidInputError as error:
        address = pathname if search else page.path
        return error_message(str(error), retry=address, label="Open without choices")
    except FlarewatchError as error:
        return error_message(f"{error.title}: {error}", retry=pathname + search)


def _store_unavailable(pages: Sequence[Page], pathname: str, *, is_drawn: bool) -> dict[str, Any]:
    since = f"{datetime.now(UTC):%H:%M} UTC"
    page = error_message(f"The store has not answered since {since}.", retry=pathname)
    values = "The values below are the last good ones" if is_drawn else "Retrying automatically"
    title = shell.title(page_of(pages, pathname))
    return {
        "page": no_update if is_drawn else page,
        "drawn_for": no_update,
        "marks": no_update if is_drawn else [],
        "data_key": no_update,
        "is_newest": True,
        "navigation": shell.navigation(pages, pathname),
        "title": no_update if is_drawn else title,
        "person": no_update,
        "chips": no_update,
        "clock": no_update,
        "as_of": no_update,
        "brand": no_update,
        "strip": strip(
            Verdict("error", f"The store has not answered since {since}.", (values,)), ()
        ),
        "status": no_update,
        "newest": no_update,
        # Redraw every page when the store returns: meanwhile its requests had no answer.
        "is_drawn": False,
    }
