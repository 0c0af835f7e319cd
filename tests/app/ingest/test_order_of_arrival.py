"""What is told as of a time depends on neither the order of arrival nor what is later.

A flare that has ended, and the map line of a record that names no HARP, come before the record, as
every sender sees to: a forecast knows what was listed when it was made, and stays as it was issued.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import empty
from flask.testing import FlaskClient

from database.engine import transact
from database.flares.assignment import reassign
from database.harps import import_harp_map

Row = Callable[..., dict[str, Any]]
Item = tuple[str, Any]
HOURS = range(10, 16)
T = "2014-03-01T13:00:00Z"
MAP = ["3721 11990", "3740 11996,11997"]
SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(20, 40))]


def at(hour: int, minute: int = 0) -> str:
    return f"2014-03-01T{hour:02}:{minute:02}:00Z"


@pytest.fixture
def items(row: Row, flare_row: Row) -> list[Item]:
    """Map lines, and flares and records of two regions, one of which is named by NOAA alone."""
    found: list[Item] = [("map", line) for line in MAP]
    for hour, noaa_ar in ((6, 11990), (9, 11996), (11, 11997), (12, 11990), (13, 11990)):
        times = {"start": at(hour), "peak": at(hour, 10), "end": at(hour, 30)}
        found.append(("flare", flare_row(**times, noaa_ar=noaa_ar)))
    for hour in HOURS:
        found.append(("record", row(t_rec=at(hour), lon_fwt=hour - 40.0)))
        unnamed = row(t_rec=at(hour), lon_fwt=40.0 - hour, noaa_ars=[11996])
        del unnamed["harpnum"]
        found.append(("record", unnamed))
    return found


def time_of(item: Item) -> str:
    kind, content = item
    return "" if kind == "map" else str(content["end" if kind == "flare" else "t_rec"])


def in_any_order(items: Sequence[Item], rng: random.Random) -> Iterator[Item]:
    """Yield all in a random order, but what a record needs before it."""
    left = rng.sample(items, len(items))
    while left:
        item = left.pop(0)
        if item[0] == "record":
            needed = [other for other in left if is_needed(other, item)]
            left = [other for other in left if other not in needed]
            yield from needed
        yield item


def is_needed(other: Item, record: Item) -> bool:
    if other[0] == "map":
        return "harpnum" not in record[1]
    return other[0] == "flare" and other[1]["end"] <= record[1]["t_rec"]


@pytest.fixture
def told(
    client_sqlite: FlaskClient, engine_sqlite: sa.Engine
) -> Callable[[Sequence[Item]], dict[tuple[int, str], Any]]:
    """Let items arrive in an empty store, and return what the API tells as of T."""

    def arrive(order: Sequence[Item]) -> dict[tuple[int, str], Any]:
        empty(engine_sqlite)
        for kind, content in order:
            if kind == "map":
                transact(engine_sqlite, partial(import_harp_map, lines=[content]))
                transact(engine_sqlite, reassign)
            else:
                post(client_sqlite, kind, content)
        query = f"from=2014-03-01T00:00:00Z&limit=100&at={T}"
        answer = client_sqlite.get(f"/api/v1/predictions?{query}").get_json()
        return {
            (item["region"], item["t_rec"]): (item["probabilities"], item["rung"])
            for item in answer["items"]
        }

    return arrive


def post(client: FlaskClient, kind: str, content: dict[str, Any]) -> None:
    path, body = "observations", {"observations": [content]}
    if kind == "flare":
        covers = {"from": "2014-02-01T00:00:00Z", "to": content["end"]}
        path, body = "flares", {"source": "list", "flares": [content], "covers": covers}
    assert client.post(f"/api/v1/{path}", json=body).status_code == 200


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_told_as_of_a_time_depends_on_neither_the_order_nor_what_is_later(
    told: Callable[[Sequence[Item]], dict[tuple[int, str], Any]], items: list[Item], seed: int
) -> None:
    rng = random.Random(seed)
    until_then = [item for item in items if time_of(item) <= T]
    expected = told(until_then)

    assert len(expected) == 8
    assert {region for region, _ in expected} == {3721, 3740}
    assert {level for _, level in expected.values()} == {"full"}
    assert told(list(in_any_order(items, rng))) == expected
    assert told(list(in_any_order(until_then, rng))) == expected
