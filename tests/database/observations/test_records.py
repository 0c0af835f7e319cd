"""Observations are replaced on their key, looked up by any set of keys, and read in pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from stored_rows import store_observations

from database.engine import reading, writing
from database.observations.records import (
    COLUMNS,
    KEYWORD_COLUMNS,
    combinations,
    list_observations,
    load_records,
)
from solar.sharp import KEYWORDS
from solar.time import Window

START = datetime(2014, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALWAYS = Window(START, START + 1000 * HOUR)


def line(region_id: int, hour: int, **changes: Any) -> tuple[Any, ...]:
    values: dict[str, Any] = {
        "region_id": region_id, "t_rec": START + hour * HOUR, "series": "hmi.sharp_cea_720s",
        "made_at": None, "quality": 0, "lon_fwt": 1.0, "lat_fwt": None,
        **dict.fromkeys(KEYWORD_COLUMNS, 0.5),
        "content_hash": 7, "revision": 1, "sender_id": "s", "received_at": START,
    } | changes  # fmt: skip
    return tuple(values[name] for name in COLUMNS)


def test_a_known_region_and_time_is_replaced(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        store_observations(connection, [line(1, 0), line(1, 1)])
        store_observations(connection, [line(1, 1, lon_fwt=2.0, revision=2)])

    with reading(engine) as connection:
        rows = list_observations(connection, window=ALWAYS, limit=10)
    assert [(row["lon_fwt"], row["lat_fwt"], row["revision"]) for row in rows] == [
        (1.0, None, 1), (2.0, None, 2),
    ]  # fmt: skip


def test_pages_follow_time_then_region(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        store_observations(connection, [line(r, h) for r in (2, 1) for h in range(3)])

    with reading(engine) as connection:
        page = list_observations(connection, window=ALWAYS, limit=2, after=(START, 1))
        last = list_observations(connection, window=ALWAYS, limit=9, after=(START + 2 * HOUR, 2))
        region = list_observations(
            connection, window=Window(START, START + 2 * HOUR), region_id=2, limit=9
        )
    assert [(r["t_rec"], r["region_id"]) for r in page] == [(START, 2), (START + HOUR, 1)]
    assert last == []
    assert [r["t_rec"] for r in region] == [START, START + HOUR]


def test_records_of_regions_are_read_each_over_its_own_span(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        store_observations(connection, [line(r, h, r_value=10.0 * r + h, area_acr=None, revision=h)
                                        for r in (2, 1, -3) for h in range(1, 6)])  # fmt: skip

    spans = {1: (START + 2 * HOUR, START + 3 * HOUR), -3: (START, START + HOUR)}
    with reading(engine) as connection:
        records = load_records(connection, spans)

    names = [keyword.name for keyword in KEYWORDS]
    assert records.region_id.tolist() == [-3, 1, 1]
    assert records.revision.tolist() == [1, 2, 3]
    assert records.t_rec.tolist() == [
        (START + hour * HOUR).replace(tzinfo=None) for hour in (1, 2, 3)
    ]
    assert records.keywords[:, names.index("R_VALUE")].tolist() == [-29.0, 12.0, 13.0]
    assert np.isnan(records.keywords[:, names.index("AREA_ACR")]).all()
    assert records.lon_fwt.tolist() == [1.0] * 3


def test_no_spans_have_no_records(engine_sqlite: sa.Engine) -> None:
    with reading(engine_sqlite) as connection:
        records = load_records(connection, {})

    assert (len(records), records.keywords.shape) == (0, (0, len(KEYWORDS)))


def test_as_many_regions_as_a_batch_may_have_are_read_at_once(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        store_observations(connection, [line(region, 0) for region in range(1, 5001)])

    with reading(engine) as connection:
        records = load_records(connection, dict.fromkeys(range(1, 5001), (START, START + HOUR)))

    assert records.region_id.tolist() == list(range(1, 5001))


keys = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), max_size=80, unique=True)


@given(keys)
def test_combinations_cover_every_key_with_few_too_many(pairs: list[tuple[int, int]]) -> None:
    wanted = sorted((region_id, START + hour * HOUR) for region_id, hour in pairs)

    sets = list(combinations(wanted))

    covered = [(r, t) for region_ids, times in sets for r in region_ids for t in times]
    assert set(covered) >= set(wanted)
    assert len(covered) <= 4 * max(len(wanted), 1)


def plan(connection: sa.Connection, query: str) -> str:
    return " ".join(str(row) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))


def test_listings_use_an_index(engine_sqlite: sa.Engine) -> None:
    with reading(engine_sqlite) as connection:
        by_time = plan(
            connection,
            "SELECT * FROM observations WHERE t_rec >= '2014' AND t_rec < '2015'"
            " ORDER BY t_rec, region_id LIMIT 10",
        )

    assert "observations_by_time" in by_time
    assert "TEMP B-TREE" not in by_time
