"""Consistency: no rarer event, and no shorter window, is more likely than what contains it.

In each window a rarer event is at most as likely as a more frequent one. For each event
6h <= 12h <= 24h <= 48h and max(24h, d2) <= 48h <= min(1, 24h + d2). What is absent or NaN
constrains nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from solar.flares import Event
from solar.windows import DAY, WINDOWS, forecast_window

Floats = NDArray[np.float64]

# Probabilities nearer to 0 and 1 have log-odds too far away to be weighed against others.
_CLIP = 1e-6
# In log-odds: what a pass may still move, and what is rounding.
_SMALL, _ROUNDING = 1e-3, 1e-9
_MOST_PASSES = 50
# Their columns stay in the cache of a processor.
_ROWS_AT_ONCE = 2048
_STEPS_TO_SURFACE = 4
_NESTED = tuple(window for window in WINDOWS if not window.latency)
_TWO_DAYS, _SECOND_DAY = forecast_window("48h"), forecast_window("d2")


def consistent(probability: Floats, targets: Sequence[Event]) -> Floats:
    """Move each inconsistent row to a consistent one near it in log-odds.

    Parameters
    ----------
    probability : (n, targets), NaN is unknown
    targets : one for each column, in any order

    Returns
    -------
    (n, targets), exactly consistent; a row that was is the same bit for bit, and NaN stays NaN.
    Of all consistent rows it has the least sum of squared differences in log-odds, to about 1e-3,
    by the alternating projection of Dykstra (Boyle & Dykstra 1986, doi
    10.1007/978-1-4613-9940-7_3). The bound 24h + d2 is not convex: of this the nearest point
    downhill is found.
    """
    return _by_pattern(probability, targets, _repaired)


def lowered(probability: Floats, targets: Sequence[Event]) -> Floats:
    """Return the greatest consistent (n, targets) that lies below the probabilities; NaN stays NaN.

    What is consistent and lies below them lies below it too: upper bounds stay upper bounds.
    """
    return _by_pattern(probability, targets, _lowered)


@dataclass(frozen=True)
class _Order:
    """Columns of the targets that constrain each other.

    Each chain of `by_class`, `by_window` and `in_second_day` rises: from the rare to the frequent,
    from the short window to the long, from d2 to 48h. `sums` are triples of 24h, d2 and 48h.
    """

    by_class: tuple[tuple[int, ...], ...]
    by_window: tuple[tuple[int, ...], ...]
    in_second_day: tuple[tuple[int, ...], ...]
    sums: tuple[tuple[int, ...], ...]

    @property
    def chains(self) -> tuple[tuple[int, ...], ...]:
        """All that rise."""
        return (*self.by_class, *self.by_window, *self.in_second_day)


@lru_cache(maxsize=256)
def _order(targets: tuple[Event, ...]) -> _Order:
    place = {(one.peak_flux_w_m2, one.window.name): at for at, one in enumerate(targets)}
    fluxes = sorted({one.peak_flux_w_m2 for one in targets}, reverse=True)

    def chains(
        keys: Sequence[Sequence[tuple[float, str]]], least: int
    ) -> tuple[tuple[int, ...], ...]:
        found = (tuple(place[key] for key in chain if key in place) for chain in keys)
        return tuple(chain for chain in found if len(chain) >= least)

    return _Order(
        chains([[(flux, window.name) for flux in fluxes] for window in WINDOWS], 2),
        chains([[(flux, window.name) for window in _NESTED] for flux in fluxes], 2),
        chains([[(flux, one.name) for one in (_SECOND_DAY, _TWO_DAYS)] for flux in fluxes], 2),
        chains([[(flux, one.name) for one in (DAY, _SECOND_DAY, _TWO_DAYS)] for flux in fluxes], 3),
    )


def _by_pattern(
    rows: Floats, targets: Sequence[Event], function: Callable[[Floats, _Order], Floats]
) -> Floats:
    """Apply a function of columns (targets, n) to the rows that know the same targets."""
    columns = np.array(rows.T, float, order="C")
    known = ~np.isnan(columns)
    if known.all():
        return function(columns, _order(tuple(targets))).T
    code = (1 << np.arange(len(targets), dtype=np.int64)) @ known
    for one in np.unique(code).tolist():
        some = np.flatnonzero(code == one)
        places = np.flatnonzero(known[:, some[0]])
        part = np.ix_(places, some)
        columns[part] = function(
            columns[part], _order(tuple(targets[at] for at in places.tolist()))
        )
    return columns.T


def _lowered(columns: Floats, order: _Order) -> Floats:
    """Lower columns (targets, n) until they are exactly consistent.

    With all targets one round is enough, as the minimum of two rows that fall with the class falls
    with it too, and 24h + d2 is below neither of the two. Where some are absent it may not be.
    """
    lowered, before = columns.copy(), columns
    while before is columns or not np.array_equal(lowered, before):
        before = lowered.copy()
        for chain in order.chains:
            for longer, shorter in pairwise(reversed(chain)):
                np.minimum(lowered[shorter], lowered[longer], out=lowered[shorter])
        _lower_sums(lowered, order)
    return lowered


def _lower_sums(columns: Floats, order: _Order) -> None:
    for day, second, both in order.sums:
        columns[both] = np.minimum(columns[both], columns[day] + columns[second])


def _repaired(columns: Floats, order: _Order) -> Floats:
    """Repair columns (targets, n) without NaN."""
    broken = np.flatnonzero((_lowered(columns, order) < columns).any(axis=0))
    for first in range(0, len(broken), _ROWS_AT_ONCE):
        some = broken[first : first + _ROWS_AT_ONCE]
        columns[:, some] = _nearest(columns[:, some], order)
    return columns


def _nearest(columns: Floats, order: _Order) -> Floats:
    clipped = np.clip(columns, _CLIP, 1 - _CLIP)
    odds = np.log(clipped) - np.log1p(-clipped)
    projected = _project(odds, order)
    moved = np.abs(projected - odds) > _ROUNDING
    return _lowered(np.where(moved, 1 / (1 + np.exp(-projected)), columns), order)


def _project(odds: Floats, order: _Order) -> Floats:
    """Return the nearest log-odds (targets, n) that obey the order."""
    parts = [
        *_parts(order.by_class, _rising),
        *_parts(order.by_window, _rising),
        *_parts(order.in_second_day, _rising),
        *_parts(order.sums, _below_sum),
    ]
    result, rows, x = odds.copy(), np.arange(odds.shape[1]), odds
    steps = [np.zeros((*places.shape, odds.shape[1])) for places, _ in parts]
    for _ in range(_MOST_PASSES):
        before, x = x, x.copy()
        for at, (places, project) in enumerate(parts):
            wanted = x[places] + steps[at]
            x[places] = project(wanted)
            steps[at] = wanted - x[places]
        result[:, rows] = x
        moving = np.abs(x - before).max(axis=0) > _SMALL
        if not moving.any():
            break
        rows, x, steps = rows[moving], x[:, moving], [step[..., moving] for step in steps]
    return result


_Part = tuple[NDArray[np.int64], Callable[[Floats], Floats]]


def _parts(chains: Sequence[tuple[int, ...]], project: Callable[[Floats], Floats]) -> list[_Part]:
    """Gather the chains of each length: places (length, chains) and how they are projected."""
    lengths = sorted({len(chain) for chain in chains})
    return [
        (np.array([chain for chain in chains if len(chain) == length]).T, project)
        for length in lengths
    ]


def _rising(x: Floats) -> Floats:
    """Return the nearest (length, ...) that does not fall along the first axis.

    By the formula of pooled means: at each place the highest, over where a pool may begin, of
    the lowest mean over where it may end.
    """
    length, sums = len(x), np.cumsum(x, axis=0)
    fitted = np.full_like(x, -np.inf)
    for first in range(length):
        before = sums[first - 1] if first else 0.0
        lowest = np.full_like(x[0], np.inf)
        for last in range(length - 1, first - 1, -1):
            mean = (sums[last] - before) / (last - first + 1)
            lowest = np.minimum(lowest, mean)
            fitted[last] = np.maximum(fitted[last], lowest)
    return fitted


def _below_sum(x: Floats) -> Floats:
    """Return the nearest (3, ...) whose third probability is at most the sum of the others."""
    first, second, both = 1 / (1 + np.exp(-x))
    above = both > first + second
    if not above.any():
        return x
    result = x.copy()
    result[:, above] = _to_surface(x[:, above])
    return result


def _to_surface(x: Floats) -> Floats:
    """Move (3, k) to the nearest point where the third is the sum of the others.

    Each step goes to the plane that touches the surface at the last point.
    """
    point = x
    for _ in range(_STEPS_TO_SURFACE):
        probability = 1 / (1 + np.exp(-point))
        total = np.minimum(probability[0] + probability[1], 1 - _CLIP)
        slope = probability * (1 - probability) / (total * (1 - total))
        slope[2] = -1.0
        # How far x lies beyond the plane.
        beyond = point[2] - np.log(total) + np.log1p(-total) - (slope * (x - point)).sum(axis=0)
        point = x + slope * (np.maximum(beyond, 0.0) / (slope**2).sum(axis=0))
    return point
