"""Shards: the parts into which the regions of a source fall, the same everywhere."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.source import Chunk, Source, event_times
from data_sender.xrays import XrayMinutes
from solar.errors import InvalidInputError
from solar.stream import region_key

REGION_SHARDS = 64
# Its holder publishes what ends after the last row.
FLARES = REGION_SHARDS
ALL_SHARDS = REGION_SHARDS + 1


Auto = Literal["auto"]


@dataclass(frozen=True)
class FixedShard:
    """Part `index` of `count`, from 1 on: those shards whose number leaves that remainder."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}of{self.count}"

    def holds(self) -> NDArray[np.bool_]:
        """Tell for each shard (ALL_SHARDS,) whether it belongs to this part."""
        holds: NDArray[np.bool_] = np.arange(ALL_SHARDS) % self.count == self.index - 1
        return holds


def parse_shard(text: str) -> FixedShard | Auto:
    """Read ``2/3`` as the second of three parts, and ``auto``: what the API leases."""
    if text == "auto":
        return "auto"
    match = re.fullmatch(r"(\d{1,2})/(\d{1,2})", text)
    if match is None:
        raise InvalidInputError(
            f"--shard {text!r} is no part; write auto, or 2/3 for the second of 3"
        )
    index, count = int(match[1]), int(match[2])
    if not 1 <= index <= count <= REGION_SHARDS:
        raise InvalidInputError(
            f"--shard {text}: there are parts 1 to {count}, and {REGION_SHARDS} at most"
        )
    return FixedShard(index, count)


def shards_of(rows: Rows) -> NDArray[np.int64]:
    """Return the shard of each row (n,), by the key of its region."""
    harpnums, places = np.unique(rows.harpnum, return_inverse=True)
    by_harp = np.array([_shard(region_key(int(number), ())) for number in harpnums], np.int64)
    by_noaa = rows.noaa_ars.map(lambda numbers: _shard(region_key(None, numbers)), np.int64)
    return np.where(rows.harpnum > 0, by_harp[places], by_noaa)


def halves_by_region(rows: Rows) -> list[Rows]:
    """Cut rows (n,) in two of about the same size, neither of which has a region of the other.

    Rows of few regions may be in one half alone; each keeps the order of its rows.
    """
    shards = shards_of(rows)
    counts = np.bincount(shards, minlength=REGION_SHARDS)
    # A shard belongs to the half in which its middle row lies.
    is_second = (np.cumsum(counts) - counts / 2)[shards] > len(rows) / 2
    halves = [rows.take(~is_second), rows.take(is_second)]
    return [half for half in halves if len(half)]


@lru_cache(maxsize=65_536)
def _shard(key: str) -> int:
    return zlib.crc32(key.encode()) % REGION_SHARDS


class SourcePart:
    """The rows of one fixed part of a source, and the flares: all of them, in every part."""

    def __init__(self, source: Source, shard: FixedShard) -> None:
        self.whole = source
        self._holds = shard.holds()
        self.fingerprint = hashlib.sha256(f"{source.fingerprint} {shard}".encode()).hexdigest()

    @property
    def flare_source(self) -> str | None:
        """The origin of the flares."""
        return self.whole.flare_source

    @property
    def covers_from(self) -> np.datetime64 | None:
        """Since when the flares of the whole source are complete."""
        return self.whole.covers_from

    @property
    def continues_past_end(self) -> bool:
        """Whether this part has to publish the truth of the last rows."""
        return self.whole.continues_past_end and bool(self._holds[FLARES])

    def listed_through(self, moment: np.datetime64) -> np.datetime64:
        """Up to when the flares are published at a time, as in the whole source."""
        return self.whole.listed_through(moment)

    def chunks(self, position: Position) -> Iterator[Chunk]:
        """Yield what follows a position of this part."""
        left = position.at_through
        for chunk in self.whole.chunks(replace(position, rows=0)):
            chosen = self._holds[shards_of(chunk.rows)]
            left -= exclude_delivered(chosen, chunk.rows, position.through, left)
            minutes = chunk.minutes if self._holds[FLARES] else XrayMinutes.none()
            yield Chunk(chunk.rows.take(chosen), chunk.flares, minutes)


def exclude_delivered(
    chosen: NDArray[np.bool_], rows: Rows, through: np.datetime64 | None, count: int
) -> int:
    """Deselect rows before a time, and the first `count` of it; return how many these are."""
    if through is None:
        return 0
    times = event_times(rows)
    chosen[times < through] = False
    repeated = np.flatnonzero(chosen & (times == through))[:count]
    chosen[repeated] = False
    return len(repeated)
