"""The training reference: how inputs and forecasts were distributed when a model was made."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Floats = NDArray[np.float64]

_DECILES = np.arange(1, 10) / 10


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Shares(_Strict):
    """Ten bins by nine rising edges, and the share of the known values in each.

    Bin k holds edges[k - 1] < x <= edges[k], so that `np.searchsorted(edges, x)` finds it. The
    edges are the deciles; where many values are equal, edges are equal and bins between them
    empty. Without any known value there are no edges and no shares.
    """

    edges: tuple[float, ...] = Field(max_length=9)
    shares: tuple[float, ...] = Field(max_length=10)


class FeatureShares(Shares):
    """An input at t: its mean over the known values, None without any, and the share missing."""

    mean: float | None
    missing_share: float = Field(ge=0, le=1)


class TrainingReference(_Strict):
    """The reference of drift measurements.

    `features` are the inputs at t of the `n` training cases; `predictions` the calibrated
    probabilities of the validation cases, each by a model that was fitted without them.
    """

    n: int = Field(ge=1)
    features: dict[str, FeatureShares]
    predictions: dict[str, Shares]


def describe(
    features: Mapping[str, Floats], *, predictions: Mapping[str, Floats]
) -> TrainingReference:
    """Describe columns, each (n,) with NaN for missing; predictions may have another n."""
    return TrainingReference(
        n=max(len(column) for column in features.values()),
        features={name: _feature(column) for name, column in features.items()},
        predictions={name: Shares(**_shares(column)) for name, column in predictions.items()},
    )


def _feature(column: Floats) -> FeatureShares:
    is_missing = np.isnan(column)
    known = column[~is_missing]
    return FeatureShares(
        mean=float(known.mean()) if known.size else None,
        missing_share=float(is_missing.mean()),
        **_shares(column),
    )


def _shares(column: Floats) -> dict[str, tuple[float, ...]]:
    known = column[~np.isnan(column)]
    if not known.size:
        return {"edges": (), "shares": ()}
    edges = _edges(known)
    counts = np.bincount(np.searchsorted(edges, known), minlength=len(edges) + 1)
    return {"edges": tuple(edges.tolist()), "shares": tuple((counts / known.size).tolist())}


def _edges(known: Floats) -> Floats:
    """Return the deciles, lowered where they are the greatest value and separate no rows."""
    below = known[known < known.max()]
    deciles: Floats = np.quantile(known, _DECILES)
    return np.minimum(deciles, below.max()) if below.size else deciles
