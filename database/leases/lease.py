"""A lease: which shards of a source a member may work on, and for how long."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from database.leases.fair_share import fair_share
from database.leases.members import drop_member, keep_member, live_members
from database.leases.shard import Shard, load_shards, write_shards
from database.leases.shared_source import locked_source, write_source
from database.leases.terms import Lease, Progress, Word

Shards = Mapping[int, Shard]


def renew(connection: sa.Connection, word: Word, *, lasts: timedelta, now: datetime) -> Lease:
    """Join, stay with or leave a source, tell the progress, and learn what to work on.

    A shard that the answer leaves out is to be let go: it stays the member's own until its next
    word does not name it any more, and only then another gets it.

    Parameters
    ----------
    lasts : for how long a member that is not heard of keeps its shards
    """
    source = locked_source(connection, word, now=now)
    members = live_members(connection, source, lasts=lasts, now=now)
    is_alone = not set(members) - {word.member}
    stored = load_shards(connection, source.source, source.shards)
    shards: Shards = stored
    if word.restarts and is_alone:
        source, shards = source.again(word.starts_at), dict.fromkeys(stored, Shard())
    shards = _heard(shards, word, generation=source.generation, members=members, now=now)
    if word.generation is None and is_alone:
        source = source.with_clock(shards.values(), now=now)
    if word.stays:
        joined_at = members.setdefault(word.member, now)
        keep_member(connection, source.source, word.member, joined_at=joined_at, now=now)
        shards, granted = _granted(shards, list(members), word.member)
    else:
        members.pop(word.member, None)
        drop_member(connection, source.source, word.member)
        granted = {}
    changed = {number: shard for number, shard in shards.items() if shard != stored[number]}
    write_shards(connection, source.source, changed)
    write_source(connection, replace(source, heard_at=now))
    return Lease(
        source.generation, source.starts_at, source.event_at, source.began_at, granted,
        members=len(members),
        unfinished=sum(shard.finished_at is None for shard in shards.values()),
    )  # fmt: skip


def _heard(
    shards: Shards, word: Word, *, generation: int, members: Container[str], now: datetime
) -> Shards:
    """Add what a member tells; free what it has let go, and what those who are gone held."""
    told = word.held if word.generation == generation else {}
    kept = told if word.stays else {}
    heard: dict[int, Shard] = {}
    for number, known in shards.items():
        shard = known.advanced(told[number], now=now) if number in told else known
        is_let_go = shard.holder == word.member and number not in kept
        is_held = shard.holder in members and not is_let_go
        heard[number] = shard if is_held else shard.held_by(None)
    return heard


def _granted(shards: Shards, members: list[str], member: str) -> tuple[Shards, dict[int, Progress]]:
    left = {number: shard for number, shard in shards.items() if shard.finished_at is None}
    holders = {number: shard.holder for number, shard in left.items()}
    share = fair_share(holders, members, member=member)
    taken = {number: shards[number].held_by(member) for number in share.taken}
    granted = {
        number: Progress(left[number].delivered, left[number].through)
        for number in (*share.kept, *share.taken)
    }
    return {**shards, **taken}, granted
