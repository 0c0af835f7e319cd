"""What a page is given to draw itself: the store, the colours, the state of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from dash.development.base_component import Component

from app_dash.settings import DashSettings
from app_dash.theme import Tokens
from database.regions.current import DataState


@dataclass(frozen=True)
class View:
    """One look at the store: `now` is the wall clock, `state.newest_t_rec` the data's own now."""

    engine: sa.Engine
    settings: DashSettings
    tokens: Tokens
    state: DataState
    now: datetime


def always(_view: View, _pathname: str) -> bool:
    """Let new data redraw the page whatever it shows."""
    return True


def never(_view: View, _pathname: str) -> bool:
    """Keep the page as it is until its reader asks: an analyst is at work on it."""
    return False


@dataclass(frozen=True)
class Page:
    """A page of the navigation: `layout(view, pathname, search)` returns its content.

    `is_live(view, pathname)` tells whether new data alone may redraw it.
    """

    path: str
    title: str
    subtitle: str
    key: str
    layout: Callable[[View, str, str], Component]
    is_live: Callable[[View, str], bool] = always

    def owns(self, pathname: str) -> bool:
        """Tell whether the address belongs to this page."""
        return pathname == self.path or (self.path != "/" and pathname.startswith(self.path + "/"))
