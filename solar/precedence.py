"""Precedence: which of two accounts of one record holds, whichever of them came first.

An account is what one source said of one region at one time. The definitive series holds over
the near-real-time one. Of two accounts of one rank the newer DATE holds, the time at which the
source made it; of two that contradict each other under one DATE the larger content number, an
arbitrary choice that falls the same way everywhere. These three make a total order, so that the
account that holds in the end does not depend on the order of arrival. Where one of the two has
no DATE, the later arrival holds: this alone depends on the order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# On what ground one account was preferred; as the reason for which the other one lost.
REASONS = ("near-real-time", "older DATE", "same DATE", "came before")
RANK, DATE, TIE, ARRIVAL = range(len(REASONS))


@dataclass(frozen=True)
class Accounts:
    """n accounts, each of a record of its own.

    Parameters
    ----------
    is_definitive : (n,) bool, False for a near-real-time series
    made_at : (n,) datetime64[us] in UTC, NaT where the source gave no DATE
    content : (n,) int64, a number that stands for what the account says
    """

    is_definitive: NDArray[np.bool_]
    made_at: NDArray[np.datetime64]
    content: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.content)

    def take(self, places: NDArray[np.int64]) -> Accounts:
        """Return the accounts at these places, in this order."""
        return Accounts(self.is_definitive[places], self.made_at[places], self.content[places])


def decide(holding: Accounts, coming: Accounts) -> tuple[NDArray[np.bool_], NDArray[np.int8]]:
    """Tell of n records whether the coming account wins against the one that holds.

    The two must differ in content; what says the same is no second account.

    Returns
    -------
    (n,) whether the coming account wins, and (n,) the ground, a place in `REASONS`
    """
    both_dated = ~np.isnat(holding.made_at) & ~np.isnat(coming.made_at)
    # Of grounds that hold at once the first one decides.
    grounds = np.select(
        [holding.is_definitive != coming.is_definitive,
         both_dated & (holding.made_at != coming.made_at), both_dated],
        [RANK, DATE, TIE], ARRIVAL,
    ).astype(np.int8)  # fmt: skip
    wins = np.select(
        [grounds == RANK, grounds == DATE, grounds == TIE],
        [coming.is_definitive, coming.made_at > holding.made_at, coming.content > holding.content],
        True,
    )
    return np.asarray(wins, np.bool_), grounds
