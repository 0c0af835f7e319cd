"""Leases: every shard has one holder at most, nothing that was delivered is forgotten."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from passing_time import let_pass

from database.delivery.leases import Lease, LeaseRequest, Progress, fair_share, renew
from database.delivery.senders import (
    ACTIVE,
    SILENT,
    TAKEN_OVER,
    list_senders,
    record_heartbeat,
    sender_state,
)
from database.engine import reading, transact, writing
from database.schema.tables import shard_leases
from solar.errors import InvalidInputError

START = datetime(2014, 3, 1, tzinfo=UTC)
LASTS = timedelta(seconds=10)
SHARDS = 12


@dataclass
class Member:
    """A replica as it should behave: it works on what the last answer granted."""

    engine: sa.Engine
    name: str
    shards: int = SHARDS
    generation: int | None = None
    held: dict[int, Progress] = field(default_factory=dict)

    def say(self, *, stays: bool = True, restarts: bool = False) -> Lease:
        request = LeaseRequest(
            "hourly", self.name, self.shards, START,
            generation=self.generation, held=self.held, stays=stays, restarts=restarts,
        )  # fmt: skip
        lease = transact(self.engine, lambda c: renew(c, request, lasts=LASTS))
        self.generation, self.held = lease.generation, dict(lease.granted)
        return lease

    def deliver(self, rows: int, hours: int, *, finishes: bool = False) -> None:
        through = START + timedelta(hours=hours)
        self.held = {
            number: Progress(shard.delivered + rows, through, finishes)
            for number, shard in self.held.items()
        }


def members(engine: sa.Engine, count: int) -> list[Member]:
    return [Member(engine, f"m{n}") for n in range(1, count + 1)]


def sizes(all_members: list[Member]) -> list[int]:
    return [len(member.held) for member in all_members]


holders = st.dictionaries(
    st.integers(0, 63), st.sampled_from([None, "a", "b", "c", "d", "e"]), min_size=1
)


@given(holders, st.permutations(["a", "b", "c", "d", "e"]), st.data())
def test_asked_in_turn_all_come_to_a_fair_share_within_three_rounds(
    held: dict[int, str | None], names: list[str], data: st.DataObject
) -> None:
    given_back: dict[str, set[int]] = {name: set() for name in names}
    before = dict(held)
    for _ in range(3):
        for name in data.draw(st.permutations(names)):
            held |= dict.fromkeys(given_back[name], None)
            share = fair_share(held, names, member=name)
            own = {shard for shard, holder in held.items() if holder == name}
            given_back[name] = own - set(share.kept)
            assert all(held[shard] is None for shard in share.taken)
            held |= dict.fromkeys(share.taken, name)
    counts = Counter(held.values())
    assert {counts[name] for name in names} <= {len(held) // 5, -(-len(held) // 5)}
    # Nobody below its share has lost a shard to another.
    kept = Counter(holder for shard, holder in before.items() if held[shard] == holder)
    was = Counter(before.values())
    assert all(kept[name] >= min(was[name], len(held) // 5) for name in names)


def test_the_first_member_has_all_until_it_releases_the_share_of_others(
    engine: sa.Engine,
) -> None:
    first, second, third = members(engine, 3)

    first.say()
    second.say()
    third.say()
    assert sizes([first, second, third]) == [12, 0, 0]

    first.deliver(5, hours=2)
    first.say()
    second.say()
    assert sizes([first, second, third]) == [4, 0, 0]

    first.say()
    second.say()
    third.say()
    assert sizes([first, second, third]) == [4, 4, 4]
    assert set(second.held.values()) == {Progress(5, START + timedelta(hours=2))}
    assert len({*first.held, *second.held, *third.held}) == SHARDS


def test_the_shards_of_a_silent_member_go_to_the_others_where_it_stood(
    engine: sa.Engine,
) -> None:
    first, second = members(engine, 2)
    for _ in range(3):
        first.say()
        second.say()
    first.deliver(7, hours=3)
    first.say()
    let_pass(engine, 6)
    second.say()
    let_pass(engine, 5)

    second.say()

    assert sizes([second]) == [12]
    assert Counter(shard.delivered for shard in second.held.values()) == {7: 6, 0: 6}
    first.say()
    assert first.held == {}
    second.say()
    second.say()
    first.say()
    assert sizes([first, second]) == [6, 6]


def test_the_progress_of_a_late_request_is_kept(engine: sa.Engine) -> None:
    first, second = members(engine, 2)
    first.say()
    let_pass(engine, 6)
    second.say()
    let_pass(engine, 6)
    second.say()
    first.deliver(9, hours=4)

    first.say()
    second.say()

    assert {shard.delivered for shard in second.held.values()} == {9}


def test_no_member_loses_shards_when_all_were_silent(engine: sa.Engine) -> None:
    first, second = members(engine, 2)
    for _ in range(3):
        first.say()
        second.say()
    held = dict(first.held), dict(second.held)

    let_pass(engine, 100)
    second.say()
    first.say()

    assert (first.held, second.held) == held


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_step_of_the_clock_of_the_store_neither_takes_shards_nor_keeps_them_for_ever(
    engine: sa.Engine, hours: int
) -> None:
    first, second = members(engine, 2)
    for _ in range(3):
        first.say()
        second.say()

    let_pass(engine, 3600 * hours)
    second.say()
    first.say()
    assert sizes([first, second]) == [6, 6]

    let_pass(engine, 6)
    second.say()
    let_pass(engine, 6)
    second.say()
    assert sizes([second]) == [12]


def test_the_clock_of_a_server_decides_and_not_that_of_its_clients(
    mariadb_engine: sa.Engine,
) -> None:
    (member,) = members(mariadb_engine, 1)
    hour_ahead = datetime.now(UTC) + timedelta(hours=1)

    def renewed(connection: sa.Connection) -> Lease:
        connection.exec_driver_sql(f"SET timestamp = {hour_ahead.timestamp()}")
        try:
            return renew(connection, LeaseRequest("other", "m1", 1, START), lasts=LASTS)
        finally:
            connection.exec_driver_sql("SET timestamp = DEFAULT")

    lease = transact(mariadb_engine, renewed)

    assert abs(lease.renewed_at - hour_ahead) < timedelta(seconds=1)
    assert lease.renewed_at - member.say().renewed_at > timedelta(minutes=59)


def test_a_member_that_leaves_or_restarts_releases_its_shards(engine: sa.Engine) -> None:
    first, second = members(engine, 2)
    first.say()
    second.say()
    first.deliver(3, hours=1)

    lease = first.say(stays=False)
    second.say()
    again = Member(engine, "m2").say()

    assert (lease.granted, lease.members) == ({}, 1)
    assert sizes([second]) == [12]
    assert again.granted == second.held


def test_finished_shards_have_no_holder_and_the_rest_is_shared_again(engine: sa.Engine) -> None:
    first, second = members(engine, 2)
    for _ in range(3):
        first.say()
        second.say()
    first.deliver(5, hours=9, finishes=True)

    left = first.say()
    second.say()
    second.say()
    first.say()

    assert (left.unfinished, left.granted) == (6, {})
    assert sizes([first, second]) == [3, 3]
    for member in (first, second):
        member.deliver(5, hours=9, finishes=True)
        member.say()
    assert Member(engine, "m3").say().unfinished == 0


def test_a_restart_begins_anew_unless_others_are_at_work(engine: sa.Engine) -> None:
    first, second = members(engine, 2)
    first.say()
    first.deliver(5, hours=9, finishes=True)
    first.say()

    beside = second.say(restarts=True)
    second.say(stays=False)
    first.say(stays=False)
    anew = Member(engine, "m3").say(restarts=True)

    assert (beside.generation, beside.unfinished) == (1, 0)
    assert (anew.generation, anew.unfinished, len(anew.granted)) == (2, SHARDS, SHARDS)
    assert set(anew.granted.values()) == {Progress()}
    # A request of the generation before says nothing about this one.
    first.generation, first.held = 1, {0: Progress(5, START, True)}
    assert first.say().unfinished == SHARDS


def test_all_follow_the_clock_of_the_first_and_a_new_one_begins_where_the_source_stands(
    engine: sa.Engine,
) -> None:
    first, second = members(engine, 2)

    begun = first.say()
    let_pass(engine, 7)
    joined = second.say()
    first.deliver(1, hours=5)
    first.say(stays=False)
    second.deliver(1, hours=6)
    second.say(stays=False)
    let_pass(engine, 3600)
    later = Member(engine, "m3").say()

    assert begun.event_at == joined.event_at == START
    assert joined.began_at == begun.began_at - timedelta(seconds=7)
    assert (begun.elapsed_seconds, round(joined.elapsed_seconds)) == (0, 7)
    assert (later.event_at, later.elapsed_seconds) == (START + timedelta(hours=5), 0)


def test_another_number_of_shards_is_refused(engine_sqlite: sa.Engine) -> None:
    Member(engine_sqlite, "m1").say()

    with pytest.raises(InvalidInputError, match="shared in 12 shards, not 13"):
        Member(engine_sqlite, "m2", shards=13).say()


def test_members_that_ask_at_once_never_hold_the_same_shard(engine: sa.Engine) -> None:
    all_members = members(engine, 4)

    def ask(member: Member) -> None:
        for _ in range(6):
            member.say()

    threads = [Thread(target=ask, args=(member,)) for member in all_members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for member in 3 * all_members:
        member.say()

    held = [shard for member in all_members for shard in member.held]
    assert sorted(held) == list(range(SHARDS))
    with reading(engine) as connection:
        stored = Counter(connection.scalars(sa.select(shard_leases.c.sender_id)))
    assert stored == {member.name: len(member.held) for member in all_members}


def test_of_a_replica_that_fell_silent_it_is_known_who_took_over(engine: sa.Engine) -> None:
    first, second, lost = all_members = members(engine, 3)
    for _ in range(3):
        for member in all_members:
            member.say()
    assert lost.held

    for _ in range(2):
        let_pass(engine, seconds=6)
        first.say()
        second.say()
    now = datetime.now(UTC)
    with writing(engine) as connection:
        for member in all_members:
            record_heartbeat(connection, member.name, is_finished=False, now=now)
        rows = {row["sender_id"]: row for row in list_senders(connection, limit=9)}

    assert rows["m3"]["taken_over_by"] == ["m1", "m2"]
    assert rows["m1"]["taken_over_by"] == []
    assert sender_state(rows["m3"], now + timedelta(seconds=16)) == TAKEN_OVER
    assert sender_state(rows["m1"], now + timedelta(seconds=16)) == SILENT
    assert sender_state(rows["m3"], now) == ACTIVE
