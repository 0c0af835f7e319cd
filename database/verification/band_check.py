"""The check of a band: in which bins of probability the observed frequency lies inside it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from database.verification.day_table import DayTable
from solar.bands import Band
from solar.histogram import BINS, EDGES, LOWEST_BIN, Floats, sums

# Fewer cases, or fewer days, tell nothing of a frequency.
FEWEST_CASES, FEWEST_DAYS = 30, 27
# Bins fixed in advance, finer than those of the diagram where forecasts of rare events lie.
BAND_EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
_MEANS = ("mean_forecast", "observed", "lower", "upper")
_BAND_BINS = len(BAND_EDGES) - 1
# The bin in which each bin of the histogram lies.
_PLACE = np.searchsorted(BAND_EDGES, EDGES[:-1], side="right") - 1


def check_band(table: DayTable, band: Band | None) -> dict[str, Any] | None:
    """Return the field ``band`` of a report: the bins that are inside, of all days and by year.

    A bin is judged with at least `FEWEST_CASES` cases on `FEWEST_DAYS` days: the observed
    frequency lies in the mean band of its cases or not. None without a band.
    """
    if band is None:
        return None
    first_year, n, events, sum_p = _cells_by_year(table)
    days = _days_by_year(table, first_year, len(n))
    bins = _judge(band, n.sum(axis=0), events.sum(axis=0), sum_p.sum(axis=0), days.sum(axis=0))
    years = [
        {"year": first_year + at, **_counts(_judge(band, *of_year))}
        for at, of_year in enumerate(zip(n, events, sum_p, days, strict=True))
    ]
    cases = sum(one["n"] for one in bins)
    widths = sum(one["n"] * (one["upper"] - one["lower"]) for one in bins if one["n"])
    return {
        "kind": band.kind,
        "refits": band.n,
        **_counts(bins),
        "mean_width": widths / cases if cases else None,
        "bins": bins,
        "years": years,
    }


def _cells_by_year(table: DayTable) -> tuple[int, Floats, Floats, Floats]:
    """Return the first year, and cases, events and the sum of p (years, BINS) of each."""
    year = _years(np.repeat(table.day, table.days["bins"]))
    first, last = (int(year.min()), int(year.max())) if year.size else (1970, 1969)
    n_years = last - first + 1
    cell = (year - first) * BINS + table.bins["bin"].astype(np.int64) - LOWEST_BIN
    n, events, sum_p = (
        sums(cell, table.bins[name], length=n_years * BINS).reshape(n_years, BINS)
        for name in ("n", "events", "sum_p")
    )
    return first, n, events, sum_p


def _days_by_year(table: DayTable, first_year: int, n_years: int) -> NDArray[np.int64]:
    """Count the days with a case in each bin, (years, bins)."""
    day = np.repeat(table.day, table.days["bins"])
    if not day.size:
        return np.zeros((n_years, _BAND_BINS), np.int64)
    first = int(day.min())
    has_case = np.zeros((int(day.max()) - first + 1, _BAND_BINS), bool)
    has_case[day - first, _PLACE[table.bins["bin"].astype(np.int64) - LOWEST_BIN]] = True
    year = _years(first + np.arange(len(has_case))) - first_year
    return np.stack([has_case[year == one].sum(axis=0) for one in range(n_years)])


def _years(day: NDArray[np.int64]) -> NDArray[np.int64]:
    return day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


def _judge(
    band: Band, n: Floats, events: Floats, sum_p: Floats, days: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Judge each bin by the cells (BINS,) in it; what needs a case is None without one."""
    # All cases of a cell are taken at their mean: the band hardly bends within one.
    mean = np.divide(sum_p, n, out=np.zeros(BINS), where=n > 0)
    cases, hits, total, lower, upper = (
        sums(_PLACE, part, length=_BAND_BINS)
        for part in (n, events, sum_p, *(n * bound for bound in band.bounds(mean)))
    )
    rows = zip(*(part.tolist() for part in (cases, hits, days, total, lower, upper)), strict=True)
    edges = pairwise(BAND_EDGES)
    return [
        {"low": low, "high": high, **_bin(*row)}
        for (low, high), row in zip(edges, rows, strict=True)
    ]


def _bin(
    n: float, events: float, days: int, sum_p: float, lower: float, upper: float
) -> dict[str, Any]:
    if not n:
        return {"n": 0, "days": 0, **dict.fromkeys(_MEANS), "inside": None}
    means = dict(zip(_MEANS, (one / n for one in (sum_p, events, lower, upper)), strict=True))
    is_judged = n >= FEWEST_CASES and days >= FEWEST_DAYS
    inside = means["lower"] <= means["observed"] <= means["upper"] if is_judged else None
    return {"n": int(n), "days": days, **means, "inside": inside}


def _counts(bins: Sequence[dict[str, Any]]) -> dict[str, int]:
    judged = [one["inside"] for one in bins if one["inside"] is not None]
    return {"inside": sum(judged), "judged": len(judged)}
