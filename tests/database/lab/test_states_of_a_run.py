"""Any order of what people, jobs and the program do to runs keeps one truth."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from conftest import empty

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


class Play:
    """People, jobs and the program do things to three runs, in an order that the seed decides."""

    def __init__(self, engine: sa.Engine, seed: int) -> None:
        self.engine = engine
        self.random = random.Random(seed)
        self.now = T0
        self.jobs: list[Job] = []
        self.ended: dict[tuple[str, int], str] = {}
        with writing(engine) as connection:
            experiment_id = add_experiment(connection)
            self.worker_id = workers.register_worker(
                connection,
                host="a",
                code_version="1",
                offers=["train", "audit"],
                queue="cpu",
                slots=2,
                now=T0,
            ).worker_id
            self.run_ids = [
                runs.add_run(connection, OWNER, new_run(experiment_id, kind), now=T0).run_id
                for kind in ("train", "train", "audit")
            ]

    def step(self) -> None:
        acts: dict[Callable[[], None], int] = {
            self.person_acts: 3,
            self.program_publishes: 3,
            self.time_passes: 2,
            self.program_judges: 2,
            self.job_claims: 4,
            self.job_reports: 4,
            self.job_ends: 1,
        }
        (act,) = self.random.choices([*acts], weights=[*acts.values()])
        act()

    @contextmanager
    def _step(self) -> Iterator[sa.Connection]:
        self.now += timedelta(milliseconds=1)
        with suppress(ConflictError), writing(self.engine) as connection:
            yield connection

    def _one(self, *, has_claimed: bool) -> list[Job]:
        """Return one of the newest jobs that have claimed, or that have not."""
        jobs = [job for job in self.jobs if job.has_claimed == has_claimed][-4:]
        return [self.random.choice(jobs)] if jobs else []

    def person_acts(self) -> None:
        does = self.random.choice([runs.start_run, runs.start_run, runs.stop_run, runs.restart_run])
        with self._step() as connection:
            does(connection, OWNER, self.random.choice(self.run_ids), now=self.now)

    def program_publishes(self) -> None:
        """The broker may lose a message, or deliver it twice."""
        free, copies = self.random.choice([2, 2, 2, 0]), self.random.choice([1, 1, 2, 0])
        with self._step() as connection:
            workers.see_worker(
                connection, self.worker_id, free=free, is_draining=False, now=self.now
            )
            for one in workers.assign(connection, now=self.now):
                run = attempts.publish(connection, one.run, one.worker_id, now=self.now)
                self.jobs += [Job(run.run_id, run.attempt, new_id(self.now)) for _ in range(copies)]

    def time_passes(self) -> None:
        self.now += timedelta(seconds=self.random.choice([1, 15, 25, 40, 100]))

    def program_judges(self) -> None:
        with self._step() as connection:
            for run in attempts.unclaimed(connection, before=self.now - CLAIM):
                attempts.take_back(connection, run, now=self.now)
        with self._step() as connection:
            attempts.lose_runs(connection, restart_after=RESTART, now=self.now)
            attempts.requeue_lost(connection, now=self.now)

    def job_claims(self) -> None:
        for job in self._one(has_claimed=False):
            claim = Claim(job.attempt, self.worker_id, job.token, "a", "1", {})
            with self._step() as connection:
                attempts.claim_run(
                    connection, PROGRAM, job.run_id, claim, lease=LEASE, now=self.now
                )
                job.has_claimed = True

    def job_reports(self) -> None:
        for job in self._one(has_claimed=True):
            job.said += f"{job.attempt}:{len(job.said)}\n".encode()
            piece = Piece(job.received, job.said[job.received :])
            report = Report(job.attempt, log=piece, events=Piece(0, b""))
            for _ in range(self.random.choice([1, 1, 2])):
                with self._step() as connection:
                    received = attempts.report_run(
                        connection, PROGRAM, job.run_id, report, lease=LEASE, now=self.now
                    )
                    job.received = received.log_bytes

    def job_ends(self) -> None:
        for job in self._one(has_claimed=True):
            outcome = self.random.choice(attempts.OUTCOMES)
            with self._step() as connection:
                attempts.end_run(
                    connection, PROGRAM, job.run_id, End(job.attempt, outcome), now=self.now
                )
                known = self.ended.setdefault((job.run_id, job.attempt), outcome)
                assert known == outcome

    def check(self) -> None:
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
        if run.state == runs.FAILED:
            assert run.stop_asked_at is None
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
            experiment_id=experiment_id,
            owner=OWNER.owner,
            name="e",
            description="",
            tags="[]",
            visibility="private",
            created_at=T0,
        )
    )
    return experiment_id


def new_run(experiment_id: str, kind: str) -> runs.NewRun:
    return runs.NewRun(
        experiment_id, kind, queue="cpu", fingerprint="0" * 64, time_limit_s=60, needs=[kind]
    )


@pytest.mark.parametrize(
    ("store", "plays"),
    [
        ("sqlite", 20),
        pytest.param("sqlite", 100, marks=pytest.mark.thorough),
        pytest.param("mariadb", 30, marks=pytest.mark.thorough),
    ],
)
def test_any_order_of_acts_keeps_one_truth(
    request: pytest.FixtureRequest, store: str, plays: int
) -> None:
    engine = request.getfixturevalue(f"{store}_engine")
    empty(engine)

    for seed in range(plays):
        play = Play(engine, seed)
        for _ in range(60):
            play.step()
            play.check()
