"""A batch: the observations of a request as columns, from JSON as from Arrow."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from database.observations.records import Records
from solar.columns import Integers
from solar.observations import Observations


@dataclass(frozen=True)
class Batch(Observations):
    """Observations, and the `index` (n,) of each in its request."""

    index: Integers

    def records(
        self, region_ids: Sequence[int] | Integers, revisions: Sequence[int] | Integers
    ) -> Records:
        """Return the rows as records, in the order of the batch."""
        return Records(
            np.array(region_ids, np.int64),
            self.t_rec,
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
        names = [name.encode() for name in self.series.values]
        digests = b"".join(
            hashlib.blake2b(names[code] + content[start : start + width], digest_size=8).digest()
            for code, start in zip(
                self.series.codes.tolist(), range(0, len(content), width), strict=True
            )
        )
        hashes: list[int] = (np.frombuffer(digests, "<u8") >> np.uint64(1)).tolist()
        return hashes
