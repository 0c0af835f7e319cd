"""A batch: observations as columns, whichever format they arrived in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.contract.problems import Fault

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rejection:
    """A row that was not taken: its place in the request, and why."""

    index: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Batch:
    """n observations; NaN is missing.

    Parameters
    ----------
    index : place of each row in the request
    harpnum : HARPNUM or None
    noaa_ars : NOAA numbers, possibly none
    t_rec : timezone-aware UTC
    series : data series
    quality : (n,) float, NaN where the source has none
    lon_fwt, lat_fwt : (n,) Stonyhurst position of the flux-weighted centre [deg]
    keywords : (n, 25) in the order of `solar.sharp.KEYWORDS`
    """

    index: list[int]
    harpnum: list[int | None]
    noaa_ars: list[tuple[int, ...]]
    t_rec: list[datetime]
    series: list[str]
    quality: Floats
    lon_fwt: Floats
    lat_fwt: Floats
    keywords: Floats

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def times(self) -> NDArray[np.datetime64]:
        """The times as (n,) datetime64[us] in UTC."""
        return np.array([at.replace(tzinfo=None) for at in self.t_rec], "datetime64[us]")

    def take(self, rows: Sequence[int]) -> Batch:
        """Return the rows at these places, in this order."""
        places = list(rows)
        return Batch(
            index=[self.index[row] for row in places],
            harpnum=[self.harpnum[row] for row in places],
            noaa_ars=[self.noaa_ars[row] for row in places],
            t_rec=[self.t_rec[row] for row in places],
            series=[self.series[row] for row in places],
            quality=self.quality[places],
            lon_fwt=self.lon_fwt[places],
            lat_fwt=self.lat_fwt[places],
            keywords=self.keywords[places],
        )

    def content_hashes(self) -> list[int]:
        """Return a number of 63 bits for what each row says, the same on every machine."""
        values = np.column_stack([self.quality, self.lon_fwt, self.lat_fwt, self.keywords])
        # Adding zero turns -0.0 into 0.0; one NaN stands for all of them.
        canonical = np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8")
        return [
            _hash(series.encode() + row.tobytes())
            for series, row in zip(self.series, canonical, strict=True)
        ]


def _hash(content: bytes) -> int:
    digest = hashlib.blake2b(content, digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
