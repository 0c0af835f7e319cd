"""A sender whose disk is full waits, and in the end nothing is missing."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import pytest
from chaos.cast import REGIONS, STEPS, engage
from chaos.proxy import CLEAR, CUT
from chaos.theatre import Actor, Theatre

# A disk of its own, which nobody else sees and which goes with its process.
OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
ON_A_SMALL_DISK = (*OWN_MOUNTS, "sh", "-c", 'mount -t tmpfs -o size=256k small "$0" && exec "$@"')
FIRST_REGION = 900

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(theatre: Theatre) -> Path:
    """Where the sender keeps its spool and its position."""
    folder = theatre.folder / "sender"
    folder.mkdir(exist_ok=True)
    tried = subprocess.run([*ON_A_SMALL_DISK, folder, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"no small disk can be made here: {tried.stderr.decode().strip()}")
    return folder


def wait_for_word(actor: Actor, word: str) -> None:
    deadline = time.monotonic() + 60
    while word not in actor.log.read_text():
        assert actor.process is not None
        assert actor.process.poll() is None, actor.log.read_text()[-2000:]
        assert time.monotonic() < deadline, f"the sender never said {word!r}"
        time.sleep(0.05)


def test_a_sender_on_a_full_disk_waits_and_loses_nothing(
    theatre: Theatre, small_disk: Path
) -> None:
    theatre.roads["api"].set(CUT)
    cast = engage(
        theatre, random.Random(1), regions_from=FIRST_REGION, n=1, speed="max",
        within=(*ON_A_SMALL_DISK, str(small_disk)),
    )  # fmt: skip
    (sender,) = theatre.senders
    wait_for_word(sender, "No space left on device")

    theatre.roads["api"].set(CLEAR)
    cast.finish(theatre)

    assert len(cast.expected()) == REGIONS * STEPS
    cast.assert_is_stored(theatre)
