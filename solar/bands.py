"""The band: how far a probability moves when its model is fitted again on other days.

It does not cover a change of the base rate, and it is no range for the flare itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solar.consistency import lowered
from solar.flares import Event

Floats = NDArray[np.float64]

_MOST_KNOTS = 1000


@dataclass(frozen=True)
class Band:
    """The 5th and 95th percentile of `n` fits, `lower` and `upper`, at the probabilities `p`.

    Between these knots they are interpolated. A ``model`` was fitted again as a whole, of a model
    too dear for that its ``calibration`` alone.
    """

    p: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    kind: Literal["model", "calibration"]
    n: int

    def bounds(self, p: ArrayLike) -> tuple[Floats, Floats]:
        """Return the lower and upper bounds (...) of probabilities (...); NaN stays NaN.

        They never fall where p rises, and lower <= p <= upper.
        """
        probability = np.asarray(p, float)
        lower = np.minimum(np.interp(probability, self.p, self.lower), probability)
        upper = np.maximum(np.interp(probability, self.p, self.upper), probability)
        return lower, upper

    def faults(self) -> list[str]:
        """List what keeps this from being a band, one sentence each."""
        p, lower, upper = (np.array(knots, float) for knots in (self.p, self.lower, self.upper))
        if not 2 <= len(p) == len(lower) == len(upper) <= _MOST_KNOTS:
            return [f"p, lower and upper are equally long, 2 to {_MOST_KNOTS} knots"]
        faults = []
        if not ((lower >= 0) & (lower <= p) & (p <= upper) & (upper <= 1)).all():
            faults.append("0 <= lower <= p <= upper <= 1 at every knot")
        if not ((np.diff(p) > 0).all() and (np.diff([lower, upper]) >= 0).all()):
            faults.append("p rises from knot to knot, lower and upper do not fall")
        if self.n < 1:
            faults.append("n counts the fits, at least 1")
        return faults


def band_of(manifest: Mapping[str, Any], target: str) -> Band | None:
    """Return the band of a target, ``M1.0`` or ``M1.0/6h``, in a manifest; None without one."""
    for one in (*manifest.get("events", ()), *(manifest.get("targets") or ())):
        if one.get("name", one.get("event")) == target and one.get("band"):
            band = one["band"]
            p, lower, upper = (tuple(band[name]) for name in ("p", "lower", "upper"))
            return Band(p, lower, upper, kind=band["kind"], n=band["n"])
    return None


def bounds_of(
    manifest: Mapping[str, Any], probability: Floats, targets: Sequence[Event]
) -> tuple[Floats, Floats]:
    """Return the consistent bounds of the probabilities (n, targets) of a model.

    NaN where its manifest has no band or the probability is NaN.
    """
    lower, upper = np.full_like(probability, np.nan), np.full_like(probability, np.nan)
    for column, target in enumerate(targets):
        if (band := band_of(manifest, target.name)) is not None:
            lower[:, column], upper[:, column] = band.bounds(probability[:, column])
    return consistent_bounds(lower, upper, targets)


def consistent_bounds(
    lower: Floats, upper: Floats, targets: Sequence[Event]
) -> tuple[Floats, Floats]:
    """Make the bounds (n, targets) of consistent probabilities consistent as these are.

    Bounds only move down: a lower one widens the band, an upper one that another forbids narrows
    it. The probabilities stay between them. NaN stays NaN and moves nothing.
    """
    return lowered(lower, targets), lowered(upper, targets)
