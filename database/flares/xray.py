"""The Sun's soft X-ray flux (GOES, 1-8 Angstrom), minute by minute: stored and drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.schema.tables import xray_flux
from database.upsert import upsert
from solar.flare_detection import MINUTE, XrayMinute, one_a_minute
from solar.time import Window, to_datetime64

MOST_MINUTES = 100_000
MOST_POINTS = 2_000

_COLUMNS = tuple(column.name for column in xray_flux.columns)
_KEYS_PER_QUERY = 500


@dataclass(frozen=True)
class XrayReport:
    """The number of minutes of one call that were added, revised or unchanged."""

    added: int
    revised: int
    unchanged: int
    # The first and the last minute that were added or revised.
    changed: tuple[datetime, datetime] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class XrayLine:
    """A line of flux: the k-th value of `flux` (n,) [W m-2] is the highest of its stretch.

    Stretches of the length `step` follow each other from `start_at` on; NaN where no minute
    of one was measured. `satellites` are those that measured.
    """

    start_at: datetime
    step: timedelta
    flux: NDArray[np.float64]
    satellites: tuple[str, ...]


def store_flux(connection: sa.Connection, minutes: Sequence[XrayMinute]) -> XrayReport:
    """Write minutes; one that its satellite has already is replaced, the last of two stays."""
    last = {(minute.minute_at, minute.satellite): minute for minute in minutes}
    known = _known(connection, sorted({at for at, _ in last}))
    changed = [minute for key, minute in last.items() if known.get(key) != minute]
    rows = [(minute.minute_at, minute.flux_w_m2, minute.satellite) for minute in changed]
    upsert(connection, xray_flux, columns=_COLUMNS, rows=sorted(rows, key=itemgetter(0, 2)))
    revised = sum((minute.minute_at, minute.satellite) in known for minute in changed)
    times = [minute.minute_at for minute in changed]
    return XrayReport(
        len(changed) - revised,
        revised,
        len(minutes) - len(changed),
        (min(times), max(times)) if times else None,
    )


def _known(
    connection: sa.Connection, times: Sequence[datetime]
) -> dict[tuple[datetime, str], XrayMinute]:
    known: dict[tuple[datetime, str], XrayMinute] = {}
    for start in range(0, len(times), _KEYS_PER_QUERY):
        keys = times[start : start + _KEYS_PER_QUERY]
        query = sa.select(xray_flux).where(xray_flux.c.minute_at.in_(keys))
        for row in connection.execute(query):
            known[row.minute_at, row.satellite] = XrayMinute(*row)
    return known


def flux_line(
    connection: sa.Connection, window: Window, *, most: int = MOST_POINTS
) -> XrayLine | None:
    """Return the flux of a window as at most `most` points, None where nothing is stored.

    A window may hold up to `MOST_MINUTES` minutes; of a longer one the first are drawn.
    """
    raw_time = sa.type_coerce(xray_flux.c.minute_at, sa.types.NullType())
    rows: Sequence[Any] = connection.execute(
        sa.select(raw_time, xray_flux.c.flux_w_m2, xray_flux.c.satellite)
        .where(xray_flux.c.minute_at >= window.start_at, xray_flux.c.minute_at < window.end_at)
        .order_by(xray_flux.c.minute_at, xray_flux.c.satellite)
        .limit(MOST_MINUTES)
    ).all()
    if not rows:
        return None
    satellites = tuple(sorted({row[2] for row in rows}))
    if len(satellites) > 1:
        rows = _one_a_minute(rows)
    times = np.array([row[0] for row in rows], "datetime64[us]")
    values = np.array([row[1] for row in rows], np.float64)
    length = window.end_at - window.start_at
    step = MINUTE * max(1, math.ceil(length / MINUTE / most))
    n = math.ceil(length / step)
    highest = highest_of(times - to_datetime64(window.start_at), values, step=step, n=n)
    return XrayLine(window.start_at, step, highest, satellites)


def _one_a_minute(rows: Sequence[Any]) -> list[tuple[datetime, float | None]]:
    # The driver gives a time as text or without a zone.
    minutes = [XrayMinute(datetime.fromisoformat(str(row[0])), row[1], row[2]) for row in rows]
    return [(one.minute_at, one.flux_w_m2) for one in one_a_minute(minutes)]


def highest_of(
    since: NDArray[np.timedelta64], values: NDArray[np.float64], *, step: timedelta, n: int
) -> NDArray[np.float64]:
    """Return the highest value (n,) in each of `n` stretches of time, NaN in those without any."""
    place = (since // np.timedelta64(step)).astype(np.int64)
    highest = np.full(n, -np.inf)
    known = ~np.isnan(values)
    np.maximum.at(highest, place[known], values[known])
    return np.where(np.isinf(highest), np.nan, highest)
