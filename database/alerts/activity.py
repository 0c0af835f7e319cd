"""The Sun's recent activity: how many flares a day, over the weeks before a moment."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from database.flares.coverage import covered_windows
from database.tables import flares
from solar.flares import EVENTS
from solar.time import Window
from solar.truth import least_flux

# One rotation of the Sun, as the map to the full disk was fitted with.
ACTIVITY_REACH = timedelta(days=27)
# Over fewer days a rate says more of chance than of the Sun.
LEAST_KNOWN = timedelta(days=3)


def flares_per_day(connection: sa.Connection, at: datetime) -> dict[str, float]:
    """Return the flares a day of at least each event's class in the 27 days before `at`.

    Where the flare list covers only a part of them, the rate over that part; nothing where it
    covers fewer than three days, for an unknown flare is no quiet.
    """
    known = _known(connection, at)
    if known is None:
        return {}
    peak, flux = flares.c.peak_at, flares.c.peak_flux_w_m2
    counts = [
        sa.func.sum(sa.case((flux >= least_flux(event.peak_flux_w_m2), 1), else_=0))
        for event in EVENTS
    ]
    found = connection.execute(
        sa.select(*counts).where(peak >= known.start_at, peak < known.end_at)
    ).one()
    days = (known.end_at - known.start_at) / timedelta(days=1)
    return {event.name: int(count or 0) / days for event, count in zip(EVENTS, found, strict=True)}


def _known(connection: sa.Connection, at: datetime) -> Window | None:
    """Return the last stretch of the 27 days of which the flares are known, if long enough."""
    stretches = [
        Window(max(w.start_at, at - ACTIVITY_REACH), min(w.end_at, at))
        for w in covered_windows(connection)
        if w.start_at < at and w.end_at > at - ACTIVITY_REACH
    ]
    last = stretches[-1] if stretches else None
    return last if last and last.end_at - last.start_at >= LEAST_KNOWN else None
