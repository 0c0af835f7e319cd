"""Novelty: which of the records that a source shows again have not been sent as they are."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from data_sender.rows import Rows
from solar.time import to_datetime64

# Series, time since 1970 [us], HARPNUM and NOAA numbers.
_Key = tuple[str, int, int, tuple[int, ...]]
_NO_TIME = np.iinfo(np.int64).min


class Novelty:
    """Remembers the records of the stretch that is asked for again each time.

    The memory is that of the process: after a restart the stretch is sent once more, and the
    API finds duplicates.
    """

    def __init__(self) -> None:
        self._known: dict[_Key, bytes] = {}

    def new_of(self, rows: Rows) -> Rows:
        """Return the rows that are unknown or have changed, in their order."""
        digests = zip(_keys(rows), _contents(rows), strict=True)
        return rows.take(np.array([self._known.get(k) != c for k, c in digests], bool))

    def remember(self, rows: Rows) -> None:
        """Know these rows from now on."""
        self._known.update(zip(_keys(rows), _contents(rows), strict=True))

    def forget_before(self, series: str, at: datetime) -> None:
        """Forget the records of a series before a time."""
        limit = int(to_datetime64(at).astype(np.int64))
        self._known = {
            key: content
            for key, content in self._known.items()
            if key[0] != series or key[1] >= limit or key[1] == _NO_TIME
        }


def _keys(rows: Rows) -> list[_Key]:
    times = rows.t_rec.astype(np.int64).tolist()
    named = zip(rows.series, times, rows.harpnum.tolist(), rows.noaa_ars, strict=True)
    return [(series, t_rec, harpnum, tuple(ars)) for series, t_rec, harpnum, ars in named]


def _contents(rows: Rows) -> list[bytes]:
    unknown = np.full(len(rows), np.datetime64("NaT", "us"))
    made_at = unknown if rows.made_at is None else rows.made_at
    columns = (
        made_at.view(np.float64),
        rows.lon_fwt,
        rows.lat_fwt,
        rows.quality,
        *rows.keywords.values(),
    )
    return [row.tobytes() for row in np.column_stack(columns)]
