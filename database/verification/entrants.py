"""The entrants that need no model, the reference forecasts: climatology and persistence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solar.flares import Event
from solar.windows import DAY

Floats = NDArray[np.float64]

PERSISTENCE = "persistence"
CLIMATOLOGY_DAYS = {"climatology-120d": 120, "climatology-365d": 365}
ENTRANTS = (*CLIMATOLOGY_DAYS, PERSISTENCE)

# Persistence forecasts 0 or 1, so that any threshold between them is the same decision.
PERSISTENCE_THRESHOLD = 0.5

# The prior has the weight of so many days of cases: it decides over a trailing window of a day or
# two, and hardly counts beside one of months.
PRIOR_DAYS = 10

# Rates from May 2010 to December 2012, before any period that is scored. Region: events among
# the 3,021 region-days of the daily SHARP set 2010-2019 (window from 23:48 TAI, GOES flares
# by NOAA number). Disk: days with such a flare among the 976 days, GOES list.
PRIOR_RATES: dict[str, dict[str, float]] = {
    "region": {"C1.0": 474 / 3021, "M1.0": 69 / 3021, "M5.0": 29 / 3021, "X1.0": 8 / 3021},
    "disk": {"C1.0": 594 / 976, "M1.0": 152 / 976, "M5.0": 39 / 976, "X1.0": 14 / 976},
}


def prior_rate(event: Event, scope: str) -> float:
    """Return the prior rate of an event; of a window of another length that of chance flares."""
    of_day = PRIOR_RATES[scope][event.goes_class]
    return float(1 - (1 - of_day) ** (event.window.validity / DAY.validity))


@dataclass(frozen=True)
class DailyCases:
    """Known cases by day: `day` (k,) int64 days since 1970 ascending, `n` and `events` (k,).

    The windows of the cases of a day have all closed by the end of the day after.
    """

    day: NDArray[np.int64]
    n: Floats
    events: Floats


def climatology(
    day: NDArray[np.int64], past: DailyCases, *, span_days: int, prior: float
) -> Floats:
    """Return the trailing climatology that was known when each `day` (q,) began.

    p(D) = (K + m p0)/(N + m), K events of N cases on the days [D - 1 - span, D - 1), whose
    windows had all closed by the start of D; m is `PRIOR_DAYS` days' worth of those cases
    and p0 the `prior`, which is the rate before the first case.
    """
    last = np.searchsorted(past.day, day - 1)
    first = np.searchsorted(past.day, day - 1 - span_days)
    events, n, days = (
        _sum_between(column, first, last) for column in (past.events, past.n, past.n > 0)
    )
    weight = PRIOR_DAYS * np.divide(n, days, out=np.ones_like(n), where=days > 0)
    rate: Floats = (events + weight * prior) / (n + weight)
    return rate


def _sum_between(
    column: NDArray[np.generic], first: NDArray[np.intp], last: NDArray[np.intp]
) -> Floats:
    up_to = np.concatenate(([0.0], np.cumsum(column, dtype=float)))
    return up_to[last] - up_to[first]
