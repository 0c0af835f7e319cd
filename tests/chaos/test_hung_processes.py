"""A process that hangs for long, and is not killed: others go on, and when it does, so does it."""

from __future__ import annotations

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
# So long may a loaded machine take for the next batch.
NEXT_SECONDS = 30.0
_IDLE_LOCKS = sa.text(
    "SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p"
    " ON p.id = t.trx_mysql_thread_id WHERE p.command = 'Sleep' AND t.trx_rows_locked > 0"
    " AND p.time_ms > 150"
)

pytestmark = [pytest.mark.slow, pytest.mark.thorough]
_first_regions = count(500_000, 1_000)


def _rows(group: Senders, scenario: Scenario) -> float:
    return group.share_stored(scenario.engine)


def _stop_inside_a_transaction(scenario: Scenario, *, stop: Callable[[int], None]) -> None:
    """Stop and release a process until the store holds locks for it that nobody works on."""
    for _ in range(200):
        stop(signal.SIGSTOP)
        time.sleep(0.2)
        if _has_idle_locks(scenario):
            return
        stop(signal.SIGCONT)
        time.sleep(random.uniform(0.0, 0.1))
    pytest.fail("the process was never stopped inside a transaction")


def _has_idle_locks(scenario: Scenario) -> bool:
    with scenario.engine.connect() as connection:
        return bool(connection.scalar(_IDLE_LOCKS))


def _wait_until_others_go_on(group: Senders, scenario: Scenario) -> None:
    """Wait until nothing is locked for the hung process, and then for new rows, or the last."""
    _wait(lambda: not _has_idle_locks(scenario), LONGEST_SECONDS + MARGIN_SECONDS, "still locked")
    share = _rows(group, scenario)
    _wait(lambda: _rows(group, scenario) > share or share == 1, NEXT_SECONDS, "no new row came")


def _wait(is_true: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)


def _start(scenario: Scenario) -> Senders:
    first = next(_first_regions)
    # So slow that rows come for as long as a process hangs.
    return start_senders(scenario, random.Random(first), regions_from=first, speed=3_600)


def test_a_worker_that_hangs_inside_a_transaction_holds_nobody_up(scenario: Scenario) -> None:
    group = _start(scenario)
    worker = scenario.api.children[0]

    _stop_inside_a_transaction(scenario, stop=lambda number: os.kill(worker, number))
    _wait_until_others_go_on(group, scenario)

    # Its server may have ended it meanwhile.
    if worker in scenario.api.children:
        os.kill(worker, signal.SIGCONT)
    group.finish(scenario)
    scenario.wait_until_ready()
    group.assert_is_stored(scenario)


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
        _wait_until_others_go_on(group, scenario)
        other.signal(signal.SIGCONT)
        group.finish(scenario)
    finally:
        other.kill()

    group.assert_is_stored(scenario)
