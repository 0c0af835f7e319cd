"""One region through its passage over the disk: positions, keywords, flares and forecasts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.harps import harps_by_noaa
from database.regions.current import RegionRow, region_row
from database.schema.tables import (
    flares,
    observations,
    predictions,
    regions,
    superseded_predictions,
)
from solar.columns import Columns, Times
from solar.errors import NotFoundError
from solar.flares import EVENTS
from solar.sharp import Keyword
from solar.time import Window, to_datetime64
from solar.windows import DAY

# A passage over the disk at the instrument's cadence is about 1,700 records.
MOST_RECORDS = 5_000
MOST_REGIONS = 50
_T_REC, _MODEL, _ISSUED, _FIRST_PROBABILITY = 0, 1, 5, 6


@dataclass(frozen=True)
class Place:
    """The position of a region at a record [deg], and its area [µHem]; None where unknown."""

    t_rec: datetime
    lon_fwt: float | None
    lat_fwt: float | None
    area_acr: float | None


@dataclass(frozen=True)
class Measurements(Columns):
    """Records of one region by time; `values` (n, k) in the order of the requested keywords."""

    t_rec: NDArray[np.datetime64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class ForecastLine(Columns):
    """Forecasts of one region by time; `probability` (n, 4) in the order of EVENTS, NaN if none.

    `issued_at` (n,) is the time of the clock at which the revision was issued.
    """

    t_rec: Times
    probability: NDArray[np.float64]
    imputed_share: NDArray[np.float64]
    issued_at: Times
    rungs: NDArray[np.object_]
    reasons: NDArray[np.object_]
    model_ids: NDArray[np.object_]


def find_region(connection: sa.Connection, region_id: int) -> RegionRow:
    """Return a region by its number.

    Raises
    ------
    NotFoundError
        When no record of it was ever stored.
    """
    row = connection.execute(sa.select(regions).where(regions.c.region_id == region_id)).first()
    if row is None:
        raise NotFoundError(f"no region {region_id} is stored; search by NOAA or HARP number")
    return region_row(row)


def search_regions(connection: sa.Connection, number: int | None) -> list[RegionRow]:
    """List the regions of a NOAA or HARP number, or the most recent ones without a number."""
    newest_first = sa.select(regions).order_by(regions.c.last_t_rec.desc(), regions.c.region_id)
    if number is not None:
        wanted = [number, -number, *harps_by_noaa(connection, [number]).get(number, ())]
        newest_first = newest_first.where(regions.c.region_id.in_(wanted))
    return [region_row(row) for row in connection.execute(newest_first.limit(MOST_REGIONS))]


def measurements(
    connection: sa.Connection, region_id: int, *, keywords: Sequence[Keyword], window: Window
) -> Measurements:
    """Return the keywords of one region in a window, in the order of time, NaN where missing."""
    table = observations.c
    rows = connection.execute(
        sa.select(_raw(table.t_rec), *(table[keyword.column] for keyword in keywords))
        .where(
            table.region_id == region_id,
            table.t_rec >= window.start_at,
            table.t_rec < window.end_at,
        )
        .order_by(table.t_rec.desc())
        .limit(MOST_RECORDS)
    ).all()[::-1]
    return Measurements(
        t_rec=np.array([row[0] for row in rows], "datetime64[us]"),
        values=np.array([row[1:] for row in rows], np.float64).reshape(-1, len(keywords)),
    )


def place_at(connection: sa.Connection, region_id: int, at: datetime) -> Place | None:
    """Return the position of a region in its newest record up to `at`, None without one."""
    table = observations.c
    row = connection.execute(
        sa.select(table.t_rec, table.lon_fwt, table.lat_fwt, table.area_acr)
        .where(table.region_id == region_id, table.t_rec <= at)
        .order_by(table.t_rec.desc())
        .limit(1)
    ).first()
    return None if row is None else Place(*row)


def largest_fluxes(connection: sa.Connection, region_ids: Sequence[int]) -> dict[int, float]:
    """Return the peak flux [W m-2] of the largest flare of each region that has flared."""
    table = flares.c
    rows = connection.execute(
        sa.select(table.region_id, sa.func.max(table.peak_flux_w_m2))
        .where(table.region_id.in_(list(region_ids)))
        .group_by(table.region_id)
    )
    return {int(region_id): float(flux) for region_id, flux in rows}


def _raw(column: sa.ColumnElement[object]) -> sa.ColumnElement[object]:
    # As the driver gives it, text or naive datetime: numpy reads both faster than we convert.
    return sa.type_coerce(column, sa.types.NullType())


def latest_t_rec(connection: sa.Connection, region_id: int, *, until: datetime) -> datetime | None:
    """Return the time of the newest record of a region at or before `until`, None without one."""
    table = observations.c
    return connection.execute(
        sa.select(table.t_rec)
        .where(table.region_id == region_id, table.t_rec <= until)
        .order_by(table.t_rec.desc())
        .limit(1)
    ).scalar()


def next_t_rec(connection: sa.Connection, region_id: int, *, after: datetime) -> datetime | None:
    """Return the time of the first record of a region after a time, None without one."""
    table = observations.c
    query = sa.select(sa.func.min(table.t_rec))
    at: datetime | None = connection.scalar(
        query.where(table.region_id == region_id, table.t_rec > after)
    )
    return at


def issued_raw(
    connection: sa.Connection, region_id: int, *, t_rec: datetime, model_id: str, column: str
) -> float | None:
    """Return the stored raw probability; `column` is that of an event."""
    table = predictions.c
    value: float | None = connection.execute(
        sa.select(table[f"{column}_raw"]).where(
            table.region_id == region_id, table.t_rec == t_rec, table.model_id == model_id
        )
    ).scalar()
    return value


def join_lines(lines: Sequence[ForecastLine]) -> ForecastLine:
    """Concatenate lines, possibly none."""
    return ForecastLine.concatenate([_line([]), *lines])


def forecast_lines(
    connection: sa.Connection,
    region_id: int,
    *,
    model_ids: Sequence[str],
    window: Window,
    as_issued: bool,
    known_until: datetime | None = None,
) -> dict[str, ForecastLine]:
    """Return the forecasts for t_rec in a window by model, each in the order of time.

    Parameters
    ----------
    as_issued : take of each forecast the revision that was current at `known_until`, and of one
        that was issued more than 24 h after its record, as in a replay, the first; else the newest
    known_until : a time of the clock, None for now
    """
    selected = (region_id, list(model_ids), window)
    rows = _rows(connection, predictions, selected)
    if as_issued:
        earlier = defaultdict(list)
        for row in _rows(connection, superseded_predictions, selected):
            earlier[row[_MODEL], row[_T_REC]].append(row)
        rows = _as_issued(rows, earlier, known_until) if earlier else rows
    by_model: dict[str, list[Sequence[Any]]] = {model_id: [] for model_id in model_ids}
    for row in rows:
        by_model[row[_MODEL]].append(row)
    return {model_id: _line(of_model) for model_id, of_model in by_model.items()}


def _rows(
    connection: sa.Connection, table: sa.Table, selected: tuple[int, list[str], Window]
) -> list[Sequence[Any]]:
    region_id, model_ids, window = selected
    column = table.c
    order = [column.t_rec.desc()]
    if table is superseded_predictions:
        order.append(column.revision.desc())
    query = (
        sa.select(
            _raw(column.t_rec),
            column.model_id,
            column.rung,
            column.reason,
            column.imputed_share,
            _raw(column.issued_at),
            *(column[event.column] for event in EVENTS),
        )
        .where(
            column.region_id == region_id,
            column.model_id.in_(model_ids),
            column.t_rec >= window.start_at,
            column.t_rec < window.end_at,
        )
        .order_by(*order)
        .limit(MOST_RECORDS * max(len(model_ids), 1))
    )
    return list(connection.execute(query).all()[::-1])


def _as_issued(
    rows: Sequence[Sequence[Any]],
    earlier: Mapping[tuple[str, object], Sequence[Sequence[Any]]],
    known_until: datetime | None,
) -> list[Sequence[Any]]:
    limit = None if known_until is None else to_datetime64(known_until)
    return [
        _revision_at([*earlier.get((row[_MODEL], row[_T_REC]), ()), row], limit) for row in rows
    ]


def _revision_at(revisions: Sequence[Sequence[Any]], limit: np.datetime64 | None) -> Sequence[Any]:
    """Choose one of the revisions of a forecast, given from the oldest on."""
    if len(revisions) == 1:
        return revisions[0]
    issued = np.array([row[_ISSUED] for row in revisions], "datetime64[us]")
    if issued[0] - np.datetime64(revisions[0][_T_REC], "us") > np.timedelta64(DAY.validity):
        return revisions[0]
    n_issued = len(revisions) if limit is None else int((issued <= limit).sum())
    return revisions[max(n_issued - 1, 0)]


def _line(rows: Sequence[Sequence[Any]]) -> ForecastLine:
    return ForecastLine(
        t_rec=np.array([row[_T_REC] for row in rows], "datetime64[us]"),
        probability=np.array([row[_FIRST_PROBABILITY:] for row in rows], np.float64).reshape(
            -1, len(EVENTS)
        ),
        imputed_share=np.array([row[4] for row in rows], np.float64),
        issued_at=np.array([row[_ISSUED] for row in rows], "datetime64[us]"),
        rungs=np.array([row[2] for row in rows], object),
        reasons=np.array([row[3] for row in rows], object),
        model_ids=np.array([row[_MODEL] for row in rows], object),
    )
