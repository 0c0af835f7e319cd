"""Forecast windows: how long after a time a forecast begins to hold, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from solar.errors import NotFoundError
from solar.time import Window


@dataclass(frozen=True)
class ForecastWindow:
    """The window [t + latency, t + latency + validity) of a forecast issued for time t.

    `name` is as the interfaces write it: ``6h`` from the time on, ``d2`` the second day.
    """

    name: str
    latency: timedelta
    validity: timedelta

    @property
    def closes_after(self) -> timedelta:
        """How long after its time the outcome of a forecast is known: latency and validity."""
        return self.latency + self.validity

    @property
    def words(self) -> str:
        """The window as people say it: ``in 6 h``, ``on day 2``."""
        if self.latency:
            return f"on day {self.name[1:]}"
        return f"in {self.name.removesuffix('h')} h"

    @property
    def label(self) -> str:
        """The window as a page offers it: ``6 h``, ``day 2``."""
        return self.words.removeprefix("in ").removeprefix("on ")

    def after(self, t: datetime) -> Window:
        """Return the window of the forecast for a time."""
        return Window(t + self.latency, t + self.closes_after)


def _window(name: str, latency: int, validity: int) -> ForecastWindow:
    return ForecastWindow(name, timedelta(hours=latency), timedelta(hours=validity))


WINDOWS: tuple[ForecastWindow, ...] = (
    _window("6h", 0, 6),
    _window("12h", 0, 12),
    _window("24h", 0, 24),
    _window("48h", 0, 48),
    _window("d2", 24, 24),
    _window("d3", 48, 24),
)
# The first day: the window of every forecast that names none.
DAY = WINDOWS[2]

# Day 1, day 2 and day 3, as agencies number them.
DAYS_AHEAD = (DAY, *WINDOWS[4:])


def forecast_window(name: str) -> ForecastWindow:
    """Find the window written ``6h``, ``24h`` (or ``d1``), ``d2`` …

    Raises
    ------
    NotFoundError
        When there is none of that name.
    """
    for window in WINDOWS:
        if name in (window.name, "d1" if window is DAY else window.name):
            return window
    raise NotFoundError(f"no window {name!r}; choose one of {', '.join(w.name for w in WINDOWS)}")
