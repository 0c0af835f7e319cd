"""Runs that travel through Redis, which goes, comes back empty, and loses no run."""

from __future__ import annotations

from pathlib import Path

from processes import free_port
from redis_server import redis_server
from running_lab import LONG_GRU, running_lab, wait_until


def test_a_redis_that_comes_back_empty_delays_runs_and_loses_none(tmp_path: Path) -> None:
    port = free_port()
    with (
        running_lab(tmp_path, broker=f"redis://127.0.0.1:{port}/0") as lab,
        lab.worker_process("--slots", "2", is_ready=False) as worker,
    ):
        with redis_server(port):
            run_id = lab.run(LONG_GRU)
            lab.wait_for_step(run_id)
        steps = len(lab.steps(run_id, 1))

        wait_until(lambda: len(lab.steps(run_id, 1)) > steps + 100)
        waiting = lab.run()
        assert lab.read(waiting).state in ("queued", "published")

        with redis_server(port):
            assert lab.wait_for(waiting, "succeeded", "failed").reason is None
            lab.stop(run_id)
            assert lab.wait_for(run_id, "cancelled", "failed", "lost").state == "cancelled"
            assert len(lab.attempts(run_id)) == 1
            worker.terminate()
            assert worker.wait(20) == 0, lab.about()
