"""A shard: one of the parts into which the regions of a source fall, the same everywhere."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data_sender.rows import Rows
from solar.errors import InvalidInputError
from solar.stream import region_key

REGION_SHARDS = 64
# The news of flares are a part of their own, behind those of the regions.
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
        """Tell for each shard (ALL_SHARDS,) whether it is a part of this one."""
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
    """Return the shard of each row (n,), by the name of its region."""
    harpnums, places = np.unique(rows.harpnum, return_inverse=True)
    found: NDArray[np.int64] = np.array(
        [_shard(region_key(int(number), ())) for number in harpnums], np.int64
    )[places]
    for index in np.flatnonzero(rows.harpnum <= 0):
        found[index] = _shard(region_key(None, rows.noaa_ars[index]))
    return found


@lru_cache(maxsize=65_536)
def _shard(key: str) -> int:
    return zlib.crc32(key.encode()) % REGION_SHARDS
