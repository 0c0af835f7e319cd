"""Regions: under which name a record is sent, so that both series mean the same region by it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from data_sender.rows import Rows
from solar.sharp import is_near_real_time

logger = logging.getLogger(__name__)


class NoaaNames:
    """Names records by their NOAA numbers, in which near-real-time and definitive series meet.

    The patches of the near-real-time series have a numbering of their own: sent as a HARPNUM,
    one would fall on another region of years ago. A patch without a NOAA number has no name
    that means the same elsewhere, and is kept aside. A definitive record without one keeps its
    HARPNUM. Of several records with the same first number at the same time the one with the
    most flux is the region.
    """

    def __init__(self) -> None:
        self._told: set[tuple[int, str]] = set()

    def named(self, rows: Rows) -> Rows:
        """Return the records that can be sent, under their names."""
        has_number = rows.noaa_ars.astype(bool)
        is_region = np.zeros(len(rows), bool)
        is_region[has_number] = _with_most_flux(rows.take(has_number))
        is_quick = np.array([is_near_real_time(series) for series in rows.series], bool)
        aside = is_quick & ~is_region
        self._tell(rows.harpnum[aside & ~has_number], "has no NOAA number yet")
        self._tell(rows.harpnum[aside & has_number], "shares its number with a larger one")
        rows, is_region = rows.take(~aside), is_region[~aside]
        harpnum = np.where(is_region, 0, rows.harpnum)
        numbers = np.empty(len(rows), object)
        # What keeps its HARPNUM must not draw the flares of the region that has the number.
        numbers[:] = [
            ars if named else [] for ars, named in zip(rows.noaa_ars, is_region, strict=True)
        ]
        return replace(rows, harpnum=harpnum, noaa_ars=numbers)

    def _tell(self, patches: Iterable[int], why: str) -> None:
        for patch in sorted({int(patch) for patch in patches}):
            if (patch, why) not in self._told:
                self._told.add((patch, why))
                logger.info("near-real-time patch %d %s: kept aside", patch, why)


def _with_most_flux(rows: Rows) -> NDArray[np.bool_]:
    """Mark among the records (n,) of one first number and time the one with the most flux."""
    first = np.array([numbers[0] for numbers in rows.noaa_ars], np.int64)
    flux = np.nan_to_num(rows.keywords["USFLUX"], nan=-1.0)
    order = np.lexsort((rows.harpnum, -flux, rows.t_rec, first))
    number, t_rec = first[order], rows.t_rec[order]
    leads = np.ones(len(order), bool)
    leads[1:] = (number[1:] != number[:-1]) | (t_rec[1:] != t_rec[:-1])
    is_main = np.zeros(len(order), bool)
    is_main[order[leads]] = True
    return is_main
