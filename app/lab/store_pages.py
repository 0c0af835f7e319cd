"""Pages of the store for a snapshot run: records, flares, regions and coverage of its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.contract.lab import SnapshotParameters
from app.contract.responses import OBSERVATION_COLUMNS, cut_page, flat_observation, read_cursor
from database.flares.coverage import covered_windows
from database.flares.flares import ACTIVITY_REACH, list_flares
from database.lab.runs import SNAPSHOT, Run
from database.observations.records import list_observations
from database.regions.regions import list_regions, noaa_numbers
from solar.errors import NotFoundError
from solar.flares import HORIZON
from solar.time import Window

_ROWS = 5_000


class StorePage(NamedTuple):
    """Some rows of a table, its columns, and the cursor of the next page, None after the last."""

    rows: list[dict[str, Any]]
    columns: Sequence[str]
    cursor: str | None


def store_page(connection: sa.Connection, run: Run, table: str, cursor: str | None) -> StorePage:
    """Read a page of a table of the store; raises NotFoundError for what the run does not ask."""
    if run.kind != SNAPSHOT or table not in _READERS:
        raise NotFoundError(f"a {run.kind} run reads no {table[:40]} of the store")
    asked = SnapshotParameters.model_validate(run.parameters)
    return _READERS[table](connection, Window(asked.from_, asked.to), cursor)


def _records(connection: sa.Connection, window: Window, cursor: str | None) -> StorePage:
    after = read_cursor(cursor, datetime, int)
    rows = list_observations(connection, window=window, limit=_ROWS + 1, after=after)
    rows, following = cut_page(rows, _ROWS, itemgetter("t_rec", "region_id"))
    return StorePage([flat_observation(row) for row in rows], OBSERVATION_COLUMNS, following)


def _flares(connection: sa.Connection, window: Window, cursor: str | None) -> StorePage:
    """Read the flares that are history of the first records, or truth of the last ones."""
    around = Window(window.start_at - ACTIVITY_REACH, window.end_at + HORIZON)
    after = read_cursor(cursor, datetime, str)
    flares = list_flares(connection, window=around, limit=_ROWS + 1, after=after)
    flares, following = cut_page(flares, _ROWS, attrgetter("peak_at", "flare_id"))
    names = {"start": "start_at", "peak": "peak_at", "region": "region_id"}
    columns = (*names, "noaa_ar", "peak_flux_w_m2")
    rows = [{name: getattr(flare, names.get(name, name)) for name in columns} for flare in flares]
    return StorePage(rows, columns, following)


def _regions(connection: sa.Connection, window: Window, cursor: str | None) -> StorePage:
    after = read_cursor(cursor, int)
    regions = list_regions(
        connection, window=window, limit=_ROWS + 1, after=after[0] if after else None
    )
    regions, following = cut_page(regions, _ROWS, lambda row: (row["region_id"],))
    rows = [
        {"region": row["region_id"], "noaa_ar": number}
        for row in regions
        for number in noaa_numbers(row["noaa_ars"])
    ]
    return StorePage(rows, ("region", "noaa_ar"), following)


def _coverage(connection: sa.Connection, _window: Window, _cursor: str | None) -> StorePage:
    """Read the stretches in which the flare list is complete."""
    rows = [{"from": one.start_at, "to": one.end_at} for one in covered_windows(connection)]
    return StorePage(rows, ("from", "to"), None)


_READERS: dict[str, Callable[[sa.Connection, Window, str | None], StorePage]] = {
    "records": _records,
    "flares": _flares,
    "regions": _regions,
    "coverage": _coverage,
}
