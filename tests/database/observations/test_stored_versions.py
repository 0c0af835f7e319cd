"""The current version of any set of records is read, and nothing of other records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from database.engine import reading, writing
from database.observations.versions import (
    RecordKeys,
    stored_versions,
    update_made_at,
)
from database.schema.tables import observations
from database.upsert import upsert

START = datetime(2014, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
COLUMNS = ("region_id", "t_rec", "series", "made_at", "content_hash", "revision", "sender_id",
           "received_at")  # fmt: skip


def store(connection: sa.Connection, pairs: Sequence[tuple[int, int]], **changes: Any) -> None:
    rows = []
    for region_id, hour in pairs:
        values: dict[str, Any] = {
            "region_id": region_id, "t_rec": START + hour * HOUR, "series": "s", "made_at": None,
            "content_hash": 100 * region_id + hour, "revision": 3, "sender_id": "s",
            "received_at": START,
        } | changes  # fmt: skip
        rows.append([values[name] for name in COLUMNS])
    upsert(connection, observations, columns=COLUMNS, rows=rows)


def keys_of(pairs: Sequence[tuple[int, int]]) -> RecordKeys:
    ordered = sorted(pairs)
    times = [(START + hour * HOUR).replace(tzinfo=None) for _, hour in ordered]
    return RecordKeys(
        np.array([region_id for region_id, _ in ordered], np.int64),
        np.array(times, "datetime64[us]"),
    )


pairs = st.lists(st.tuples(st.integers(-3, 6), st.integers(0, 30)), max_size=40, unique=True)


def test_only_the_records_asked_for_are_found(engine: sa.Engine) -> None:
    made_at = START + 5 * HOUR
    with writing(engine) as connection:
        store(connection, [(r, h) for r in (1, 2) for h in range(3)], series="x_nrt")
        store(connection, [(2, 1)], made_at=made_at)

        stored = stored_versions(connection, keys_of([(1, 0), (2, 1), (2, 9), (3, 0), (-3, 0)]))

    assert stored.content.tolist() == [0, 100, 201, 0, 0]
    assert stored.revision.tolist() == [0, 3, 3, 0, 0]
    assert stored.series.tolist() == ["", "x_nrt", "s", "", ""]
    assert stored.made_at.tolist() == [None, None, made_at.replace(tzinfo=None), None, None]


def test_no_records_are_found_of_none(engine_sqlite: sa.Engine) -> None:
    with reading(engine_sqlite) as connection:
        assert stored_versions(connection, keys_of([])).content.tolist() == []


@given(pairs, pairs)
def test_a_record_is_found_at_its_place_and_no_other_at_all(
    own: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    keys, ordered = keys_of(own or [(0, 0)]), sorted(own or [(0, 0)])
    times = [(START + hour * HOUR).replace(tzinfo=None) for _, hour in asked]

    places = keys.find([region_id for region_id, _ in asked], times).tolist()

    assert places == [ordered.index(pair) if pair in ordered else -1 for pair in asked]


@given(pairs)
def test_the_conditions_name_every_record_and_few_too_many(wanted: list[tuple[int, int]]) -> None:
    named = 0
    keys = keys_of(wanted)

    for condition in keys.conditions:
        one_by_one = condition.count("t_rec =")
        ids, times = condition.partition(" AND ")[::2]
        named += one_by_one or (ids.count(",") + 1) * (times.count(",") + 1)

    assert len(keys) <= named <= 4 * max(len(keys), 1)


def test_a_newer_date_is_written_to_its_record_alone(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        store(connection, [(1, 0), (1, 1)])

        update_made_at(connection, keys_of([(1, 1)]), np.array(["2014-04-01"], "datetime64[us]"))

    with reading(engine) as connection:
        query = sa.select(observations.c.made_at, observations.c.revision)
        rows = connection.execute(query.order_by(observations.c.t_rec)).all()
    assert [tuple(row) for row in rows] == [(None, 3), (datetime(2014, 4, 1, tzinfo=UTC), 3)]
