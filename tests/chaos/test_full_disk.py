"""A sender whose disk is full waits, and in the end nothing is missing."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import pytest
from chaos.proxy import CLEAR, CUT
from chaos.scenario import Program, Scenario
from chaos.senders import REGIONS, STEPS, start_senders

# A disk of its own, which nobody else sees and which goes with its process.
OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
ON_A_SMALL_DISK = (*OWN_MOUNTS, "sh", "-c", 'mount -t tmpfs -o size=256k small "$0" && exec "$@"')
FIRST_REGION = 900

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(scenario: Scenario) -> Path:
    """Where the sender keeps its spool and its position."""
    folder = scenario.folder / "sender"
    folder.mkdir(exist_ok=True)
    tried = subprocess.run([*ON_A_SMALL_DISK, folder, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"no small disk can be made here: {tried.stderr.decode().strip()}")
    return folder


def wait_for_word(program: Program, word: str) -> None:
    deadline = time.monotonic() + 60
    while word not in program.log.read_text():
        assert program.process is not None
        assert program.process.poll() is None, program.log.read_text()[-2000:]
        assert time.monotonic() < deadline, f"the sender never said {word!r}"
        time.sleep(0.05)


def test_a_sender_on_a_full_disk_waits_and_loses_nothing(
    scenario: Scenario, small_disk: Path
) -> None:
    scenario.roads["api"].set(CUT)
    group = start_senders(
        scenario, random.Random(1), regions_from=FIRST_REGION, n=1, speed="max",
        within=(*ON_A_SMALL_DISK, str(small_disk)),
    )  # fmt: skip
    (sender,) = scenario.senders
    wait_for_word(sender, "No space left on device")

    scenario.roads["api"].set(CLEAR)
    group.finish(scenario)

    assert len(group.expected()) == REGIONS * STEPS
    group.assert_is_stored(scenario)
