"""The shards of a replica, against leases that are granted as the test says."""

from __future__ import annotations

import time
from contextlib import closing

import numpy as np
import pytest

from data_sender.delivery.client import ApiUnavailableError
from data_sender.position import NameInUseError, Position, claim, claim_free
from data_sender.sharding.lease import NEVER, Lease, LeasedShards, LeaseRequest, ShardProgress
from data_sender.sharding.shard import FLARES
from solar.process import StopSignal

START = np.datetime64("2014-03-01", "us")
HOUR = np.timedelta64(1, "h")


class Leases:
    """A lease client that grants what the test sets, and keeps every request."""

    def __init__(self):
        self.grants = {}
        self.generation = 1
        self.lasts_seconds = 60.0
        self.is_unavailable = False
        self.requests = []

    def renew(self, request):
        self.requests.append(request)
        if self.is_unavailable:
            raise ApiUnavailableError("unavailable")
        return Lease(
            self.generation,
            self.grants,
            self.lasts_seconds,
            START,
            START,
            0.0,
            members=1,
            unfinished=len(self.grants),
            sent=0,
            sequence=0,
        )


@pytest.fixture
def stop():
    with closing(StopSignal()) as signal:
        yield signal


@pytest.fixture
def leases():
    return Leases()


@pytest.fixture
def leased(leases, stop):
    return LeasedShards(leases, stop, restarts=False)


def grant(leases, *numbers, delivered=0, through=NEVER):
    leases.grants = dict.fromkeys(numbers, ShardProgress(delivered, through))


def renew_now(leased):
    leased.finish(slice(0, 0))
    return leased.renew_if_due(leased.version)


def test_what_is_delivered_is_reported_and_rows_up_to_there_are_not_sent_again(leases, leased):
    grant(leases, 3, 4, through=START)
    leased.renew_if_due(0)
    shards, times = np.array([3, 4, 5, 3]), START + np.array([0, 1, 1, 2]) * HOUR

    undelivered = leased.undelivered(shards, times).tolist()
    leased.advance(np.array([3, 3, 4]), START + HOUR)
    renew_now(leased)

    assert undelivered == [False, True, False, True]
    assert leased.undelivered(shards, times).tolist() == [False, False, False, True]
    held = {3: ShardProgress(2, START + HOUR), 4: ShardProgress(1, START + HOUR)}
    assert leases.requests == [
        LeaseRequest(None, {}, stays=True, restarts=False),
        LeaseRequest(1, held, stays=True, restarts=False),
    ]
    assert leased.start_position(with_flares=False) == Position(0, START + HOUR)


def test_other_shards_end_a_pass_and_the_same_do_not(leases, leased):
    grant(leases, 1, 2)
    leased.renew_if_due(0)
    version = leased.version

    assert leased.renew_if_due(version)
    assert renew_now(leased)
    grant(leases, 1)
    assert not renew_now(leased)
    assert np.flatnonzero(leased.held).tolist() == [1]


def test_a_lease_that_has_run_out_is_renewed_before_anything_is_sent(leases, leased):
    leases.lasts_seconds = 0.05
    grant(leases, 1)
    leased.renew_if_due(0)
    version = leased.version
    time.sleep(0.06)
    grant(leases, 2)

    assert not leased.renew_if_due(version)
    assert len(leases.requests) == 2


def test_nothing_is_sent_while_the_api_is_unavailable_beyond_the_lease(leases, leased, stop):
    leases.is_unavailable = True
    stop.set()

    assert not leased.renew_if_due(0)
    assert leased.lease is None


def test_a_source_that_was_restarted_begins_anew(leases, leased):
    grant(leases, 1, delivered=9, through=START + 9 * HOUR)
    leased.renew_if_due(0)
    version = leased.version
    leases.generation = 2
    grant(leases, 1)

    assert not renew_now(leased)
    assert leased.version > version
    assert leased.start_position(with_flares=True) == Position()


def test_the_flares_have_a_shard_of_their_own(leases, leased):
    grant(leases, 1, FLARES, through=START)
    leased.renew_if_due(0)

    leased.advance(np.array([1]), START + 35 * HOUR)
    leased.cover(START + 32 * HOUR)

    assert leased.start_position(with_flares=True) == Position(
        0, START + 32 * HOUR, START + 8 * HOUR
    )
    leased.finish(slice(0, FLARES))
    assert leased.has_work
    leased.finish(slice(FLARES, None))
    assert not leased.has_work


def test_in_the_first_day_the_flares_are_read_from_the_beginning(leases, leased):
    grant(leases, 1, through=START + 23 * HOUR)
    leased.renew_if_due(0)

    assert leased.start_position(with_flares=True) == Position()
    leased.advance(np.array([1]), START + 24 * HOUR)
    assert leased.start_position(with_flares=True) == Position(0, START + 24 * HOUR, START)


def test_replicas_on_one_host_find_names_of_their_own_and_use_them_again(tmp_path):
    first, lock = claim_free(tmp_path, "replay-host")
    second, other = claim_free(tmp_path, "replay-host")
    with other, pytest.raises(NameInUseError):
        claim(tmp_path / "replay-host-2")
    lock.close()
    third, again = claim_free(tmp_path, "replay-host")
    again.close()

    assert (first, second, third) == ("replay-host-1", "replay-host-2", "replay-host-1")
