"""Runs that travel through Redis, which goes, comes back empty, and loses no run."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from processes import free_port
from redis_server import redis_server
from running_lab import PATIENT, running_lab, wait_until


@pytest.mark.thorough
def test_a_redis_that_comes_back_empty_delays_runs_and_loses_none(
    tmp_path: Path, plugins: str
) -> None:
    port = free_port()
    broker = f"redis://127.0.0.1:{port}/0"
    with running_lab(tmp_path, broker=broker, PYTHONPATH=plugins) as lab, ExitStack() as processes:
        with redis_server(port):
            worker = processes.enter_context(lab.worker_process("--slots", "2"))
            run_id = lab.run(PATIENT)
            lab.wait_for_step(run_id)
        steps = len(lab.steps(run_id, 1))
        waiting = lab.run()

        wait_until(lambda: len(lab.steps(run_id, 1)) > steps + 100)

        assert lab.read(waiting).state in ("queued", "published")
        with redis_server(port):
            assert lab.wait_for(waiting, "succeeded", "failed").reason is None
            lab.stop(run_id)
            assert lab.wait_for(run_id, "cancelled", "failed", "lost").state == "cancelled"
            assert len(lab.attempts(run_id)) == 1
            worker.terminate()
            assert worker.wait(20) == 0, lab.about()
