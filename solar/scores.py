"""The scores of 2x2 contingency tables, computed for many tables at once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SCORES = (
    "accuracy", "precision", "recall", "far", "pofd", "bias", "tss", "hss1", "hss2", "gs", "csi",
    "f1", "npv", "appss", "sedi",
)  # fmt: skip


def score_arrays(cells: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]) -> dict[str, Floats]:
    """Compute all `SCORES` of many tables at once.

    Parameters
    ----------
    cells : hits a, false alarms b, misses c and correct negatives d, each (...)

    Returns
    -------
    One (...) array per score, in the order of `SCORES`; NaN where the score is undefined.
    The properties of `solar.contingency.Contingency` say what each one means.
    """
    a, b, c, d = (np.asarray(cell, float) for cell in cells)
    events, nonevents, yes, n = a + c, b + d, a + b, a + b + c + d
    random_hits = yes * events
    always = np.maximum(events, nonevents)
    values = (
        _ratio(a + d, n),
        _ratio(a, yes),
        _ratio(a, events),
        _ratio(b, yes),
        _ratio(b, nonevents),
        _ratio(yes, events),
        _ratio(a * d - b * c, events * nonevents),
        _ratio(a - b, events),
        _ratio(2 * (a * d - b * c), events * (c + d) + yes * nonevents),
        _ratio(a * n - random_hits, (a + b + c) * n - random_hits),
        _ratio(a, a + b + c),
        _ratio(2 * a, 2 * a + b + c),
        _ratio(d, c + d),
        _ratio(a + d - always, n - always),
        _sedi(_ratio(a, events), _ratio(b, nonevents)),
    )
    return dict(zip(SCORES, values, strict=True))


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    undefined = np.full(np.shape(denominator), np.nan)
    defined_at = np.asarray(denominator) != 0
    ratio: Floats = np.divide(numerator, denominator, out=undefined, where=defined_at)
    return ratio


def _sedi(recall: Floats, pofd: Floats) -> Floats:
    defined = (recall > 0) & (recall < 1) & (pofd > 0) & (pofd < 1)
    h, f = np.where(defined, recall, 0.5), np.where(defined, pofd, 0.5)
    missed, false, kept, rejected = np.log(h), np.log(f), np.log1p(-h), np.log1p(-f)
    value = (false - missed - rejected + kept) / (false + missed + rejected + kept)
    return np.where(defined, value, np.nan)


def defined(value: float) -> float | None:
    """Turn the NaN of an undefined score into None."""
    return None if math.isnan(value) else float(value)
