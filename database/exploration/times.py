"""When the records of a selection are and how high their forecasts go: the line of an overview."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.exploration.selection import Selection, conditions, source
from database.tables import predictions
from solar.flares import Event
from solar.time import Window

# From a cadence to a month; what is drawn has no more bars than can be told apart.
_STEPS = np.array(
    [12, 60, 180, 360, 720, *(1440 * days for days in (1, 2, 4, 8, 16, 32))], "timedelta64[m]"
)
MOST_BARS = 250


@dataclass(frozen=True)
class Times:
    """Records at moments: `at` (k,) datetime64[us] ascending, how many `n` (k,) stand there, and
    the greatest probability of one event `peak` (k,), NaN without a forecast.
    """

    at: NDArray[np.datetime64]
    n: NDArray[np.int64]
    peak: NDArray[np.float64]


@dataclass(frozen=True)
class Bars:
    """Records per stretch of length `step`, each from `at` (k,) on; `n` and `peak` as in Times."""

    at: NDArray[np.datetime64]
    n: NDArray[np.int64]
    peak: NDArray[np.float64]
    step: np.timedelta64


def record_times(connection: sa.Connection, selection: Selection, event: Event) -> Times:
    """Count the records at every time of a bounded selection."""
    # As the driver gives it: text or naive datetime, both of which numpy understands.
    t_rec = sa.type_coerce(predictions.c.t_rec, sa.types.NullType())
    rows = connection.execute(
        sa.select(t_rec, sa.func.count(), sa.func.max(predictions.c[event.column]))
        .select_from(source(selection))
        .where(*conditions(selection))
        .group_by(predictions.c.t_rec)
        .order_by(predictions.c.t_rec)
    ).all()
    return Times(
        np.array([row[0] for row in rows], "datetime64[us]"),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64),
    )


def bars(times: Times, window: Window, *, whole_days: bool) -> Bars:
    """Put moments into stretches of equal length, as short as `MOST_BARS` over the window allow.

    `whole_days` tells that a moment stands for all of its day, which no bar may divide.
    """
    span = np.timedelta64(window.end_at - window.start_at)
    steps = _STEPS[5:] if whole_days else _STEPS
    step = next((s for s in steps if span / s <= MOST_BARS), steps[-1]).astype("timedelta64[us]")
    number = times.at.astype(np.int64) // step.astype(np.int64)
    occupied, member = np.unique(number, return_inverse=True)
    peak = np.full(len(occupied), np.nan)
    np.fmax.at(peak, member, times.peak)
    n = np.bincount(member, weights=times.n, minlength=len(occupied)).astype(np.int64)
    return Bars((occupied * step.astype(np.int64)).astype("datetime64[us]"), n, peak, step)
