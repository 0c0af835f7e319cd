"""The outcomes of forecasts and flares: hit, miss, false alarm or quiet, if known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from solar.flares import Event
from solar.time import Window, to_datetime64
from solar.windows import DAY

Times = NDArray[np.datetime64]
Values = NDArray[np.float64]
_DAY = np.timedelta64(DAY.validity)


class Outcome(StrEnum):
    """The four fields of the contingency table, and unknown."""

    HIT = "hit"
    MISS = "miss"
    FALSE_ALARM = "false alarm"
    QUIET = "quiet"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FlareMark:
    """A flare of the region: its peak, class, and outcome, None below the class shown."""

    peak_at: datetime
    goes_class: str
    outcome: Outcome | None


@dataclass(frozen=True)
class Passage:
    """Probabilities (n, 4) of a region by time, and their outcomes for one event.

    `threshold` (n,) is the one valid for each forecast, NaN where there is none; `is_known` (n,)
    tells which forecasts were known as of the time shown, `settled_at` (n,) when each outcome was
    known. `sources` (n,) names the model and fallback level of each forecast. `band` are the bounds
    (n,) of the event's probability, NaN where the model has none.
    """

    t_rec: Times
    probability: Values
    event: Event
    threshold: Values
    outcomes: Sequence[Outcome]
    flares: Sequence[FlareMark]
    is_known: NDArray[np.bool_]
    settled_at: Times
    sources: Sequence[str]
    band: tuple[Values, Values] | None = None

    @property
    def is_given(self) -> NDArray[np.bool_]:
        """Whether each forecast (n,) has a number and was not withheld."""
        return np.asarray(~np.isnan(self.probability).all(axis=1), np.bool_)


def forecast_outcomes(
    t_rec: Times,
    probability: NDArray[np.float64],
    *,
    threshold: float | Values,
    peaks: Times,
    covered: Sequence[Window],
) -> list[Outcome]:
    """Classify each forecast by the flares that peak in [t, t + 24 h).

    Parameters
    ----------
    t_rec, probability : (n,) each; a NaN probability is no forecast and stays unknown
    threshold : one for all, or (n,); with NaN the outcome is unknown
    peaks : (m,) ascending peak times of the flares of the event's class and above
    covered : the windows in which the flare list is complete
    """
    first = np.searchsorted(peaks, t_rec, side="left")
    flared = np.searchsorted(peaks, t_rec + _DAY, side="left") > first
    known = flared | _closed(t_rec, covered)
    warned = probability >= threshold
    issued = ~np.isnan(probability) & ~np.isnan(threshold)
    return [
        _outcome(warned=bool(w), flared=bool(f)) if k and i else Outcome.UNKNOWN
        for w, f, k, i in zip(warned, flared, known, issued, strict=True)
    ]


def settled_at(t_rec: Times, peaks: Times) -> Times:
    """Return when each outcome (n,) was known: at the first flare, or at the end of the window."""
    end = t_rec + _DAY
    following = np.searchsorted(peaks, t_rec, side="left")
    first = np.append(peaks, np.datetime64("NaT", "us"))[following]
    return np.asarray(np.where(first < end, first, end), "datetime64[us]")


def flare_outcomes(
    peaks: Times, t_rec: Times, probability: NDArray[np.float64], *, threshold: float | Values
) -> list[Outcome]:
    """Classify each flare (m,) by the newest forecast before its peak, at most 24 h old."""
    limits = np.broadcast_to(np.asarray(threshold, float), probability.shape)
    issued = ~np.isnan(probability) & ~np.isnan(limits)
    times, is_over = t_rec[issued], probability[issued] >= limits[issued]
    outcomes = []
    for peak in peaks:
        last = int(np.searchsorted(times, peak, side="right")) - 1
        if last < 0 or peak - times[last] >= _DAY:
            outcomes.append(Outcome.UNKNOWN)
        else:
            outcomes.append(Outcome.HIT if is_over[last] else Outcome.MISS)
    return outcomes


def _closed(t_rec: Times, covered: Sequence[Window]) -> NDArray[np.bool_]:
    closed = np.zeros(len(t_rec), bool)
    for window in covered:
        start, end = to_datetime64(window.start_at), to_datetime64(window.end_at)
        closed |= (t_rec >= start) & (t_rec + _DAY <= end)
    return closed


def _outcome(*, warned: bool, flared: bool) -> Outcome:
    if flared:
        return Outcome.HIT if warned else Outcome.MISS
    return Outcome.FALSE_ALARM if warned else Outcome.QUIET
