"""A batch: observations as columns, from JSON as from Arrow."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np

from app.contract.columns import Coded, Floats, Integers, Times
from database.observations.records import Records


@dataclass(frozen=True)
class Batch:
    """The columns of n observations; NaN is missing.

    Parameters
    ----------
    index : (n,) index of each row in the request
    harpnums : (n,) HARPNUM, 0 where the source gave none
    ar_sets : (n,) NOAA numbers as a tuple per row, possibly empty
    times : (n,) T_REC as datetime64[us] in UTC
    series_names : (n,) data series
    made_at : (n,) DATE as datetime64[us] in UTC, NaT where the source gave none
    quality : (n,) float, NaN where the source has none
    lon_fwt, lat_fwt : (n,) Stonyhurst position of the flux-weighted centre [deg]
    keywords : (n, 25) in the order of `solar.sharp.KEYWORDS`
    """

    index: Integers
    harpnums: Integers
    ar_sets: Coded[tuple[int, ...]]
    times: Times
    series_names: Coded[str]
    made_at: Times
    quality: Floats
    lon_fwt: Floats
    lat_fwt: Floats
    keywords: Floats

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def t_rec(self) -> list[datetime]:
        """The times as timezone-aware datetimes in UTC."""
        return [at.replace(tzinfo=UTC) for at in self.times.tolist()]

    @cached_property
    def harpnum(self) -> list[int | None]:
        """The HARPNUM of each row, None where the source gave none."""
        return [number or None for number in self.harpnums.tolist()]

    @cached_property
    def noaa_ars(self) -> list[tuple[int, ...]]:
        """The NOAA numbers of each row."""
        return self.ar_sets.rows()

    @cached_property
    def series(self) -> list[str]:
        """The data series of each row."""
        return self.series_names.rows()

    def take(self, rows: Sequence[int] | Integers) -> Batch:
        """Return these rows, in this order."""
        chosen = np.asarray(rows, np.int64)
        return Batch(
            index=self.index[chosen],
            harpnums=self.harpnums[chosen],
            ar_sets=self.ar_sets.take(chosen),
            times=self.times[chosen],
            series_names=self.series_names.take(chosen),
            made_at=self.made_at[chosen],
            quality=self.quality[chosen],
            lon_fwt=self.lon_fwt[chosen],
            lat_fwt=self.lat_fwt[chosen],
            keywords=self.keywords[chosen],
        )

    def records(
        self, region_ids: Sequence[int] | Integers, revisions: Sequence[int] | Integers
    ) -> Records:
        """Return the rows as records, in the order of the batch."""
        return Records(
            np.array(region_ids, np.int64),
            self.times,
            np.array(revisions, np.int64),
            self.lon_fwt,
            self.keywords,
        )

    def content_hashes(self) -> list[int]:
        """Return a hash of 63 bits of the content of each row, the same on every machine.

        The store keeps the hashes: another definition would turn every row that is sent again
        into a revision.
        """
        values = np.column_stack([self.quality, self.lon_fwt, self.lat_fwt, self.keywords])
        # Adding zero turns -0.0 into 0.0; one NaN stands for all of them.
        canonical = np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8")
        content, width = canonical.tobytes(), canonical.itemsize * canonical.shape[1]
        names = [name.encode() for name in self.series_names.values]
        digests = b"".join(
            hashlib.blake2b(names[code] + content[start : start + width], digest_size=8).digest()
            for code, start in zip(
                self.series_names.codes.tolist(), range(0, len(content), width), strict=True
            )
        )
        hashes: list[int] = (np.frombuffer(digests, "<u8") >> np.uint64(1)).tolist()
        return hashes
