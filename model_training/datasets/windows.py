"""Windows: the record of every step before t, for every case that is kept."""

from __future__ import annotations

import numpy as np

from model_training.choices.window import WindowChoice
from model_training.datasets.dataset import NO_RECORD
from model_training.features import Integers, Times
from solar.errors import InvalidInputError


def cut(region_id: Integers, t_rec: Times, choice: WindowChoice) -> Integers:
    """Find the records of the window that ends at each record kept as a case.

    Parameters
    ----------
    region_id, t_rec : (m,) of records in the order of time

    Returns
    -------
    (n, steps) places of records, the last step being the case itself. A step is the record of
    the same region that lies nearest to its time, no further from it than the tolerance and
    not after t; `NO_RECORD` where there is none.
    """
    found = np.full((len(t_rec), choice.steps), NO_RECORD, np.int64)
    found[:, -1] = np.arange(len(t_rec))
    if choice.steps > 1 and len(t_rec):
        _fill(found, region_id, t_rec, choice)
    return found[kept(region_id, choice.stride)]


def kept(region_id: Integers, stride: int) -> Integers:
    """Return the places of every so many-th case of each region, beginning with its first."""
    order = np.argsort(region_id, kind="stable")
    _, first, code = np.unique(region_id[order], return_index=True, return_inverse=True)
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order)) - first[code]
    return np.flatnonzero(number % stride == 0)


def last_steps(steps: Integers, choice: WindowChoice, *, cadence_hours: float) -> Integers:
    """Shorten windows that the source has made to the last steps that the choice asks for.

    One step, the default, leaves them as they are; the cadence is always that of the source.
    """
    if choice.steps == 1:
        return steps
    if choice.steps > steps.shape[1]:
        raise InvalidInputError(
            f"the windows of this set have {steps.shape[1]} steps of {cadence_hours:g} h, not"
            f" {choice.steps}; lower window.steps"
        )
    return steps[:, -choice.steps :]


def _fill(found: Integers, region_id: Integers, t_rec: Times, choice: WindowChoice) -> None:
    """Search all regions at once: on one axis of keys they lie further apart than a window."""
    at = (t_rec - t_rec.min()) // np.timedelta64(1, "ms")
    cadence, tolerance = _milliseconds(choice.cadence_hours), _milliseconds(choice.tolerance_hours)
    code = np.unique(region_id, return_inverse=True)[1]
    span = int(at.max()) + choice.steps * cadence + 2 * tolerance + 2
    own = code * span + at
    order = np.argsort(own, kind="stable")
    keys = own[order]
    for back in range(1, choice.steps):
        target = own - back * cadence
        # The earlier of two records at the same distance; none that lies after t.
        after = np.searchsorted(keys, target)
        before = np.maximum(after - 1, 0)
        after = np.minimum(after, len(keys) - 1)
        nearer = np.abs(keys[after] - target) < np.abs(target - keys[before])
        place = np.where(nearer & (keys[after] <= own), after, before)
        is_near = np.abs(keys[place] - target) <= tolerance
        found[is_near, -1 - back] = order[place[is_near]]


def _milliseconds(hours: float) -> int:
    return round(hours * 3_600_000)
