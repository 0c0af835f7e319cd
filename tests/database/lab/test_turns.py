"""Whose turn it is: slots are shared among the owners who wait, and no slot is given twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from conftest import empty

from database.engine import writing
from database.lab import attempts, workers
from database.lab.attempts import Claim, End
from database.lab.runs import NewRun, add_run, start_run
from database.people.principal import OWNER, PROGRAM
from database.schema.lab_tables import experiments
from solar.identifiers import new_id

T0 = datetime(2026, 11, 30, tzinfo=UTC)
PEOPLE = ("ann", "ben", "cleo")
RUNS = 6


class Line:
    """Runs of three people, all of one queued before the first of the next, and two slots."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine, self.now = engine, T0
        self.begun: list[str] = []
        self.busy: dict[str, workers.Assignment] = {}
        with writing(engine) as connection:
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
            for name in PEOPLE:
                who = replace(OWNER, person_id=name)
                for _ in range(RUNS):
                    self.now += timedelta(milliseconds=1)
                    new = NewRun(experiment_id, "train", "cpu", "0" * 64, 60)
                    run_id = add_run(connection, who, new, now=self.now).run_id
                    start_run(connection, who, run_id, now=self.now)
            self.workers = [
                workers.register_worker(
                    connection, host=host, code_version="1", offers=[], queue="cpu", slots=1, now=T0
                ).worker_id
                for host in "ab"
            ]

    def give(self) -> None:
        """Let each free slot have what is next."""
        self.now += timedelta(seconds=1)
        with writing(self.engine) as connection:
            for worker_id in self.workers:
                free = int(worker_id not in self.busy)
                workers.see_worker(
                    connection, worker_id, free=free, is_draining=False, now=self.now
                )
            for one in workers.assign(connection, now=self.now):
                assert one.worker_id not in self.busy
                self.busy[one.worker_id] = one
                self.begun.append(one.run.owner)
                run = attempts.publish(connection, one.run, one.worker_id, now=self.now)
                claim = Claim(run.attempt, one.worker_id, new_id(self.now), "a", "1", {})
                lease = timedelta(seconds=30)
                attempts.claim_run(
                    connection, PROGRAM, run.run_id, claim, lease=lease, now=self.now
                )

    def end(self, worker_id: str) -> None:
        """Let the job of a worker end."""
        one = self.busy.pop(worker_id)
        with writing(self.engine) as connection:
            attempts.end_run(connection, PROGRAM, one.run.run_id, End(1, "succeeded"), now=self.now)


def test_two_slots_are_shared_fairly_by_three_people_whoever_queued_first(
    engine: sa.Engine,
) -> None:
    empty(engine)
    line = Line(engine)

    while len(line.begun) < len(PEOPLE) * RUNS:
        line.give()
        # Each takes as long as the others.
        line.end(next(iter(line.busy)))

    while_all_wait = Counter(line.begun[: len(PEOPLE) * (RUNS - 1)])
    assert set(while_all_wait.values()) == {RUNS - 1}, line.begun


def test_a_run_that_a_dead_worker_did_not_begin_goes_to_another_one(
    engine: sa.Engine,
) -> None:
    empty(engine)
    line = Line(engine)
    line.give()
    for worker_id in line.workers:
        line.end(worker_id)
    with writing(engine) as connection:
        for worker_id in line.workers:
            workers.see_worker(connection, worker_id, free=1, is_draining=False, now=line.now)
        dead = workers.assign(connection, now=line.now)[0]
        run = attempts.publish(connection, dead.run, dead.worker_id, now=line.now)

        attempts.take_back(connection, run, now=line.now)

        chosen = workers.assign(connection, now=line.now)
        assert [one.worker_id for one in chosen] == list({*line.workers} - {dead.worker_id})
        workers.see_worker(connection, dead.worker_id, free=1, is_draining=False, now=line.now)
        assert len(workers.assign(connection, now=line.now)) == 2
