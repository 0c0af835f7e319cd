"""Contributions: the shares of the features in a forecast, as the API writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_training.features import kind, unit
from solar.sharp import BY_NAME

Floats = NDArray[np.float64]

_HISTORY_LABELS = {
    "FLARES_C_24H": "C1.0+ count, 24 h",
    "FLARES_M_24H": "M1.0+ count, 24 h",
    "FLARE_INDEX_24H": "Flare flux, 24 h",
    "FLARE_INDEX_DECAYED": "Decayed flare index",
    "HOURS_SINCE_C": "Time since C1.0+",
    "HOURS_SINCE_M": "Time since M1.0+",
    "HOURS_SINCE_X": "Time since X1.0+",
    "DISK_FLARES_C_24H": "Disk C1.0+, 24 h",
    "DISK_FLARES_M_24H": "Disk M1.0+, 24 h",
}


def contributions(
    names: Sequence[str], *, values: Floats, reference: Floats, parts: Floats, errors: Floats
) -> list[dict[str, Any]]:
    """List the (f,) features, the one that moved the forecast most first; NaN is null."""
    largest_first = np.argsort(-np.abs(parts), kind="stable").tolist()
    return [
        {
            "feature": names[place],
            "label": label(names[place]),
            "unit": unit(names[place]),
            "value": _known(values[place]),
            "reference": _known(reference[place]),
            "contribution": float(parts[place]),
            "error": _known(errors[place]),
        }
        for place in largest_first
    ]


def label(name: str) -> str:
    """Say in a few words what a feature is."""
    return BY_NAME[name].description if kind(name) == "keyword" else _HISTORY_LABELS[name]


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
