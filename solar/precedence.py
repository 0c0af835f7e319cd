"""Precedence: which of two versions of one record is current, whichever of them arrived first.

A version is what one source reported of one region at one time. The definitive series supersedes
the near-real-time one. Of two versions of one rank the newer DATE wins, the time at which the
source made it; of two that differ under one DATE the larger content number, an arbitrary choice
that falls the same way everywhere. These three make a total order, so that the final version does
not depend on the order of arrival. Where one of the two has no DATE, the later arrival wins: this
alone depends on the order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solar.columns import Columns

# Why the other version was superseded, in order of precedence.
REASONS = ("near-real-time", "older DATE", "same DATE", "came before")
RANK, DATE, TIE, ARRIVAL = range(len(REASONS))


@dataclass(frozen=True)
class RecordVersions(Columns):
    """n versions, each of a different record.

    Parameters
    ----------
    is_definitive : (n,) bool, False for a near-real-time series
    made_at : (n,) datetime64[us] in UTC, NaT where the source gave no DATE
    content : (n,) int64, a digest of the keywords and position
    """

    is_definitive: NDArray[np.bool_]
    made_at: NDArray[np.datetime64]
    content: NDArray[np.int64]


def decide(
    current: RecordVersions, incoming: RecordVersions
) -> tuple[NDArray[np.bool_], NDArray[np.int8]]:
    """Decide for n records whether the incoming version supersedes the current one.

    The two must differ in content; the same content is no second version.

    Returns
    -------
    (n,) whether the incoming version wins, and (n,) the reason, a place in `REASONS`
    """
    both_dated = ~np.isnat(current.made_at) & ~np.isnat(incoming.made_at)
    # Of reasons that apply at once the first one decides.
    conditions = [
        current.is_definitive != incoming.is_definitive,
        both_dated & (current.made_at != incoming.made_at),
        both_dated,
    ]
    reasons = np.select(conditions, [RANK, DATE, TIE], ARRIVAL).astype(np.int8)
    outcomes = [
        incoming.is_definitive,
        incoming.made_at > current.made_at,
        incoming.content > current.content,
    ]
    wins = np.select([reasons == reason for reason in (RANK, DATE, TIE)], outcomes, True)
    return np.asarray(wins, np.bool_), reasons
