"""Whole steps: chunks and batches cut so that rows of one time stay together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from data_sender.rows import Rows, concatenate
from data_sender.source import Chunk, event_times


def whole_steps(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Give the same rows in chunks none of which ends between two rows of one time."""
    rest: Rows | None = None
    for chunk in chunks:
        rows = chunk.rows if rest is None else concatenate([rest, chunk.rows])
        times = event_times(rows)
        cut = int(np.searchsorted(times, times[-1])) if len(times) else 0
        yield Chunk(rows.take(slice(0, cut)), chunk.flares)
        rest = rows.take(slice(cut, None))
    if rest is not None:
        yield Chunk(rest)


def step_end(times: NDArray[np.datetime64], start: int, *, due: int, batch: int) -> int:
    """Return where a step of about `batch` rows from `start` ends, if so many are due.

    A time with more rows than a batch is one step all the same.
    """
    last = times[start + due - 1]
    end = int(np.searchsorted(times, last, side="right"))
    before = int(np.searchsorted(times, last))
    return before if end - start > batch and before > start else end
