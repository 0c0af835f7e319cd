"""The terms of a lease: what a member says of itself, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Progress:
    """How far a shard is delivered: so many rows, and all of them up to `through`."""

    delivered: int = 0
    through: datetime | None = None
    is_finished: bool = False


@dataclass(frozen=True)
class Word:
    """What a member says: the shards it works on, and how far each of them has come.

    Parameters
    ----------
    source : name of what is shared, in `shards` parts; its first row is that of `starts_at`
    generation : of the last answer; None for who comes anew and holds nothing
    stays : whether the member wants to hold shards; else it leaves
    restarts : whether all is to be delivered anew; heeded only where nobody else is at work
    """

    source: str
    member: str
    shards: int
    starts_at: datetime
    generation: int | None = None
    held: Mapping[int, Progress] = field(default_factory=dict)
    stays: bool = True
    restarts: bool = False


@dataclass(frozen=True)
class Lease:
    """What a member may work on until the lease ends, and what all who share have in common.

    Event time was `event_at` at `began_at`; `unfinished` shards are left to do.
    """

    generation: int
    starts_at: datetime
    event_at: datetime
    began_at: datetime
    granted: Mapping[int, Progress]
    members: int
    unfinished: int
