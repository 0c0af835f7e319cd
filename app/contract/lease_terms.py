"""Leases in the contract: the word of a replica that shares a source, and the answer to it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.contract.answers import TIME, Answer
from app.contract.schemas import SENDER_PATTERN, Strict
from app.contract.times import Time


class ShardProgress(Strict):
    """How far a shard is delivered: so many rows, and all of them up to ``through``."""

    delivered: int = Field(default=0, ge=0, le=2**62)
    through: Time | None = None
    finished: bool = False


ShardNumber = Annotated[str, Field(pattern=r"^\d{1,4}$")]


class LeaseBody(Strict):
    """A word of a replica that shares a source: it joins, stays, tells its progress or leaves.

    ``held`` names the shards it works on; who begins leaves ``generation`` out and holds none.
    ``starts_at`` is the time of the first row, of which the first word of all counts. With
    ``wants`` false the replica leaves. ``restart`` has everything delivered anew, unless others
    are at work.
    """

    sender: str = Field(pattern=SENDER_PATTERN)
    source: str = Field(pattern=SENDER_PATTERN)
    shards: int = Field(ge=1, le=1024)
    starts_at: Time
    generation: int | None = Field(default=None, ge=1, le=2**31 - 1)
    held: dict[ShardNumber, ShardProgress] = Field(default_factory=dict, max_length=1024)
    wants: bool = True
    restart: bool = False


class GrantedShard(Answer):
    """A shard to work on, and how far it has been delivered so far; null: not begun."""

    shard: int
    delivered: int
    through: str | None = TIME


class LeaseAnswer(Answer):
    """What the replica may send, for so many seconds from its question on.

    A shard that is not in ``granted`` any more is to be let go. Event time was ``event_at``
    ``elapsed_seconds`` ago, for all replicas. ``sent`` and ``sequence`` are where the API's count
    of this sender stands.
    """

    generation: int
    starts_at: str = TIME
    event_at: str = TIME
    elapsed_seconds: float
    granted: list[GrantedShard]
    unfinished: int
    members: int
    expires_in_seconds: float
    sent: int
    sequence: int
