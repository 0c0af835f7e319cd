"""A large batch of a replay at full speed goes as two posts at once, each with its own regions."""

from __future__ import annotations

import itertools
import signal
import time

import numpy as np
import orjson
import pytest

REGIONS, HOURS, BATCH = 20, 100, 500
ROWS = REGIONS * HOURS


@pytest.fixture
def table(write_table):
    hour = np.timedelta64(1, "h")
    times = np.datetime64("2014-03-01", "us") + np.arange(HOURS) * hour
    columns = {
        "t_rec": np.tile(times, REGIONS),
        "harpnum": np.repeat(np.arange(REGIONS) + 3700, HOURS),
        "noaa_ar": np.repeat(np.arange(REGIONS) + 11900, HOURS),
        "USFLUX": np.linspace(1e22, 2e22, ROWS),
        "TOTUSJH": np.linspace(100.0, 900.0, ROWS),
        "licence": ["MIT"] * ROWS,
    }
    return write_table(**columns)


def row_numbers(api):
    """Return the row under each number, which is the same in every post."""
    found = {}
    for sender, keys in zip(api.senders, api.posts, strict=True):
        numbers = range(sender["sent"] - len(keys) + 1, sender["sent"] + 1)
        for number, key in zip(numbers, keys, strict=True):
            assert found.setdefault(number, key) == key
    return found


def test_the_parts_of_a_batch_share_no_region_and_leave_at_the_same_time(api, sender, table):
    api.delay_seconds = 0.1

    status, summary, _ = sender.run("replay", table, "--batch", BATCH)

    assert (status, summary["accepted"], summary["sent"]) == (0, ROWS, ROWS)
    # The first post of a count comes alone, then three batches in two parts.
    assert len(api.posts) == 7
    for at in (1, 3, 5):
        one, other = ({harp for harp, _ in api.posts[place]} for place in (at, at + 1))
        assert not one & other
        assert sum(api.sizes[at : at + 2]) == BATCH
        assert abs(api.sizes[at] - api.sizes[at + 1]) <= 2 * BATCH / REGIONS
        assert api.arrivals[at + 1] - api.arrivals[at] < 0.08
    assert sorted(s["sequence"] for s in api.senders) == list(range(1, 8))
    assert sorted(row_numbers(api)) == list(range(1, ROWS + 1))


def test_the_rows_of_a_region_stay_in_order(api, sender, table):
    sender.run("replay", table, "--batch", BATCH)

    keys = sorted(itertools.chain.from_iterable(api.posts), key=lambda key: key[0])
    assert len(keys) == ROWS
    for _, of_region in itertools.groupby(keys, key=lambda key: key[0]):
        times = [at for _, at in of_region]
        assert times == sorted(times)


@pytest.mark.parametrize("options", [("--batch", 300), ("--clock", "wall", "--speed", 1e9)])
def test_small_batches_and_those_of_a_limited_speed_stay_one_post(api, sender, table, options):
    sender.run("replay", table, *options)

    sent = [s["sent"] for s in api.senders]
    assert sent == list(itertools.accumulate(api.sizes))
    assert all(len({at for _, at in keys}) * REGIONS == len(keys) for keys in api.posts)


def test_parts_are_halved_and_waited_for_and_their_refused_rows_are_written_down(
    api, sender, table
):
    api.largest_batch = 200
    api.answers.extend([({"title": "Too many", "status": 429}, 429, {"Retry-After": "0"})] * 3)

    status, summary, _ = sender.run("replay", table, "--batch", BATCH)

    assert (status, summary["accepted"], summary["spooled"]) == (0, ROWS, 0)
    assert max(api.sizes) <= 200
    assert sorted(row_numbers(api)) == list(range(1, ROWS + 1))


def test_a_part_that_a_kill_left_behind_comes_under_the_numbers_it_had(
    api, sender, table, wait_until
):
    api.delay_seconds = 0.1
    process = sender.start("replay", table, "--batch", BATCH)
    wait_until(lambda: api.stored)
    api.answers.append(({"title": "Busy", "status": 429}, 429, {"Retry-After": "60"}))
    wait_until(lambda: not api.answers and len(api.stored) % BATCH)
    process.kill()
    process.communicate()
    stored = len(api.stored)

    # It is cut as before, although the batches are of another size and at a pace now.
    status, _, _ = sender.run("replay", table, "--batch", 700, "--clock", "wall", "--speed", 1e9)

    assert stored % BATCH
    assert (status, len(api.stored)) == (0, ROWS)
    assert sorted(row_numbers(api)) == list(range(1, ROWS + 1))


def test_parts_without_an_answer_at_the_stop_go_to_the_spool(api, sender, table, wait_until):
    api.delay_seconds = 0.2
    process = sender.start("replay", table, "--batch", BATCH)
    wait_until(lambda: api.stored)
    api.delay_seconds = 30.0
    wait_until(lambda: time.monotonic() - api.arrivals[-1] > 0.3)

    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    stdout, log = process.communicate(timeout=15)
    seconds = time.monotonic() - began
    api.delay_seconds = 0.0
    summary = orjson.loads(stdout)
    (position,) = orjson.loads(sender.own("position.json").read_bytes())["sources"].values()
    status, rest, _ = sender.run("replay", table, "--batch", BATCH)

    assert (process.returncode, status) == (0, 0)
    assert seconds < 8
    assert b"Traceback" not in log
    assert summary["spooled"] == BATCH
    assert summary["handed_over"] == summary["sent"] + BATCH
    assert position["batch"] == 0
    assert rest["accepted"] == ROWS - summary["accepted"]
    assert sorted(row_numbers(api)) == list(range(1, ROWS + 1))
