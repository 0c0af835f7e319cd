"""Figures of an analysis: means with the interval of the block bootstrap, and their file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from model_training.features import Floats
from solar.bootstrap import FEWEST_DAYS, draw, interval
from solar.skill import Estimate

_SEED = 27


def plain(values: Floats) -> list[float | None]:
    """Return numbers with five digits, None for NaN and infinity."""
    return [float(f"{one:.5g}") if np.isfinite(one) else None for one in values]


def write_figures(path: Path, figures: Any) -> None:
    """Write figures as JSON that people read too; NaN and infinity become null."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    path.write_bytes(orjson.dumps(figures, option=option))


def block_means(values: Floats, t_rec: NDArray[np.datetime64]) -> list[Estimate]:
    """Average each column of values (n, k), NaN unknown, of cases at times (n,).

    The 95 % intervals come from blocks of 27 days, drawn as for every score: what a region does
    on one day, and on the next ones, stays together. Below ten days with cases there is none.
    """
    if not len(values):
        return [Estimate(None, None, None)] * values.shape[1]
    day = t_rec.astype("datetime64[D]").astype(np.int64)
    day -= day.min()
    known = np.isfinite(values)
    sums = np.zeros((2, int(day.max()) + 1, values.shape[1]))
    np.add.at(sums[0], day, np.where(known, values, 0.0))
    np.add.at(sums[1], day, known)
    draws = draw(sums.shape[1], row_days=1, rng=np.random.default_rng(_SEED))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums[0].sum(axis=0) / sums[1].sum(axis=0)
        drawn = (draws.double @ sums[0]) / (draws.double @ sums[1])
    days = (sums[1] > 0).sum(axis=0)
    return [
        _estimate(mean, column if n >= FEWEST_DAYS else column[:0])
        for mean, column, n in zip(means.tolist(), drawn.T, days.tolist(), strict=True)
    ]


def _estimate(mean: float, drawn: Floats) -> Estimate:
    if not np.isfinite(mean):
        return Estimate(None, None, None)
    bounds = interval(drawn)
    low, high = (None, None) if bounds is None else (bounds.low, bounds.high)
    return Estimate(*(None if one is None else float(f"{one:.6g}") for one in (mean, low, high)))
