"""The field that leads to any page or region, for pages without a search of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import dash
import sqlalchemy as sa
from dash import Input, Output, State, no_update
from dash.exceptions import PreventUpdate

from app_dash.frame.page import Page
from app_dash.frame.shell import Ids
from app_dash.guard import callback, principal
from app_dash.shared.as_of import store_of
from app_dash.shared.url_state import REGIONS_PATH, keep_time, read_region_numbers
from database.engine import reading
from database.people.principal import READ
from database.regions.timeline import search_regions
from solar.errors import FlarewatchError, InvalidInputError


def register(app: dash.Dash, engine: sa.Engine, pages: Sequence[Page]) -> None:
    """Connect the field."""

    @callback(
        app,
        READ,
        Output(Ids.GO_TO_MESSAGE, "children"),
        Output(Ids.GO_TO, "value"),
        Output(Ids.URL, "href", allow_duplicate=True),
        Input(Ids.GO_TO, "n_submit"),
        State(Ids.GO_TO, "value"),
        State(Ids.URL, "search"),
        prevent_initial_call=True,
    )
    def go(submits: int | None, text: str | None, search: str | None) -> Any:
        if not submits or not (text or "").strip():
            raise PreventUpdate
        seen = [page for page in pages if principal().may(page.permission)]
        try:
            address = address_of(engine, seen, (text or "").strip())
        except FlarewatchError as error:
            return str(error), no_update, no_update
        return "", "", keep_time(address, search)


def address_of(engine: sa.Engine, pages: Sequence[Page], text: str) -> str:
    """Return the address of the page that begins with a text, or of the region with a number.

    Raises
    ------
    InvalidInputError
        When it is neither.
    """
    for page in pages:
        if page.title.lower().startswith(text.lower()):
            return page.path
    try:
        return region_address(engine, text)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"{text[:40]!r} is no page and no region; write a page, such as Skill, or a HARP or"
            " NOAA number"
        ) from error


def region_address(engine: sa.Engine, text: str) -> str:
    """Return the address of the region with a number, or of the list of those that have it.

    Raises
    ------
    InvalidInputError
        When the text is not one number.
    """
    numbers = read_region_numbers(text)
    if len(numbers) != 1:
        raise InvalidInputError("name one region")
    with reading(store_of(engine, None)) as connection:
        rows = search_regions(connection, numbers[0])
    if len(rows) == 1:
        return f"{REGIONS_PATH}/{rows[0].region_id}"
    return f"{REGIONS_PATH}?{urlencode({'q': numbers[0]})}"
