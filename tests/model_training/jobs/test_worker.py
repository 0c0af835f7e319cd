"""What becomes of a run when its job ends, is stopped, obeys or not, or dies; all in processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from running_lab import DEAF, KEEPING, PATIENT, Lab, job_of, running_lab, wait_until

from app.settings import LabSettings
from database.engine import reading
from database.schema.lab_tables import workers
from model_training.jobs.celery_app import make_celery
from model_training.jobs.worker import TASK

# A third of the real times; a lease that is over is seen within two seconds.
LEASE_SECONDS, SEEN_SECONDS = 10, 2
LONGER_TIMES = {
    "FLARE_LAB_LEASE_SECONDS": str(LEASE_SECONDS),
    "FLARE_LAB_CLAIM_SECONDS": "7",
    "FLARE_LAB_GRACE_SECONDS": "10",
}


@pytest.fixture
def steady(lab: Lab) -> subprocess.Popen[bytes]:
    return lab.steady_worker()


@pytest.mark.usefixtures("steady")
def test_a_run_succeeds_and_its_files_log_and_events_are_outputs(lab: Lab) -> None:
    run_id = lab.run()

    run = lab.wait_for(run_id, "succeeded", "failed")

    outputs = lab.outputs(run_id)
    assert run.reason is None
    assert {"log.txt", "events.jsonl", "windows-0.0.1/model.onnx"} <= outputs.keys()
    assert lab.content(outputs["log.txt"]).decode() in lab.log(run_id)
    assert lab.content(outputs["events.jsonl"]).decode() == lab.log(run_id, 1, "events")
    assert "M1.0" in (run.headline or {})
    assert lab.attempts(run_id)[0].libraries["numpy"]
    wait_until(lambda: not lab.work_folders)


@pytest.mark.thorough
@pytest.mark.usefixtures("steady")
def test_a_stopped_run_keeps_its_checkpoints_and_goes_on_from_them(lab: Lab) -> None:
    run_id = lab.run(PATIENT)
    lab.wait_for_step(run_id)

    lab.stop(run_id)
    lab.wait_for(run_id, "cancelled")
    kept = lab.checkpoints(run_id)
    lab.restart(run_id)
    wait_until(lambda: len(lab.attempts(run_id)) == 2 and lab.steps(run_id, 2))
    lab.stop(run_id)

    run = lab.wait_for(run_id, "cancelled", "failed")
    assert (run.state, run.attempt) == ("cancelled", 2)
    assert lab.steps(run_id, 2)[0] >= lab.steps(run_id, 1)[-1] > 1
    assert [name for name in kept if name.startswith("checkpoints/")]


def test_a_job_that_is_killed_has_failed_within_seconds(
    lab: Lab, steady: subprocess.Popen[bytes]
) -> None:
    run_id = lab.run(DEAF)
    lab.wait_for_step(run_id)
    job = job_of(steady)
    (sleeper,) = job.children()
    assert job.nice() == 1
    assert os.getsid(job.pid) == job.pid

    job.kill()
    killed_at = time.monotonic()

    run = lab.wait_for(run_id, "failed")
    assert time.monotonic() - killed_at < 8
    assert run.reason == "killed by SIGKILL (out of memory?)"
    assert "reading the data" in lab.log(run_id)
    wait_until(lambda: not sleeper.is_running())
    wait_until(lambda: not lab.work_folders)


@pytest.mark.thorough
def test_a_job_that_does_not_obey_is_killed_with_all_that_it_started(
    lab: Lab, steady: subprocess.Popen[bytes]
) -> None:
    run_id = lab.run(DEAF)
    lab.wait_for_step(run_id)
    (sleeper,) = job_of(steady).children()

    lab.stop(run_id)

    run = lab.wait_for(run_id, "cancelled", "failed", seconds=15)
    assert run.state == "cancelled"
    wait_until(lambda: not sleeper.is_running())


@pytest.mark.thorough
@pytest.mark.usefixtures("steady")
def test_a_run_that_takes_too_long_has_timed_out(lab: Lab) -> None:
    run_id = lab.run(DEAF, time_limit_s=1)

    run = lab.wait_for(run_id, "timed_out", "failed", "cancelled")

    assert run.state == "timed_out"
    assert (run.reason or "").startswith("took longer than 1 s")


def test_a_worker_that_is_told_to_end_hands_its_run_to_the_next_one(
    lab: Lab, steady: subprocess.Popen[bytes]
) -> None:
    run_id = lab.run(PATIENT)
    lab.wait_for_step(run_id)

    steady.terminate()

    assert steady.wait(20) == 0, lab.about()
    assert lab.attempts(run_id)[0].outcome == "handed_back"
    assert lab.read(run_id).state == "queued"
    with lab.worker_process() as next_one:
        wait_until(lambda: len(lab.attempts(run_id)) == 2 and lab.steps(run_id, 2))
        job = job_of(next_one)
        assert lab.steps(run_id, 2)[0] > 1

        next_one.kill()

        lab.wait_for(run_id, "lost", seconds=10)
        wait_until(lambda: not job.is_running())
        lab.stop(run_id)


@pytest.mark.thorough
def test_a_job_goes_on_while_the_api_is_away_and_nothing_of_its_log_is_lost(
    tmp_path: Path, plugins: str
) -> None:
    with running_lab(tmp_path, PYTHONPATH=plugins) as lab, lab.worker_process() as worker:
        run_id = lab.run(PATIENT)
        lab.wait_for_step(run_id)
        lab.stop_api()
        reported = lab.attempts(run_id)[0].event_bytes
        events = lab.folder.joinpath("lab", "work", f"{run_id}.1", "journal", "events.jsonl")
        wait_until(lambda: events.stat().st_size > reported + 1000)
        assert worker.poll() is None

        with lab.serving():
            wait_until(lambda: lab.attempts(run_id)[0].event_bytes > reported)
            lab.stop(run_id)

            assert lab.wait_for(run_id, "cancelled", "failed", "lost").state == "cancelled"
            whole = lab.content(lab.outputs(run_id)["events.jsonl"]).decode()
            assert whole.startswith(lab.log(run_id, 1, "events"))
            assert lab.attempts(run_id)[0].event_bytes == len(whole.encode())


@pytest.mark.thorough
def test_a_job_that_was_lost_is_found_again_and_ends_itself_when_its_attempt_is_over(
    lab: Lab, steady: subprocess.Popen[bytes]
) -> None:
    run_id = lab.run(PATIENT)
    lab.wait_for_step(run_id)
    job = job_of(steady)

    job.suspend()
    lost = lab.wait_for(run_id, "lost", seconds=10)
    job.resume()
    found = lab.wait_for(run_id, "running")
    job.suspend()
    lab.wait_for(run_id, "lost", seconds=10)
    lab.stop(run_id)
    job.resume()

    assert (lost.reason or "").startswith("no word from its job")
    assert (found.attempt, found.reason) == (1, "found again")
    wait_until(lambda: not job.is_running() and not lab.work_folders)
    assert lab.read(run_id).state == "cancelled"


@pytest.mark.thorough
def test_a_forged_message_begins_nothing_and_keeps_no_worker_from_its_next_run(
    lab: Lab, steady: subprocess.Popen[bytes]
) -> None:
    celery = make_celery("", lab.folder)
    with reading(lab.engine) as connection:
        newest = sa.select(workers.c.worker_id).order_by(workers.c.last_seen_at.desc()).limit(1)
        queue = f"worker.{connection.execute(newest).scalar_one()}"
    draft = lab.run(start=False)

    celery.send_task("flarewatch.other", queue=queue)
    celery.send_task(TASK, queue=queue, task_id="forged")
    celery.send_task(TASK, queue=queue, task_id="pickled", serializer="pickle")
    celery.send_task(TASK, kwargs={"run_id": draft, "attempt": 1}, queue=queue, task_id="own")
    (lab.folder / f"lab/broker/messages/1_empty.{queue}.msg").touch()

    assert lab.wait_for(lab.run(), "running", "failed").reason is None
    assert steady.poll() is None
    assert (lab.read(draft).state, lab.attempts(draft)) == ("draft", [])


@pytest.mark.thorough
def test_a_worker_that_can_no_longer_read_its_queue_finishes_its_run_and_ends(lab: Lab) -> None:
    messages = lab.folder / "lab/broker/messages"
    with lab.worker_process() as worker:
        run_id = lab.run()
        lab.wait_for(run_id, "running")

        moved = messages.rename(messages.with_name("moved"))

        assert worker.wait(30) != 0
    moved.rename(messages)
    assert lab.read(run_id).state == "succeeded"
    assert "no run is taken any more" in lab.about()


@pytest.mark.thorough
def test_a_second_signal_ends_a_worker_whose_job_goes_on(lab: Lab) -> None:
    with lab.worker_process() as worker:
        run_id = lab.run(DEAF)
        lab.wait_for_step(run_id)
        job = job_of(worker)
        (sleeper,) = job.children()
        before = lab.about().count("draining")
        worker.terminate()
        wait_until(lambda: lab.about().count("draining") > before)

        worker.terminate()

        assert worker.wait(20) == 0, lab.about()
        assert lab.attempts(run_id)[0].outcome == "handed_back"
        wait_until(lambda: not job.is_running() and not sleeper.is_running())
        lab.stop(run_id)


@pytest.mark.thorough
def test_nothing_is_left_of_a_worker_whose_processes_are_killed(lab: Lab) -> None:
    with lab.worker_process() as worker:
        run_id = lab.run(PATIENT)
        lab.wait_for_step(run_id)
        all_of_it = psutil.Process(worker.pid).children(recursive=True)

        os.killpg(worker.pid, signal.SIGKILL)

        wait_until(lambda: not any(one.is_running() for one in all_of_it))
        lab.wait_for(run_id, "lost", seconds=10)
        lab.stop(run_id)


@pytest.mark.thorough
def test_a_run_whose_worker_died_is_lost_when_its_lease_is_over_and_restarts_by_itself(
    tmp_path: Path, plugins: str
) -> None:
    with running_lab(tmp_path, PYTHONPATH=plugins, **LONGER_TIMES) as lab:
        with lab.worker_process() as worker:
            run_id = lab.run(PATIENT)
            lab.wait_for_step(run_id)
            worker.kill()
            killed_at = time.monotonic()
        lab.wait_for(run_id, "lost")
        # What a loaded machine may add is 3 s.
        assert time.monotonic() - killed_at < LEASE_SECONDS + SEEN_SECONDS + 3
        with lab.worker_process():
            wait_until(lambda: len(lab.attempts(run_id)) == 2, seconds=60)
    # The 32 s of docs/workers.md.
    assert LabSettings(_env_file=None).lab_lease_seconds + SEEN_SECONDS == 32


@pytest.mark.thorough
def test_checkpoints_are_delivered_now_and_then_and_found_by_a_restart_elsewhere(
    tmp_path: Path, plugins: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "lab").mkdir(parents=True)
    with running_lab(tmp_path, PYTHONPATH=plugins) as lab:
        with lab.worker_process():
            run_id = lab.run(KEEPING)
            wait_until(lambda: lab.checkpoints(run_id), about=lab.about)
            kept, began = set(), time.monotonic()
            while time.monotonic() - began < 5:
                kept |= {one.sha256 for one in lab.checkpoints(run_id).values()}
                time.sleep(0.05)
        # Of some hundred checkpoints those of every other second.
        assert 2 <= len(kept) <= 4
        last = max(int(lab.content(one)) for one in lab.checkpoints(run_id).values())
        (elsewhere / "lab" / "broker").symlink_to(tmp_path / "lab" / "broker")
        lab.extra = {**lab.extra, "FLARE_DATA_DIR": str(elsewhere)}
        with lab.worker_process():
            wait_until(lambda: lab.steps(run_id, 2), about=lab.about)
            assert lab.steps(run_id, 2)[0] == last + 1
            lab.stop(run_id)


@pytest.mark.thorough
def test_a_worker_that_is_told_to_end_waits_for_its_jobs_no_longer_than_it_may(lab: Lab) -> None:
    with lab.worker_process() as worker:
        run_id = lab.run(DEAF)
        lab.wait_for_step(run_id)
        job = job_of(worker)
        told_at = time.monotonic()

        worker.terminate()

        # The job is asked to stop as well, and killed by itself after the grace of 3 s.
        assert worker.wait(20) == 0, lab.about()
        assert time.monotonic() - told_at < 12
        assert not job.is_running()
        assert lab.read(run_id).state == "queued"
        lab.stop(run_id)


@pytest.mark.thorough
def test_a_run_whose_host_comes_back_before_the_restart_is_found_again(lab: Lab) -> None:
    with lab.worker_process() as worker:
        run_id = lab.run(PATIENT)
        lab.wait_for_step(run_id)
        every = [psutil.Process(worker.pid), job_of(worker)]
        for process in every:
            process.suspend()
        lab.wait_for(run_id, "lost", seconds=10)
        told = len(lab.steps(run_id, 1))

        for process in every:
            process.resume()

        assert lab.wait_for(run_id, "running", seconds=5).reason == "found again"
        wait_until(lambda: len(lab.steps(run_id, 1)) > told)
        assert [one.attempt for one in lab.attempts(run_id)] == [1]
        lab.stop(run_id)
        lab.wait_for(run_id, "cancelled")
