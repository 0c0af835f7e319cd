"""A process that hangs for long, and is not killed: others go on, and when it does, so does it."""

from __future__ import annotations

import logging
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
import sqlalchemy as sa
from chaos.scenario import Program, Scenario
from chaos.senders import Senders, start_senders
from ports import free_port

# What is promised (docs/operations.md), and what a loaded machine may add.
LONGEST_SECONDS, MARGIN_SECONDS = 10.0, 10.0
HANGS_SECONDS = 25.0

_log = logging.getLogger(__name__)
pytestmark = [pytest.mark.slow, pytest.mark.thorough]
_first_regions = count(500_000, 1_000)


def _rows(group: Senders, scenario: Scenario) -> float:
    return group.share_stored(scenario.engine)


def _stop_inside_a_transaction(scenario: Scenario, *, stop: Callable[[int], None]) -> None:
    """Stop and release a process until the store holds locks for it that nobody works on."""
    idle_locks = sa.text(
        "SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p"
        " ON p.id = t.trx_mysql_thread_id WHERE p.command = 'Sleep' AND t.trx_rows_locked > 0"
        " AND p.time_ms > 150"
    )
    for _ in range(200):
        stop(signal.SIGSTOP)
        time.sleep(0.2)
        with scenario.engine.connect() as connection:
            if connection.scalar(idle_locks):
                return
        stop(signal.SIGCONT)
        time.sleep(random.uniform(0.0, 0.1))
    pytest.fail("the process was never stopped inside a transaction")


def _longest_silence(group: Senders, scenario: Scenario, *, seconds: float) -> float:
    """Return the longest time without a new row, or until all are there [s]."""
    began = changed_at = time.monotonic()
    longest, share = 0.0, _rows(group, scenario)
    while (now := time.monotonic()) < began + seconds and share < 1:
        time.sleep(0.1)
        newest = _rows(group, scenario)
        if newest > share:
            share, changed_at = newest, now
        longest = max(longest, now - changed_at)
    _log.warning("the longest time without a new row was %.1f s", longest)
    return longest


def _start(scenario: Scenario) -> Senders:
    first = next(_first_regions)
    # So slow that rows come for as long as a process hangs.
    return start_senders(scenario, random.Random(first), regions_from=first, speed=3_600)


def test_a_worker_that_hangs_inside_a_transaction_holds_nobody_up(scenario: Scenario) -> None:
    group = _start(scenario)
    worker = scenario.api.children[0]

    _stop_inside_a_transaction(scenario, stop=lambda number: os.kill(worker, number))
    silence = _longest_silence(group, scenario, seconds=HANGS_SECONDS)

    # Its server may have ended it meanwhile.
    if worker in scenario.api.children:
        os.kill(worker, signal.SIGCONT)
    group.finish(scenario)
    scenario.wait_until_ready()
    group.assert_is_stored(scenario)
    assert silence < LONGEST_SECONDS + MARGIN_SECONDS


def test_an_api_on_another_host_that_hangs_inside_a_transaction_holds_nobody_up(
    scenario: Scenario,
) -> None:
    port = str(free_port())
    environment = {**scenario.api.environment, "FLARE_API_PORT": port}
    other = Program(scenario.api.command, environment, scenario.folder / "other-api.log")
    other.start()
    scenario.wait_until_ready(f"http://127.0.0.1:{port}")
    group = _start(scenario)
    sender = scenario.senders[0]
    sender.kill()
    moved = replace(
        sender, environment={**sender.environment, "FLARE_API_URL": f"http://127.0.0.1:{port}"}
    )
    scenario.senders[0] = group.senders[next(iter(group.senders))] = moved
    moved.start()
    try:
        _stop_inside_a_transaction(scenario, stop=other.signal)
        silence = _longest_silence(group, scenario, seconds=HANGS_SECONDS)
        other.signal(signal.SIGCONT)
        group.finish(scenario)
    finally:
        other.kill()

    group.assert_is_stored(scenario)
    assert silence < LONGEST_SECONDS + MARGIN_SECONDS
