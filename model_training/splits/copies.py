"""Copies: measured values that stand in two places, as when two numbers name one region."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from model_training.datasets.dataset import Dataset
from model_training.features import kind

# Of smaller numbers only counts and classes are whole by rule.
_LARGE = 1e6


def is_unmistakable(values: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell measured values from counts, classes and nothing, which cases share by accident."""
    whole = (np.abs(values) < _LARGE) & (values == np.round(values))
    return np.asarray(~(whole | np.isnan(values)))


def without_copies(part: Dataset, of: Dataset) -> Dataset:
    """Leave out the regions of a part of which a record is repeated in another part.

    Neighbouring active regions are often measured in one patch: their records are the same
    under two numbers, so that folds of numbers do not keep them apart.
    """
    measured = [name for name in part.names if kind(name) != "history"]
    own, other = _fingerprints(part, measured), _fingerprints(of, measured)
    repeated = np.isin(own, other[other != 0]) & (own != 0)
    return part.take(~np.isin(part.region_id, np.unique(part.region_id[repeated])))


def _fingerprints(part: Dataset, measured: list[str]) -> NDArray[np.uint64]:
    """Return a number for what the record at t says, (n,); 0 where it could be an accident."""
    values = part.matrix(measured)
    found = pd.util.hash_pandas_object(pd.DataFrame(values), index=False).to_numpy()
    return np.where(is_unmistakable(values).any(axis=1), found, np.uint64(0))
