"""Any order of what people, jobs and the program do to runs keeps one truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from conftest import empty
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from database.engine import reading, writing
from database.lab import attempts, runs, workers
from database.lab.attempts import Claim, End, Report
from database.lab.runs import Run
from database.lab.streams import LOG, Piece, read_stream
from database.people.principal import OWNER, PROGRAM
from database.schema.lab_tables import experiments
from solar.errors import ConflictError
from solar.identifiers import new_id

LEASE = timedelta(seconds=30)
CLAIM = timedelta(seconds=20)
RESTART = timedelta(seconds=60)
T0 = datetime(2026, 11, 30, tzinfo=UTC)


@dataclass
class Job:
    """A job as it knows itself; it may be the ghost of an attempt that is long over."""

    run_id: str
    attempt: int
    token: str
    has_claimed: bool = False
    said: bytes = b""
    received: int = 0


class RunMachine(RuleBasedStateMachine):
    engine: sa.Engine

    @initialize()
    def begin(self) -> None:
        empty(self.engine)
        self.now = T0
        self.jobs: list[Job] = []
        self.ended: dict[tuple[str, int], str] = {}
        with writing(self.engine) as connection:
            experiment_id = add_experiment(connection)
            self.worker_id = workers.register_worker(
                connection, host="a", code_version="1", offers=["train", "audit"], queue="cpu",
                slots=2, now=T0,
            ).worker_id  # fmt: skip
            self.run_ids = [
                runs.add_run(connection, OWNER, new_run(experiment_id, kind), now=T0).run_id
                for kind in ("train", "train", "audit")
            ]

    @contextmanager
    def _step(self) -> Iterator[sa.Connection]:
        self.now += timedelta(milliseconds=1)
        with suppress(ConflictError), writing(self.engine) as connection:
            yield connection

    def _run(self, number: int) -> str:
        return self.run_ids[number % len(self.run_ids)]

    @rule(number=st.integers(0, 2), act=st.sampled_from(["start", "stop", "restart"]))
    def person_acts(self, number: int, act: str) -> None:
        does = {"start": runs.start_run, "stop": runs.stop_run, "restart": runs.restart_run}[act]
        with self._step() as connection:
            does(connection, OWNER, self._run(number), now=self.now)

    @rule(free=st.integers(0, 2))
    def worker_is_seen(self, free: int) -> None:
        with self._step() as connection:
            workers.see_worker(
                connection, self.worker_id, free=free, is_draining=False, now=self.now
            )

    @rule(copies=st.integers(0, 2))
    def program_publishes(self, copies: int) -> None:
        """The broker may lose a message, or deliver it twice."""
        with self._step() as connection:
            for one in workers.assign(connection, now=self.now):
                run = attempts.publish(connection, one.run, one.worker_id, now=self.now)
                self.jobs += [
                    Job(run.run_id, run.attempt, new_id(self.now)) for _ in range(copies)
                ]

    @rule(seconds=st.sampled_from([1, 15, 25, 40, 100]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def program_judges(self) -> None:
        with self._step() as connection:
            for run in attempts.unclaimed(connection, before=self.now - CLAIM):
                attempts.take_back(connection, run, now=self.now)
        with self._step() as connection:
            attempts.lose_runs(connection, restart_after=RESTART, now=self.now)
            attempts.requeue_lost(connection, now=self.now)

    @rule(which=st.integers(0, 99))
    def job_claims(self, which: int) -> None:
        for job in self.jobs[which % max(1, len(self.jobs)) :][:1]:
            claim = Claim(job.attempt, self.worker_id, job.token, "a", "1", {})
            with self._step() as connection:
                attempts.claim_run(
                    connection, PROGRAM, job.run_id, claim, lease=LEASE, now=self.now
                )
                job.has_claimed = True

    @rule(which=st.integers(0, 99), is_repeated=st.booleans())
    def job_reports(self, which: int, is_repeated: bool) -> None:
        for job in [job for job in self.jobs if job.has_claimed][which % 5 :][:1]:
            job.said += f"{job.attempt}:{len(job.said)}\n".encode()
            piece = Piece(job.received, job.said[job.received :])
            report = Report(job.attempt, log=piece, events=Piece(0, b""))
            for _ in range(1 + is_repeated):
                with self._step() as connection:
                    received = attempts.report_run(
                        connection, PROGRAM, job.run_id, report, lease=LEASE, now=self.now
                    )
                    job.received = received.log_bytes

    @rule(which=st.integers(0, 99), outcome=st.sampled_from(attempts.OUTCOMES))
    def job_ends(self, which: int, outcome: str) -> None:
        for job in [job for job in self.jobs if job.has_claimed][which % 5 :][:1]:
            with self._step() as connection:
                attempts.end_run(
                    connection, PROGRAM, job.run_id, End(job.attempt, outcome), now=self.now
                )
                known = self.ended.setdefault((job.run_id, job.attempt), outcome)
                assert known == outcome

    @invariant()
    def there_is_one_truth(self) -> None:
        if not hasattr(self, "run_ids"):
            return
        with reading(self.engine) as connection:
            for run_id in self.run_ids:
                run = runs.read_run(connection, run_id)
                tried = attempts.list_attempts(connection, run_id)
                self._check(run, tried)
                for one in tried:
                    self._check_log(connection, one)

    def _check(self, run: Run, tried: list[attempts.Attempt]) -> None:
        assert run.state in runs.STATES
        assert [one.attempt for one in tried] == sorted({one.attempt for one in tried})
        # At most the newest attempt is open, and only while its run is running.
        still_open = [one.attempt for one in tried if one.outcome is None]
        assert still_open == ([run.attempt] if run.state == runs.RUNNING else [])
        assert (run.state == runs.RUNNING) == (run.lease_until is not None) or (
            run.state == runs.LOST
        )
        if run.state == runs.SUCCEEDED:
            assert self.ended[run.run_id, run.attempt] == runs.SUCCEEDED
        if run.restarts_at is not None:
            assert run.state == runs.LOST
            assert run.kind in runs.RESUMING

    def _check_log(self, connection: sa.Connection, one: attempts.Attempt) -> None:
        kept = read_stream(connection, one.run_id, one.attempt, LOG, from_byte=0)
        said = [
            job.said
            for job in self.jobs
            if job.has_claimed and (job.run_id, job.attempt) == (one.run_id, one.attempt)
        ]
        # One job of each attempt was heard, whatever came twice.
        assert len(said) == 1
        assert said[0].startswith(kept.data)
        assert len(kept.data) == one.log_bytes


def add_experiment(connection: sa.Connection) -> str:
    experiment_id = new_id(T0)
    connection.execute(
        experiments.insert().values(
            experiment_id=experiment_id, owner=OWNER.owner, name="e", description="", tags="[]",
            visibility="private", created_at=T0,
        )
    )  # fmt: skip
    return experiment_id


def new_run(experiment_id: str, kind: str) -> runs.NewRun:
    return runs.NewRun(
        experiment_id, kind, queue="cpu", fingerprint="0" * 64, time_limit_s=60, needs=[kind]
    )


@pytest.mark.parametrize(
    ("store", "examples"),
    [
        ("sqlite", 25),
        pytest.param("sqlite", 400, marks=pytest.mark.thorough),
        pytest.param("mariadb", 60, marks=pytest.mark.thorough),
    ],
)
def test_any_order_of_acts_keeps_one_truth(
    request: pytest.FixtureRequest, store: str, examples: int
) -> None:
    class Machine(RunMachine):
        engine = request.getfixturevalue(f"{store}_engine")

    case = Machine.TestCase()
    case.settings = settings(
        max_examples=examples, stateful_step_count=30, deadline=None, derandomize=True
    )
    case.runTest()
