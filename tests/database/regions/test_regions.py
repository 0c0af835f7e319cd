"""Regions grow with what is seen of them, in whatever order it comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from database.engine import reading, writing
from database.harps import harps_by_noaa
from database.regions.regions import (
    RegionUpdate,
    list_regions,
    newest_t_rec,
    noaa_numbers,
    update_regions,
)
from solar.time import Window

START = datetime(2014, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SEEN = RegionUpdate(
    region_id=3721, noaa_ars=frozenset({11990}), series="hmi.sharp_cea_720s",
    first_t_rec=START, last_t_rec=START + DAY,
    last_lon_fwt=1.0, last_lat_fwt=2.0, last_area_acr=300.0,
)  # fmt: skip


def test_updates_widen_the_life_of_a_region_and_add_its_numbers(engine: sa.Engine) -> None:
    earlier = replace(
        SEEN, noaa_ars=frozenset({11985}), first_t_rec=START - DAY, last_t_rec=START,
        last_lon_fwt=-9.0,
    )  # fmt: skip

    with writing(engine) as connection:
        update_regions(connection, [SEEN])
        update_regions(connection, [earlier])
        update_regions(connection, [earlier])

    with reading(engine) as connection:
        (row,) = list_regions(connection, window=Window(START, START + DAY), limit=9)
        assert harps_by_noaa(connection, [11985]) == {11985: [3721]}
        assert newest_t_rec(connection) == START + DAY
    assert (row["first_t_rec"], row["last_t_rec"]) == (START - DAY, START + DAY)
    assert (row["last_lon_fwt"], row["harpnum"]) == (1.0, 3721)
    assert noaa_numbers(row["noaa_ars"]) == [11985, 11990]


def test_a_region_without_harp_has_its_negative_noaa_number(engine_sqlite: sa.Engine) -> None:
    with writing(engine_sqlite) as connection:
        assert newest_t_rec(connection) is None
        update_regions(connection, [replace(SEEN, region_id=-11990)])
        (row,) = list_regions(connection, window=Window(START, START + DAY), limit=9)

    assert (row["region_id"], row["harpnum"]) == (-11990, None)


def test_more_numbers_than_the_column_holds_are_cut_at_a_number(engine_sqlite: sa.Engine) -> None:
    many = replace(SEEN, noaa_ars=frozenset(range(11990, 12010)))

    with writing(engine_sqlite) as connection:
        update_regions(connection, [many])
        (row,) = list_regions(connection, window=Window(START, START + DAY), limit=9)
        assert harps_by_noaa(connection, [12009]) == {12009: [3721]}

    # Ten numbers of five digits and their commas are 59 characters; an eleventh makes 65.
    assert noaa_numbers(row["noaa_ars"]) == list(range(11990, 12000))


def test_regions_are_listed_by_number_while_they_were_seen(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        update_regions(connection, [replace(SEEN, region_id=number) for number in (3, 1, 2)])

    with reading(engine) as connection:
        window = Window(START, START + DAY)
        first = list_regions(connection, window=window, limit=2)
        rest = list_regions(connection, window=window, limit=2, after=2)
        one = list_regions(connection, window=window, region_id=3, limit=2)
        gone = list_regions(connection, window=Window(START + 2 * DAY, START + 3 * DAY), limit=2)
    assert [[r["region_id"] for r in rows] for rows in (first, rest, one, gone)] == [
        [1, 2], [3], [3], [],
    ]  # fmt: skip
