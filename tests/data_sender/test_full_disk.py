"""A sender whose disk or log is full waits, or ends with a message of its own; it loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_disk import clear, on_a_small_disk

ROWS = 40


def test_a_sender_whose_log_is_full_sends_everything_and_says_that_it_is_done(
    api: Any, sender: Any, write_table: Callable[..., Path]
) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "data_sender", "replay", str(write_table())]
        environment = {**os.environ, "FLARE_API_URL": api.url, "FLARE_DATA_DIR": str(sender.folder)}
        done = subprocess.run(command, env=environment, stdout=full, stderr=full, check=False)

    assert done.returncode == 0
    assert len(api.stored) == ROWS


@pytest.mark.parametrize("has_space_again", [True, False])
def test_a_sender_that_cannot_write_down_what_was_rejected_waits_for_space(
    api: Any, sender: Any, write_table: Callable[..., Path], *, has_space_again: bool
) -> None:
    table = write_table(USFLUX=np.where(np.arange(ROWS) == 7, -1.0, 1e22))
    folder = sender.own("")
    within = on_a_small_disk(folder, size="64k", is_full=True)
    process = sender.start("replay", table, within=within)

    log = process.stderr.readline()
    while b"rejected.jsonl: No space left on device" not in log:
        assert log, "the sender ended"
        log = process.stderr.readline()
    if has_space_again:
        clear(process.pid, folder)
    else:
        process.terminate()
    _, rest = process.communicate(timeout=30)

    assert len(api.stored) == ROWS - 1
    assert process.returncode == (0 if has_space_again else 6), rest.decode()
    assert has_space_again or b"nothing is lost, start again when there is space" in rest
