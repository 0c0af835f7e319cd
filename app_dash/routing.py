"""The callbacks of the shell: which page an address shows, and when it is drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dash
import sqlalchemy as sa
from dash import ClientsideFunction, Input, Output, State, ctx, no_update
from dash.development.base_component import Component

from app_dash import delta, shell
from app_dash.api_status import is_api_up
from app_dash.components.panels import empty_message, error_message
from app_dash.now.assessment import assess
from app_dash.now.strip import FROZEN, Verdict, strip
from app_dash.numbers import date_moment
from app_dash.settings import DashSettings
from app_dash.shell import Ids
from app_dash.theme import tokens
from app_dash.view import Page, View
from database.engine import reading
from database.regions.current import data_state, data_version
from solar.errors import FlarewatchError, InvalidInputError, StoreUnavailableError

AWAY = "away"

_FRAME = {
    "page": Output(Ids.PAGE, "children"),
    "navigation": Output(Ids.NAVIGATION, "children"),
    "title": Output(Ids.TITLE, "children"),
    "chips": Output(Ids.CHIPS, "children"),
    "strip": Output(Ids.STRIP, "children"),
    "status": Output(Ids.STATUS, "children"),
    "newest": Output(Ids.NEWEST, "data"),
    "is_drawn": Output(Ids.IS_DRAWN, "data"),
    "marks": Output(Ids.MARKS, "data"),
}


def register(
    app: dash.Dash, engine: sa.Engine, *, settings: DashSettings, pages: Sequence[Page]
) -> None:
    """Connect the shell to the store and to the browser's own functions."""
    _register_clientside(app)
    _register_refresh(app, engine, settings)

    @app.callback(
        output=_FRAME,
        inputs=[
            Input(Ids.URL, "pathname"), Input(Ids.URL, "search"),
            Input(Ids.THEME, "data"), Input(Ids.VERSION, "data"),
            State(Ids.IS_DRAWN, "data"), State(Ids.MARKS, "data"),
        ],
    )  # fmt: skip
    def draw(
        pathname: str | None, search: str | None, theme: str | None, known: str | None,
        is_drawn: bool | None, marks: list[str] | None,
    ) -> Any:  # fmt: skip
        path = pathname or "/"
        is_standing = bool(is_drawn) and set(ctx.triggered_prop_ids) == {f"{Ids.VERSION}.data"}
        if known == AWAY:
            return _away(pages, path, is_drawn=is_standing)
        try:
            view = look(engine, settings=settings, theme=theme)
        except StoreUnavailableError:
            return _away(pages, path, is_drawn=is_standing)
        keep = is_standing and not _is_live(view, pages, path)
        standing = marks if is_standing else None
        return frame(view, pages, pathname=path, search=search or "", keep=keep, standing=standing)


def _register_refresh(app: dash.Dash, engine: sa.Engine, settings: DashSettings) -> None:
    @app.callback(
        Output(Ids.VERSION, "data"), Input(Ids.TICK, "n_intervals"), State(Ids.VERSION, "data")
    )
    def ask_for_newer(_tick: int | None, known: str | None) -> Any:
        newest = version(engine)
        return no_update if newest == known else newest

    @app.callback(Output(Ids.API, "children"), Input(Ids.TICK, "n_intervals"))
    def ask_api(_tick: int | None) -> Component:
        return shell.api_status(is_up=is_api_up(settings.api_url))


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
        Input(Ids.SECOND, "n_intervals"),
        Input(Ids.NEWEST, "data"),
    )


def version(engine: sa.Engine) -> str:
    """Name the state of the store, or say that it is away; an absent store is no error here."""
    try:
        with reading(engine) as connection:
            return data_version(connection)
    except StoreUnavailableError:
        return AWAY


def look(engine: sa.Engine, *, settings: DashSettings, theme: str | None) -> View:
    """Take one look at the store."""
    with reading(engine) as connection:
        state = data_state(connection)
    return View(engine, settings, tokens(theme), state, datetime.now(UTC))


def frame(
    view: View, pages: Sequence[Page], *, pathname: str, search: str, keep: bool = False,
    standing: Sequence[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Draw everything that depends on the address or the data; `keep` leaves the page alone.

    Of a page that stands, by the marks of its parts, only what has changed is sent.
    """
    page = _page(pages, pathname)
    newest = view.state.newest_t_rec
    drawing: dict[str, Any] = {"page": no_update, "marks": no_update}
    if not keep:
        drawn = content(view, page, pathname=pathname, search=search)
        # The page of an analyst is never drawn anew under its reader: nothing to compare with.
        drawing = {"page": drawn, "marks": []}
        if _is_live(view, pages, pathname):
            marks = delta.marks(drawn)
            drawing = {"page": delta.changes(drawn, standing or (), marks), "marks": marks}
    return {
        **drawing,
        "navigation": shell.navigation(pages, pathname),
        "title": shell.title(page, as_of(view)),
        "chips": shell.chips(view.state),
        "strip": strip(assess(view), view.state.series),
        "status": shell.status(view),
        "newest": newest and newest.isoformat(),
        # A page that waits for the first forecast is no work that new data could disturb.
        "is_drawn": bool(view.state.latest),
    }


def _page(pages: Sequence[Page], pathname: str) -> Page | None:
    return next((page for page in pages if page.owns(pathname)), None)


def _is_live(view: View, pages: Sequence[Page], pathname: str) -> bool:
    page = _page(pages, pathname)
    return page is not None and page.is_live(view, pathname)


def as_of(view: View) -> str:
    """Say which time the pages call now where that is not the clock's."""
    newest = view.state.newest_t_rec
    if newest is None or view.now - newest <= FROZEN:
        return ""
    return f"as of {date_moment(newest)} UTC"


def content(view: View, page: Page | None, *, pathname: str, search: str) -> Component:
    """Draw the page; what the address or the store refuses is said in its place."""
    if page is None:
        return empty_message(f"There is no page {pathname}. Choose one on the left.")
    try:
        return page.layout(view, pathname, search)
    except InvalidInputError as error:
        address = pathname if search else page.path
        return error_message(str(error), retry=address, label="Open without choices")
    except FlarewatchError as error:
        return error_message(f"{error.title}: {error}", retry=pathname + search)


def _away(pages: Sequence[Page], pathname: str, *, is_drawn: bool) -> dict[str, Any]:
    said = f"{datetime.now(UTC):%H:%M} UTC"
    page = error_message(f"The store does not answer since {said}.", retry=pathname)
    values = "The values below are the last good ones" if is_drawn else "Trying again by itself"
    title = shell.title(_page(pages, pathname))
    return {
        "page": no_update if is_drawn else page,
        "marks": no_update if is_drawn else [],
        "navigation": shell.navigation(pages, pathname),
        "title": no_update if is_drawn else title,
        "chips": no_update,
        "strip": strip(Verdict("error", f"The store does not answer since {said}.", (values,)), ()),
        "status": no_update,
        "newest": no_update,
        # The store's return draws every page anew, for what it asked meanwhile was not answered.
        "is_drawn": False,
    }
