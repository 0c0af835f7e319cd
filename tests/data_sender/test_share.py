"""A share against an office that answers as the test says."""

from __future__ import annotations

import time
from contextlib import closing

import numpy as np
import pytest

from data_sender.delivery.client import ApiAwayError
from data_sender.position import NameInUseError, Position, claim, claim_free
from data_sender.sharding.lease import NEVER, Lease, Progress
from data_sender.sharding.shard import FLARES
from data_sender.sharding.share import Share
from data_sender.stop import StopSignal

START = np.datetime64("2014-03-01", "us")
HOUR = np.timedelta64(1, "h")


class Office:
    """Grants what it is told to, and remembers every word."""

    def __init__(self):
        self.grants = {}
        self.generation = 1
        self.lasts_seconds = 60.0
        self.is_away = False
        self.words = []

    def ask(self, generation, held, *, stays, restarts):
        self.words.append((generation, dict(held), stays, restarts))
        if self.is_away:
            raise ApiAwayError("away")
        return Lease(
            self.generation, self.grants, self.lasts_seconds, START, START, 0.0,
            members=1, unfinished=len(self.grants), sent=0, sequence=0,
        )  # fmt: skip


@pytest.fixture
def stop():
    with closing(StopSignal()) as signal:
        yield signal


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def share(office, stop):
    return Share(office, stop, restarts=False)


def grant(office, *numbers, delivered=0, through=NEVER):
    office.grants = dict.fromkeys(numbers, Progress(delivered, through))


def ask_now(share):
    share.finish(slice(0, 0))
    return share.is_still(share.version)


def test_what_is_delivered_is_told_and_rows_up_to_there_are_not_wanted_again(office, share):
    grant(office, 3, 4, through=START)
    share.is_still(0)
    shards, times = np.array([3, 4, 5, 3]), START + np.array([0, 1, 1, 2]) * HOUR

    wanted = share.wants(shards, times).tolist()
    share.advance(np.array([3, 3, 4]), START + HOUR)
    ask_now(share)

    assert wanted == [False, True, False, True]
    assert share.wants(shards, times).tolist() == [False, False, False, True]
    told = {3: Progress(2, START + HOUR), 4: Progress(1, START + HOUR)}
    assert office.words == [(None, {}, True, False), (1, told, True, False)]
    assert share.begin(with_flares=False) == Position(0, START + HOUR)


def test_other_shards_end_a_pass_and_the_same_do_not(office, share):
    grant(office, 1, 2)
    share.is_still(0)
    version = share.version

    assert share.is_still(version)
    assert ask_now(share)
    grant(office, 1)
    assert not ask_now(share)
    assert np.flatnonzero(share.held).tolist() == [1]


def test_a_lease_that_has_run_out_is_asked_for_before_anything_is_sent(office, share):
    office.lasts_seconds = 0.05
    grant(office, 1)
    share.is_still(0)
    version = share.version
    time.sleep(0.06)
    grant(office, 2)

    assert not share.is_still(version)
    assert len(office.words) == 2


def test_nothing_is_sent_while_the_api_is_away_beyond_the_lease(office, share, stop):
    office.is_away = True
    stop.set()

    assert not share.is_still(0)
    assert share.lease is None


def test_a_source_that_was_restarted_begins_anew(office, share):
    grant(office, 1, delivered=9, through=START + 9 * HOUR)
    share.is_still(0)
    version = share.version
    office.generation = 2
    grant(office, 1)

    assert not ask_now(share)
    assert share.version > version
    assert share.begin(with_flares=True) == Position()


def test_the_flares_have_a_shard_of_their_own(office, share):
    grant(office, 1, FLARES, through=START)
    share.is_still(0)

    share.advance(np.array([1]), START + 5 * HOUR)
    share.cover(START + 2 * HOUR)

    assert share.begin(with_flares=True) == Position(0, START + 2 * HOUR, START + 2 * HOUR)
    share.finish(slice(0, FLARES))
    assert share.has_work
    share.finish(slice(FLARES, None))
    assert not share.has_work


def test_replicas_on_one_host_find_names_of_their_own_and_use_them_again(tmp_path):
    first, lock = claim_free(tmp_path, "replay-host")
    second, other = claim_free(tmp_path, "replay-host")
    with other, pytest.raises(NameInUseError):
        claim(tmp_path / "replay-host-2")
    lock.close()
    third, again = claim_free(tmp_path, "replay-host")
    again.close()

    assert (first, second, third) == ("replay-host-1", "replay-host-2", "replay-host-1")
