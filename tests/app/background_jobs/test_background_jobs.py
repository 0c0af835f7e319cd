from __future__ import annotations

import threading
import time
from datetime import date, timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from served_windows import MakeApp
from stored_rows import let_rows_come

from app.background_jobs.jobs import JOBS, verify
from app.background_jobs.scheduler import Job, Scheduler
from app.services import Services
from database.engine import writing
from database.named_lock import named_lock
from database.rollup_days import mark_stale, stale_marks
from database.schema.rollup_tables import verification_stale
from solar.errors import StoreUnavailableError


def test_verification_follows_without_anyone_asking_for_it(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    with writing(engine_sqlite) as connection:
        mark_stale(connection, [date(2024, 5, 1)])
    done = threading.Event()

    def after(_running: Services) -> None:
        done.set()

    jobs = (Job("verification", 60, verify), Job("after", 60, after))
    scheduler = Scheduler(make_app(engine_sqlite), jobs)
    scheduler.start()
    assert done.wait(10)
    scheduler.stop()

    with writing(engine_sqlite) as connection:
        assert stale_marks(connection, verification_stale, 10) == {}


def test_a_job_that_fails_is_logged_and_keeps_no_other_from_its_turn(
    engine_sqlite: sa.Engine, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    done = threading.Event()

    def fail(_running: Services) -> None:
        raise StoreUnavailableError("the store does not answer")

    def work(_running: Services) -> None:
        done.set()

    scheduler = Scheduler(
        make_app(engine_sqlite), (Job("failing", 60, fail), Job("working", 60, work))
    )
    scheduler.start()
    assert done.wait(10)
    scheduler.stop()

    assert "failing: the store does not answer" in caplog.text


def test_a_job_that_never_failed_is_counted_as_zero(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    jobs = [*JOBS, Job("of another channel", 60, lambda _: None)]

    Scheduler(make_app(engine_sqlite), jobs)

    counted = {
        job.name: REGISTRY.get_sample_value("flarewatch_job_failures_total", {"job": job.name})
        for job in jobs
    }
    assert counted == {
        "verification": 0, "alerts": 0, "nowcast": 0, "drift": 0, "exploration": 0,
        "daily round": 0, "of another channel": 0,
    }  # fmt: skip


def failures_of(job: str) -> float:
    return REGISTRY.get_sample_value("flarewatch_job_failures_total", {"job": job}) or 0.0


def test_an_unforeseen_error_ends_no_job_and_is_logged_and_counted(
    engine_sqlite: sa.Engine, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    done = threading.Event()
    turns: list[str] = []
    failed_before = failures_of("breaking")

    def break_once(_running: Services) -> None:
        turns.append("breaking")
        if turns.count("breaking") == 1:
            raise ValueError("a number that no one expected")
        done.set()

    jobs = (
        Job("breaking", 0, break_once, sole=True),
        Job("working", 60, lambda _: turns.append("working")),
    )
    run_until(Scheduler(make_app(engine_sqlite), jobs), done)

    assert turns == ["breaking", "working", "breaking"]
    assert "Traceback" in caplog.text
    assert "a number that no one expected" in caplog.text
    assert failures_of("breaking") - failed_before == 1


def test_each_unforeseen_error_in_a_row_doubles_the_wait(
    engine_sqlite: sa.Engine, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.background_jobs.scheduler._PAUSE_SECONDS", 0.01)
    began: list[float] = []
    done = threading.Event()

    def work(_running: Services) -> None:
        began.append(time.monotonic())
        if len(began) == 5:
            done.set()
        if len(began) <= 3:
            raise ValueError("no turn of the first three succeeds")

    run_until(Scheduler(make_app(engine_sqlite), [Job("breaking", 0.1, work)]), done)

    waits = [following - before for before, following in pairwise(began)]
    assert [wait >= least for wait, least in zip(waits, (0.2, 0.4, 0.8), strict=False)] == 3 * [
        True
    ]
    assert waits[3] < 0.8


def run_until(scheduler: Scheduler, done: threading.Event) -> None:
    scheduler.start()
    assert done.wait(20)
    scheduler.stop()
    scheduler.join(20)


@pytest.mark.parametrize(("rows_a_minute", "left"), [(1_000, 0), (1_000_000, 18)])
def test_while_rows_come_in_at_volume_a_job_does_little_at_a_time(
    engine_sqlite: sa.Engine, make_app: MakeApp, rows_a_minute: int, left: int
) -> None:
    # Each marked day marks the day after it too: 20 + 1, of which three are done.
    days = [date(2024, 5, 1) + timedelta(days=day) for day in range(20)]
    with writing(engine_sqlite) as connection:
        mark_stale(connection, days)
    let_rows_come(engine_sqlite, rows_a_minute)
    done = threading.Event()

    def after(_running: Services) -> None:
        done.set()

    jobs = (Job("verification", 60, verify, sole=True), Job("after", 60, after))
    run_until(Scheduler(make_app(engine_sqlite), jobs), done)

    with writing(engine_sqlite) as connection:
        assert len(stale_marks(connection, verification_stale, 100)) == left


def test_while_rows_come_in_at_volume_jobs_rest_for_four_times_as_long_as_they_take(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    let_rows_come(engine_sqlite, 1_000_000)
    done = threading.Event()
    turns: list[tuple[float, float]] = []

    def work(_running: Services) -> None:
        began = time.monotonic()
        time.sleep(0.1)
        turns.append((began, time.monotonic()))
        if len(turns) == 4:
            done.set()

    jobs = tuple(Job(name, 0, work, sole=True) for name in ("first", "second"))
    run_until(Scheduler(make_app(engine_sqlite), jobs), done)

    for (began, ended), (following, _) in pairwise(turns):
        assert following - ended >= 4 * (ended - began)


def test_of_two_workers_one_at_a_time_is_at_the_jobs(
    mariadb_engine: sa.Engine, make_app: MakeApp
) -> None:
    at_work: list[str] = []
    most, seen = 0, set()
    done = threading.Event()

    def working(name: str) -> Job:
        def work(_running: Services) -> None:
            nonlocal most
            at_work.append(name)
            most = max(most, len(at_work))
            time.sleep(0.05)
            at_work.remove(name)
            seen.add(name)
            if len(seen) == 2:
                done.set()

        return Job("work", 0, work, sole=True)

    workers = [Scheduler(make_app(mariadb_engine), [working(name)]) for name in "ab"]
    for worker in workers:
        worker.start()
    assert done.wait(20)
    for worker in workers:
        worker.stop()
        worker.join(20)

    assert (most, seen) == (1, {"a", "b"})


def test_sole_work_of_one_name_is_given_to_one_and_let_go(mariadb_engine: sa.Engine) -> None:
    with named_lock(mariadb_engine, "work") as first:
        with named_lock(mariadb_engine, "work") as second:
            pass
        with named_lock(mariadb_engine, "other work") as other:
            pass
    with named_lock(mariadb_engine, "work") as third:
        pass

    assert (first, second, other, third) == (True, False, True, True)
