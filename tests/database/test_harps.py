from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from database.engine import reading, transact
from database.flares.assignment import Assignment, Ground, Origin, assign, reassign
from database.flares.flares import FlareRecord, list_flares, store_flares
from database.harps import (
    RegionName,
    add_harp_pairs,
    harps_by_noaa,
    import_harp_map,
    resolve_many,
)
from database.schema.rollup_tables import verification_stale
from database.schema.tables import observations, regions
from database.upsert import upsert
from solar.errors import InvalidInputError
from solar.flares import FluxScale
from solar.time import Window

PEAK = datetime(2014, 3, 1, 12, tzinfo=UTC)
EVER = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
SIX = " HARPNUM    NOAA_ARS\n   393    11169,11171,11172,11173,11174,11175\n   394  11170\n"


def observe(connection: sa.Connection, region_id: int, at: datetime) -> None:
    upsert(connection, regions, columns=("region_id", "series", "first_t_rec", "last_t_rec"),
           rows=[(region_id, "test", at, at)])  # fmt: skip
    columns = ("region_id", "t_rec", "series", "content_hash", "revision", "sender_id",
               "received_at")  # fmt: skip
    row = (region_id, at, "test", 1, 1, "test", at)
    upsert(connection, observations, columns=columns, rows=[row])


def assigned(
    connection: sa.Connection, noaa_ar: int | None, harpnum: int | None = None
) -> Assignment:
    return assign(connection, [Origin(PEAK, noaa_ar, harpnum)])[0]


def test_a_harp_may_carry_six_noaa_regions(engine: sa.Engine) -> None:
    added = transact(engine, lambda c: import_harp_map(c, SIX.splitlines()))

    with reading(engine) as connection:
        harps = harps_by_noaa(connection, range(11169, 11176))
    assert added == 7
    assert list(harps.values()) == [[393], [394], [393], [393], [393], [393], [393]]


def test_the_map_imported_twice_adds_nothing(engine: sa.Engine) -> None:
    transact(engine, lambda c: import_harp_map(c, SIX.splitlines()))

    assert transact(engine, lambda c: import_harp_map(c, SIX.splitlines())) == 0


def test_the_real_map_is_read_whole(engine_sqlite: sa.Engine, shared_data: Path) -> None:
    lines = (shared_data / "maps" / "all_harps_with_noaa_ars.txt").read_text().splitlines()

    added = transact(engine_sqlite, lambda c: import_harp_map(c, lines))

    pairs = sum(line.count(",") + 1 for line in lines[1:])
    assert added == pairs


@pytest.mark.parametrize("line", ["393 eleven", "393", "x 11169"])
def test_an_unreadable_line_is_named(engine_sqlite: sa.Engine, line: str) -> None:
    with pytest.raises(InvalidInputError, match="line 3 of the HARP map"):
        transact(engine_sqlite, lambda c: import_harp_map(c, ["HARPNUM NOAA_ARS", "1 11067", line]))


def test_names_resolve_to_the_harp_or_to_the_noaa_number(engine: sa.Engine) -> None:
    pairs = [(393, 11169), (393, 11171), (500, 11200), (501, 11200)]
    transact(engine, lambda c: add_harp_pairs(c, pairs))
    names = {
        RegionName(7, (11169,)): 7,  # a given HARPNUM counts
        RegionName(None, (11169,)): 393,
        RegionName(None, (11171,)): 393,
        RegionName(None, (11999, 11171)): 393,  # one unknown, one known
        RegionName(None, (11999,)): -11999,
        RegionName(None, (11200,)): -11200,  # two HARPs: undecided
    }

    with reading(engine) as connection:
        region_ids = resolve_many(connection, list(names))

    assert region_ids == list(names.values())


def test_a_region_without_any_number_is_refused(engine_sqlite: sa.Engine) -> None:
    with reading(engine_sqlite) as connection, pytest.raises(InvalidInputError, match="harpnum"):
        resolve_many(connection, [RegionName(None)])


def test_a_flare_goes_to_the_only_candidate(engine: sa.Engine) -> None:
    def work(c: sa.Connection) -> list[Assignment]:
        add_harp_pairs(c, [(393, 11169)])
        return [assigned(c, 11169), assigned(c, 11999), assigned(c, None), assigned(c, 11169, 5)]

    assert transact(engine, work) == [
        Assignment(393, Ground.HARP),
        Assignment(-11999, Ground.NOAA),
        Assignment(None, Ground.NONE),
        Assignment(5, Ground.REPORTED),
    ]


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ({}, Assignment(500, Ground.AMBIGUOUS)),
        ({501: 24}, Assignment(501, Ground.HARP)),
        ({501: 25}, Assignment(500, Ground.AMBIGUOUS)),
        ({500: -25, 501: -3}, Assignment(501, Ground.HARP)),
        ({500: 1, 501: -3}, Assignment(500, Ground.AMBIGUOUS)),
        ({-11200: 0}, Assignment(-11200, Ground.NOAA)),
    ],
)
def test_of_several_candidates_the_one_observed_within_a_day_is_the_source_else_the_first(
    engine: sa.Engine, offsets: dict[int, int], expected: Assignment
) -> None:
    def work(c: sa.Connection) -> Assignment:
        add_harp_pairs(c, [(500, 11200), (501, 11200)])
        for region_id, hours in offsets.items():
            observe(c, region_id, PEAK + timedelta(hours=hours))
        return assigned(c, 11200)

    assert transact(engine, work) == expected


def test_flares_move_when_their_harp_becomes_known(engine: sa.Engine) -> None:
    record = FlareRecord(PEAK, PEAK, None, "M1.0", FluxScale.OPERATIONAL, noaa_ar=11169)
    transact(engine, lambda c: store_flares(c, [record], source="x", covers=None, now=PEAK))
    transact(engine, lambda c: c.execute(verification_stale.delete()))
    transact(engine, lambda c: add_harp_pairs(c, [(393, 11169)]))

    moved, again = (transact(engine, lambda c: reassign(c, EVER)) for _ in range(2))

    with reading(engine) as connection:
        stored = list_flares(connection, window=EVER, limit=10)
        stale = connection.execute(sa.select(verification_stale)).all()
    assert (moved, again) == (1, 0)
    assert [(f.region_id, f.assignment) for f in stored] == [(393, "harp")]
    assert len(stale) == 7
