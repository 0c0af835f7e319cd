"""A sender whose disk is full waits, and in the end nothing is missing."""

from __future__ import annotations

import random
import time

import pytest
from chaos.proxy import CLEAR, CUT
from chaos.scenario import Program, Scenario
from chaos.senders import REGIONS, STEPS, start_senders
from small_disk import on_a_small_disk

FIRST_REGION = 900

pytestmark = pytest.mark.slow


def wait_for_word(program: Program, word: str) -> None:
    deadline = time.monotonic() + 60
    while word not in program.log.read_text():
        assert program.process is not None
        assert program.process.poll() is None, program.log.read_text()[-2000:]
        assert time.monotonic() < deadline, f"the sender never said {word!r}"
        time.sleep(0.05)


def test_a_sender_on_a_full_disk_waits_and_loses_nothing(
    scenario: Scenario,
) -> None:
    within = on_a_small_disk(scenario.folder / "sender", size="256k")
    scenario.roads["api"].set(CUT)
    group = start_senders(
        scenario, random.Random(1), regions_from=FIRST_REGION, n=1, speed="max",
        within=within,
    )  # fmt: skip
    (sender,) = scenario.senders
    wait_for_word(sender, "No space left on device")

    scenario.roads["api"].set(CLEAR)
    group.finish(scenario)

    assert len(group.expected()) == REGIONS * STEPS
    group.assert_is_stored(scenario)
