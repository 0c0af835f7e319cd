"""The same rows give the same forecasts at any speed, in any batches and in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from conftest import empty
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from database.engine import reading, writing
from database.harps import import_harp_map
from database.predictions.predictions import COLUMNS
from database.schema.tables import predictions

Row = Callable[..., dict[str, Any]]
Item = TypeVar("Item")
HOURS = range(10, 16)
MAP = ["3721 11990", "3740 11996,11997"]
FORECAST = [name for name in COLUMNS if name not in ("issued_at", "revision")]
order_of_rows = st.permutations(range(2 * len(HOURS)))
order_of_flares = st.permutations(range(4))


def at(hour: int, minute: int = 0) -> str:
    return f"2014-03-01T{hour:02}:{minute:02}:00Z"


def records(row: Row) -> list[dict[str, Any]]:
    """Return the hours of a region with a HARP number and of one that the map gives its own."""
    named = {"harpnum": None, "noaa_ars": [11996]}
    found = []
    for hour in HOURS:
        lon = float(hour - 40)
        found += [row(t_rec=at(hour), lon_fwt=lon), row(t_rec=at(hour), lon_fwt=-lon, **named)]
    return [{name: value for name, value in one.items() if value is not None} for one in found]


def flares(flare_row: Row) -> list[dict[str, Any]]:
    """Return flares that end before, among and after the records."""
    return [
        flare_row(start=at(hour), peak=at(hour, 10), end=at(hour, 30), noaa_ar=ar)
        for hour, ar in ((6, 11990), (11, 11997), (13, 11990), (20, 11990))
    ]


def batches(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


@pytest.fixture
def replayed(
    client: FlaskClient, engine: sa.Engine, row: Row, flare_row: Row
) -> Callable[..., list[tuple[Any, ...]]]:
    """Replay into the empty store, and return the forecasts."""

    def replay(
        *,
        speed: float | None,
        size: int,
        rows: Sequence[int],
        listed: Sequence[int],
        map_lines: Sequence[str],
    ) -> list[tuple[Any, ...]]:
        empty(engine)
        with writing(engine) as connection:
            import_harp_map(connection, map_lines)
        span = {"starts": at(10), "ends": at(15)}
        assert client.post("/api/v1/clock", json={"sender": "s1", "speed": speed, **span}).json
        all_flares, all_records = flares(flare_row), records(row)
        for batch in batches([all_flares[place] for place in listed], size):
            client.post("/api/v1/flares", json={"source": "list", "flares": batch})
        for batch in batches([all_records[place] for place in rows], size):
            client.post("/api/v1/observations", json={"observations": batch})
        columns = [predictions.c[name] for name in FORECAST]
        with reading(engine) as connection:
            query = sa.select(*columns).order_by(*columns[:3])
            return [tuple(one) for one in connection.execute(query)]

    return replay


@pytest.fixture
def expected(replayed: Callable[..., list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    in_order = {"rows": range(2 * len(HOURS)), "listed": range(4), "map_lines": MAP}
    return replayed(speed=3600, size=2, **in_order)


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    speed=st.sampled_from([None, 1.0, 86_400.0]),
    size=st.integers(1, 12),
    rows=order_of_rows,
    listed=order_of_flares,
    map_lines=st.permutations(MAP),
)
@example(
    speed=None,
    size=12,
    rows=range(2 * len(HOURS))[::-1],
    listed=range(4)[::-1],
    map_lines=MAP[::-1],
)
def test_forecasts_depend_on_neither_speed_nor_batches_nor_any_order(
    replayed: Callable[..., list[tuple[Any, ...]]],
    expected: list[tuple[Any, ...]],
    speed: float | None,
    size: int,
    rows: Sequence[int],
    listed: Sequence[int],
    map_lines: Sequence[str],
) -> None:
    found = replayed(speed=speed, size=size, rows=rows, listed=listed, map_lines=map_lines)

    assert len(expected) >= 2 * len(HOURS)
    assert found == expected
