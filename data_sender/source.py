"""A source of rows: the interface that replays, the simulator and live sources share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.xrays import XrayMinutes


@dataclass(frozen=True)
class FlareReport:
    """One observed flare, published once it has ended; `body` is what the API takes."""

    started_at: np.datetime64
    ended_at: np.datetime64
    body: dict[str, Any]


@dataclass(frozen=True)
class Chunk:
    """A stretch of event time: its rows in order, and its flares in order of their end.

    `minutes` are X-ray minutes of a source that makes them as it goes; those of a file are known
    from the beginning.
    """

    rows: Rows
    flares: tuple[FlareReport, ...] = ()
    minutes: XrayMinutes = field(default_factory=XrayMinutes.none)


class Source(Protocol):
    """Something that can be read in event time, again and again with the same outcome."""

    @property
    def fingerprint(self) -> str:
        """Identify the content, so that a position is never used with other data."""

    @property
    def flare_source(self) -> str | None:
        """Name the origin of the flares; None when the source brings none."""

    @property
    def covers_from(self) -> np.datetime64 | None:
        """Return since when the flares are complete, for a pass from the last position."""

    @property
    def continues_past_end(self) -> bool:
        """Tell whether event time passes the last row until its truth is known."""

    def listed_through(self, moment: np.datetime64) -> np.datetime64:
        """Return up to when the flares are published at a time: a list may be late."""

    def chunks(self, position: Position) -> Iterator[Chunk]:
        """Yield everything that follows a position."""


def event_times(rows: Rows) -> NDArray[np.datetime64]:
    """Return when each row (n,) leaves: one without a time leaves with the row before it."""
    times: NDArray[np.datetime64] = np.fmax.accumulate(rows.times())
    times[np.isnat(times)] = np.datetime64(0, "us")
    return times
