"""The HARP map: which NOAA active regions each HMI active-region patch (HARP) has carried."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from database.round_trips import forget_read_ahead, read
from database.schema.tables import harp_noaa
from database.upsert import upsert
from solar.errors import InvalidInputError

# Numbers in one IN list; SQLite's limit is 32,766 parameters, MySQL plans short lists better.
_LIST_LENGTH = 1_000
_PAIRS = str(sa.select(harp_noaa.c.harpnum, harp_noaa.c.noaa_ar))


@dataclass(frozen=True)
class RegionName:
    """What a source calls a region: a HARPNUM, NOAA numbers, or both."""

    harpnum: int | None
    noaa_ars: tuple[int, ...] = ()


def add_harp_pairs(
    connection: sa.Connection, pairs: Iterable[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Add (harpnum, noaa_ar) pairs to the map; return those that were new.

    The flares of their NOAA regions may belong elsewhere now: see `flares.assignment.reassign`.
    """
    wanted = {pair for pair in pairs if min(pair) > 0}
    harpnums = sorted({harpnum for harpnum, _ in wanted})
    known: set[tuple[int, int]] = set()
    for start in range(0, len(harpnums), _LIST_LENGTH):
        chunk = harpnums[start : start + _LIST_LENGTH]
        query = f"{_PAIRS} WHERE harpnum IN ({','.join(map(str, chunk))})"
        known |= {(row[0], row[1]) for row in read(connection, query)}
    new = sorted(wanted - known)
    if new:
        upsert(connection, harp_noaa, columns=("harpnum", "noaa_ar"), rows=new)
        forget_read_ahead(connection)
    return new


def import_harp_map(connection: sa.Connection, lines: Iterable[str]) -> int:
    """Read JSOC's list of all HARPs with their NOAA regions; return how many pairs were new."""
    return len(add_harp_pairs(connection, read_harp_map(lines)))


def read_harp_map(lines: Iterable[str]) -> list[tuple[int, int]]:
    """Return the (harpnum, noaa_ar) pairs of JSOC's list of all HARPs with their NOAA regions.

    Raises
    ------
    InvalidInputError
        With the line number, when a line is not ``HARPNUM AR[,AR…]``.
    """
    pairs: list[tuple[int, int]] = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.split()[0].upper().startswith("HARP"):
            pairs += _pairs(line, number)
    return pairs


def _pairs(line: str, number: int) -> list[tuple[int, int]]:
    fields = line.split()
    try:
        harpnum, noaa_ars = int(fields[0]), [int(ar) for ar in fields[1].split(",")]
    except (ValueError, IndexError) as error:
        raise InvalidInputError(
            f"line {number} of the HARP map is {line.strip()[:60]!r}; expected a HARPNUM and"
            " its NOAA numbers, as in `393 11169,11171`"
        ) from error
    return [(harpnum, noaa_ar) for noaa_ar in noaa_ars]


def harps_by_noaa(connection: sa.Connection, noaa_ars: Iterable[int]) -> dict[int, list[int]]:
    """Return the HARPs of each NOAA region, ascending; regions without a HARP are absent."""
    harps: dict[int, list[int]] = defaultdict(list)
    wanted = sorted(set(noaa_ars))
    for start in range(0, len(wanted), _LIST_LENGTH):
        query = (
            sa.select(harp_noaa.c.noaa_ar, harp_noaa.c.harpnum)
            .where(harp_noaa.c.noaa_ar.in_(wanted[start : start + _LIST_LENGTH]))
            .order_by(harp_noaa.c.noaa_ar, harp_noaa.c.harpnum)
        )
        for noaa_ar, harpnum in connection.execute(query):
            harps[noaa_ar].append(harpnum)
    return dict(harps)


def resolve_many(connection: sa.Connection, names: Sequence[RegionName]) -> list[int]:
    """Return the region id of each name, with one query for all of them.

    The HARPNUM when given; else the HARP that the NOAA numbers have in common; else, when
    the map has no HARP or no single one in common, the first NOAA number negated.
    """
    noaa_ars = {ar for name in names if name.harpnum is None for ar in name.noaa_ars}
    harps = harps_by_noaa(connection, noaa_ars) if noaa_ars else {}
    return [_region_id(name, harps) for name in names]


def _region_id(name: RegionName, harps: Mapping[int, Sequence[int]]) -> int:
    if name.harpnum is not None:
        return name.harpnum
    if not name.noaa_ars:
        raise InvalidInputError("a region needs a harpnum or a NOAA number; give one of them")
    known = [set(harps[noaa_ar]) for noaa_ar in name.noaa_ars if noaa_ar in harps]
    common = set.intersection(*known) if known else set()
    return common.pop() if len(common) == 1 else -name.noaa_ars[0]
