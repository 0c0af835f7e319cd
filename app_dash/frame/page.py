"""A page of the dashboard, and the context in which it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from dash.development.base_component import Component

from app_dash.settings import DashSettings
from app_dash.shared.as_of import present_of
from app_dash.shared.theme import Tokens
from app_dash.shared.url_state import Query
from database.clock.clock import CADENCE
from database.people.principal import NOBODY, Principal
from database.regions.current import DataState
from solar.clock import Reading
from solar.windows import DAY


@dataclass(frozen=True)
class PageContext:
    """What every page draws from: the store, the settings, the colours, the state of the data.

    `engine` finds what was known at `at`, the time as of which the page is read, None for now.
    `now` is the clock on the wall, and `sun_now` what time it is for the Sun, which is another one
    in a replay. `state.newest_t_rec` is the time of the newest record, `who` the person that the
    page is drawn for. `at` is the time as of which the address shows its page, None for now.
    `usual_step` is the time between two records of the source.
    """

    engine: sa.Engine
    settings: DashSettings
    tokens: Tokens
    state: DataState
    now: datetime
    who: Principal = NOBODY
    clock: Reading = field(default_factory=Reading)
    at: datetime | None = None
    usual_step: timedelta = CADENCE

    @property
    def sun_now(self) -> datetime:
        """What time it is for the Sun, or was in the view as of a time."""
        return self.at or self.clock.now(self.now)

    @property
    def present(self) -> sa.Engine:
        """The store as it is known now, whatever time the page is read as of."""
        return present_of(self.engine, self.clock, self.now)

    @property
    def seen_until(self) -> datetime:
        """Until when the pages show what happened: now, or the newest record if that is old."""
        newest = self.state.newest_t_rec
        if newest is None or newest <= self.sun_now <= newest + DAY.validity:
            return self.sun_now
        return newest

    @property
    def stale(self) -> timedelta:
        """The age from which data are old."""
        return 2 * self.usual_step


def always_redraw(_view: PageContext, _pathname: str) -> bool:
    """Let new data redraw the page whatever it shows."""
    return True


def never_redraw(_view: PageContext, _pathname: str) -> bool:
    """Keep the page as it is until its reader changes it."""
    return False


def no_data_key(_view: PageContext, _pathname: str, _search: str) -> str:
    """Let no new data change what the page shows, other than by a redraw of its own."""
    return ""


@dataclass(frozen=True)
class Page:
    """A page of the dashboard: `layout(context, pathname, search)` returns its content.

    `key` opens it from the navigation; a page without one is linked elsewhere. A page that is not
    about the data has their state, the strip, as a chip in the header.
    `is_live(context, pathname)` tells whether new data alone may redraw it. Where they may not,
    another `data_key(context, pathname, search)` than before offers to show them. `query` reads
    what is typed into its fields; without fields it is None. Who lacks the `permission` does not
    learn that the page exists.
    """

    path: str
    title: str
    subtitle: str
    key: str
    layout: Callable[[PageContext, str, str], Component]
    permission: str
    is_live: Callable[[PageContext, str], bool] = always_redraw
    query: type[Query] | None = None
    is_about_data: bool = True
    data_key: Callable[[PageContext, str, str], str] = no_data_key

    def owns(self, pathname: str) -> bool:
        """Tell whether the address belongs to this page."""
        return pathname == self.path or (self.path != "/" and pathname.startswith(self.path + "/"))


def page_of(pages: Sequence[Page], pathname: str) -> Page | None:
    """Return the page that an address belongs to."""
    return next((page for page in pages if page.owns(pathname)), None)
