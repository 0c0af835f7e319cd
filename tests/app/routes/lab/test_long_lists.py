"""Ten thousand runs: a page is small, and the store reads no more than it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from lab_calls import Lab

from database.engine import reading, writing
from database.schema.lab_tables import experiments, runs
from solar.identifiers import new_id

RUNS = 10_000
T0 = datetime(2026, 1, 1, tzinfo=UTC)
STATES = ("succeeded", "succeeded", "failed", "cancelled", "draft")
HEADLINE = '{"M1.0": {"bss": 0.123, "low": 0.051, "high": 0.198}, "C1.0": {"bss": 0.31, "low": 0.2, "high": 0.4}}'  # noqa: E501
SORTS = ("TEMP B-TREE", "filesort")
# How the stores say that an index chose the rows.
CHOSEN = ("SEARCH runs", "'ref'", "'range'")


@pytest.fixture
def many(lab: Lab) -> Lab:
    rows = [_row(lab, i) for i in range(RUNS)]
    with writing(lab.engine) as connection:
        for start in range(0, RUNS, 1000):
            connection.execute(runs.insert(), rows[start : start + 1000])
        connection.execute(experiments.update().values(visibility="shared"))
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql("ANALYZE TABLE runs")
    return lab


def _row(lab: Lab, i: int) -> dict[str, Any]:
    at = T0 + timedelta(minutes=i)
    return {
        "run_id": new_id(at),
        "experiment_id": lab.experiment_id,
        "number": i + 1,
        "kind": "train",
        "owner": lab.ids["ann" if i % 2 else "ben"],
        "attempt": 1,
        "queue": "cpu",
        "needs": "[]",
        "visibility": "shared" if i % 3 else "private",
        "dataset_ids": "[]",
        "parameters": "{}",
        "fingerprint": f"{i:064}",
        "state": STATES[i % 5],
        "time_limit_s": 60,
        "headline": HEADLINE,
        "tags": '["day-end"]',
        "note": f"try {i}: " + "a note of some length " * 5,
        "created_at": at,
        "queued_at": at,
        "started_at": at,
        "ended_at": at,
    }


@contextmanager
def plans(engine: sa.Engine) -> Iterator[list[str]]:
    """Collect how the store reads what is asked of the runs meanwhile."""
    seen: list[tuple[str, Any]] = []
    found: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "FROM runs" in statement:
            seen.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with reading(engine) as connection:
        for statement, parameters in seen:
            rows = connection.exec_driver_sql(f"{explain} {statement}", parameters).all()
            found.append(str([tuple(row) for row in rows]))


def test_a_page_of_ten_thousand_runs_is_small_and_sorts_no_more_than_an_index_chose(
    many: Lab,
) -> None:
    engine = many.client.application.extensions["flarewatch"].engine
    asked = (
        "limit=200",
        f"limit=200&experiment={many.experiment_id}",
        "limit=200&owner=me",
        "limit=200&state=failed",
        "limit=200&text=try+77",
    )

    with plans(engine) as found:
        answers = [many.call("ann", "GET", f"/runs?{query}") for query in asked]

    # Of 77, 770 to 779 and 7700 to 7799 those are Ben's and private that 6 divides: 17.
    assert [len(answer.get_json()["items"]) for answer in answers] == [200, 200, 200, 200, 94]
    assert max(len(answer.data) for answer in answers) <= 200_000
    sorting = [plan for plan in found if any(sort in plan for sort in SORTS)]
    assert found[0] not in sorting
    assert [plan for plan in sorting if not any(way in plan for way in CHOSEN)] == []
