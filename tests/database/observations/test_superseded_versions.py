"""Superseded versions are kept once, listed from an index, and read by record and content."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from database.engine import reading, writing
from database.observations.versions import (
    CONFLICT_COLUMNS,
    RecordKeys,
    count_conflicts,
    keep_superseded_arrivals,
    list_conflicts,
    superseded_contents,
)
from solar.time import Window

START = datetime(2014, 3, 1, tzinfo=UTC)
ALWAYS = Window(START, START + timedelta(days=1))


def supersede(connection: sa.Connection, hours: list[int], **changes: Any) -> None:
    columns: dict[str, Any] = dict.fromkeys(CONFLICT_COLUMNS)
    columns |= {
        "region_id": 7, "t_rec": [START + timedelta(hours=hour) for hour in hours],
        "content_hash": 5, "series": "s", "lon_fwt": np.array([1.0] * len(hours)),
        "reason": "older DATE", "sender_id": "desk", "received_at": START, "lost_at": START,
    }  # fmt: skip
    keep_superseded_arrivals(connection, columns | changes)


def keys(*hours: int) -> RecordKeys:
    start = np.datetime64("2014-03-01", "us")
    times = start + np.array(hours, "timedelta64[h]")
    return RecordKeys(np.full(len(hours), 7, np.int64), times)


def test_a_version_superseded_again_is_kept_as_it_was(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        supersede(connection, [0, 1])
        supersede(connection, [0], reason="near-real-time", sender_id="other")

    with reading(engine) as connection:
        rows = list_conflicts(connection, window=ALWAYS, limit=9)
        assert count_conflicts(connection, since=START) == 2
        assert count_conflicts(connection, since=START + timedelta(seconds=1)) == 0
    assert [(row["reason"], row["sender_id"]) for row in rows] == [("older DATE", "desk")] * 2


def test_superseded_versions_are_found_by_record_and_content(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        supersede(connection, [0, 2, 3])
        supersede(connection, [2], content_hash=6)

    with reading(engine) as connection:
        assert superseded_contents(connection, keys(1, 2)) == {(1, 5), (1, 6)}
        assert superseded_contents(connection, keys()) == set()


def test_the_list_follows_an_index(engine_sqlite: sa.Engine) -> None:
    with reading(engine_sqlite) as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM observation_conflicts WHERE t_rec >= '2014'"
            " ORDER BY t_rec, region_id, content_hash LIMIT 10"
        ).all()

    assert "observation_conflicts_by_time" in str(plan)
    assert "TEMP B-TREE" not in str(plan)
