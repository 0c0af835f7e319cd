"""Remarks on inputs that cannot help a model: without a value, constant, or there twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_training.data.dataset import NO_RECORD, Dataset
from model_training.features import Floats


def remarks(dataset: Dataset, names: Sequence[str]) -> tuple[str, ...]:
    """Say which features of the records in windows are of no use, one sentence each.

    A feature that is the same as an earlier one is named with it, missing values included.
    """
    used = np.unique(dataset.steps)
    used = used[used != NO_RECORD]
    sentences, earlier = [], dict[bytes, str]()
    for name in names:
        # The sign of zero is no difference, nor are the many forms of NaN.
        column = np.asarray(dataset.records[name], float)[used] + 0.0
        column[np.isnan(column)] = np.nan
        first = earlier.setdefault(column.tobytes(), name)
        useless = _useless(column)
        if useless is not None:
            sentences.append(f"{name} {useless}")
        elif first != name:
            sentences.append(f"{name} is the same as {first} in every record")
    return tuple(sentences)


def _useless(column: Floats) -> str | None:
    known = column[~np.isnan(column)]
    if not known.size:
        return "has no value in any record"
    if known.min() == known.max():
        return f"is {known[0]:g} in every record that has it"
    return None
