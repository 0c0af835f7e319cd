"""A part of a source: the rows of a fixed share of its regions, whoever sends the others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.sharding.shard import FLARES, FixedShard, shards_of
from data_sender.source import Chunk, Source, event_times


class Part:
    """A source as one of several senders sees it; the first part brings the flares too."""

    def __init__(self, source: Source, shard: FixedShard) -> None:
        self._source = source
        self._holds = shard.holds()
        self.fingerprint = hashlib.sha256(f"{source.fingerprint} {shard}".encode()).hexdigest()

    @property
    def flare_source(self) -> str | None:
        """The origin of the flares; None in the parts that leave them to another."""
        return self._source.flare_source if self._holds[FLARES] else None

    @property
    def covers_from(self) -> np.datetime64 | None:
        """As the whole source has it."""
        return self._source.covers_from

    @property
    def runs_on(self) -> bool:
        """Whether this part has to tell the truth of the last rows."""
        return self._source.runs_on and bool(self._holds[FLARES])

    def chunks(self, position: Position) -> Iterator[Chunk]:
        """Give what follows a position of this part."""
        left = position.at_through
        for chunk in self._source.chunks(replace(position, rows=0)):
            chosen = self._holds[shards_of(chunk.rows)]
            left -= _leave_out(chosen, chunk.rows, position.through, left)
            flares = chunk.flares if self._holds[FLARES] else ()
            yield Chunk(chunk.rows.take(chosen), flares)


def _leave_out(
    chosen: NDArray[np.bool_], rows: Rows, through: np.datetime64 | None, count: int
) -> int:
    """Unchoose what lies before a time, and the first `count` of it; return how many these are."""
    if through is None:
        return 0
    times = event_times(rows)
    chosen[times < through] = False
    repeated = np.flatnonzero(chosen & (times == through))[:count]
    chosen[repeated] = False
    return len(repeated)
