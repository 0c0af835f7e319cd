"""The board: the forecasts of all models side by side, on the same cases."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from database.forecasts import Forecasts
from solar.flares import EVENTS, Event

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Board:
    """Cases (u,), by time and region, that any model had a forecast for.

    Parameters
    ----------
    probability : by model, (u, events) in the order of `EVENTS`, NaN where none was given
    made : by model, (u,) whether it had the case at all, be it to withhold a probability
    """

    region_id: NDArray[np.int64]
    t: NDArray[np.datetime64]
    probability: Mapping[str, NDArray[np.float64]]
    made: Mapping[str, Flags]

    def given(self, event: Event) -> dict[str, Flags]:
        """Tell by model for which cases (u,) it gave a probability."""
        column = EVENTS.index(event)
        return {name: ~np.isnan(said[:, column]) for name, said in self.probability.items()}

    def shared(self, event: Event, *, without: Collection[str] = ()) -> Flags:
        """Tell for which cases (u,) every model that forecast at all that day gave one.

        Those named in `without` are not asked.
        """
        given = {name: flags for name, flags in self.given(event).items() if name not in without}
        day = self.t.astype("datetime64[D]").astype(np.int64)
        day -= day.min() if len(day) else 0
        agreed, any_given = np.ones(len(day), bool), np.zeros(len(day), bool)
        for flags in given.values():
            took_part = np.bincount(day, weights=flags) > 0
            agreed &= flags | ~took_part[day]
            any_given |= flags
        return agreed & any_given


def lay_out(parts: Mapping[str, Forecasts]) -> Board:
    """Put the forecasts of the models side by side."""
    region_id = np.concatenate([part.region_id for part in parts.values()])
    t = np.concatenate([part.t for part in parts.values()])
    order = np.lexsort((region_id, t))
    region_id, t = region_id[order], t[order]
    is_first = np.ones(len(t), bool)
    is_first[1:] = (region_id[1:] != region_id[:-1]) | (t[1:] != t[:-1])
    place = np.empty(len(t), np.int64)
    place[order] = np.cumsum(is_first) - 1
    ends = np.cumsum([len(part.t) for part in parts.values()]).tolist()
    n = int(is_first.sum())
    probability, made = {}, {}
    for (name, part), end in zip(parts.items(), ends, strict=True):
        at = place[end - len(part.t) : end]
        probability[name] = np.full((n, len(EVENTS)), np.nan)
        probability[name][at] = part.probability
        made[name] = np.zeros(n, bool)
        made[name][at] = True
    return Board(region_id[is_first], t[is_first], probability, made)
