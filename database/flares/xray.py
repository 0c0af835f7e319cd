"""The Sun's soft X-ray flux (GOES, 1-8 Angstrom), minute by minute: read, stored, drawn."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
import sqlalchemy as sa
from numpy.typing import NDArray

from database.schema.tables import xray_flux
from database.upsert import upsert
from solar.errors import InvalidInputError
from solar.flare_detection import LEAST_FLUX, MINUTE, MOST_FLUX, XrayMinute, one_a_minute
from solar.time import Window, to_datetime64

MOST_MINUTES = 100_000
MOST_POINTS = 2_000

_COLUMNS = tuple(column.name for column in xray_flux.columns)
_KEYS_PER_QUERY = 500
# Accepted spellings of each column; the first is this project's.
_SPELLINGS = {
    "minute_at": ("minute_at", "time_utc", "time", "time_tag"),
    "flux_w_m2": ("flux_w_m2", "xrsb_flux", "flux"),
    "flag": ("flag", "xrsb_flag"),
    "satellite": ("satellite",),
}
_NAMED = re.compile(r"(?:^|[_-])(?:goes-?|g)(\d{1,2})(?:[_-]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class XrayReport:
    """The number of minutes of one call that were added, revised or unchanged."""

    added: int
    revised: int
    unchanged: int
    # The first and the last minute that were added or revised.
    changed: tuple[datetime, datetime] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class XrayLine:
    """A line of flux: the k-th value of `flux` (n,) [W m-2] is the highest of its stretch.

    Stretches of the length `step` follow each other from `start_at` on; NaN where no minute
    of one was measured. `satellites` are those that measured.
    """

    start_at: datetime
    step: timedelta
    flux: NDArray[np.float64]
    satellites: tuple[str, ...]


def store_flux(connection: sa.Connection, minutes: Sequence[XrayMinute]) -> XrayReport:
    """Write minutes; one that its satellite has already is replaced, the last of two stays."""
    last = {(minute.minute_at, minute.satellite): minute for minute in minutes}
    known = _known(connection, sorted({at for at, _ in last}))
    changed = [minute for key, minute in last.items() if known.get(key) != minute]
    rows = [(minute.minute_at, minute.flux_w_m2, minute.satellite) for minute in changed]
    upsert(connection, xray_flux, columns=_COLUMNS, rows=sorted(rows, key=itemgetter(0, 2)))
    revised = sum((minute.minute_at, minute.satellite) in known for minute in changed)
    times = [minute.minute_at for minute in changed]
    return XrayReport(
        len(changed) - revised,
        revised,
        len(minutes) - len(changed),
        (min(times), max(times)) if times else None,
    )


def _known(
    connection: sa.Connection, times: Sequence[datetime]
) -> dict[tuple[datetime, str], XrayMinute]:
    known: dict[tuple[datetime, str], XrayMinute] = {}
    for start in range(0, len(times), _KEYS_PER_QUERY):
        keys = times[start : start + _KEYS_PER_QUERY]
        query = sa.select(xray_flux).where(xray_flux.c.minute_at.in_(keys))
        for row in connection.execute(query):
            known[row.minute_at, row.satellite] = XrayMinute(*row)
    return known


def flux_line(
    connection: sa.Connection, window: Window, *, most: int = MOST_POINTS
) -> XrayLine | None:
    """Return the flux of a window as at most `most` points, None where nothing is stored.

    A window may hold up to `MOST_MINUTES` minutes; of a longer one the first are drawn.
    """
    raw_time = sa.type_coerce(xray_flux.c.minute_at, sa.types.NullType())
    rows: Sequence[Any] = connection.execute(
        sa.select(raw_time, xray_flux.c.flux_w_m2, xray_flux.c.satellite)
        .where(xray_flux.c.minute_at >= window.start_at, xray_flux.c.minute_at < window.end_at)
        .order_by(xray_flux.c.minute_at, xray_flux.c.satellite)
        .limit(MOST_MINUTES)
    ).all()
    if not rows:
        return None
    satellites = tuple(sorted({row[2] for row in rows}))
    if len(satellites) > 1:
        rows = _one_a_minute(rows)
    times = np.array([row[0] for row in rows], "datetime64[us]")
    values = np.array([row[1] for row in rows], np.float64)
    length = window.end_at - window.start_at
    step = MINUTE * max(1, math.ceil(length / MINUTE / most))
    n = math.ceil(length / step)
    highest = highest_of(times - to_datetime64(window.start_at), values, step=step, n=n)
    return XrayLine(window.start_at, step, highest, satellites)


def _one_a_minute(rows: Sequence[Any]) -> list[tuple[datetime, float | None]]:
    # The driver gives a time as text or without a zone.
    minutes = [XrayMinute(datetime.fromisoformat(str(row[0])), row[1], row[2]) for row in rows]
    return [(one.minute_at, one.flux_w_m2) for one in one_a_minute(minutes)]


def highest_of(
    since: NDArray[np.timedelta64], values: NDArray[np.float64], *, step: timedelta, n: int
) -> NDArray[np.float64]:
    """Return the highest value (n,) in each of `n` stretches of time, NaN in those without any."""
    place = (since // np.timedelta64(step)).astype(np.int64)
    highest = np.full(n, -np.inf)
    known = ~np.isnan(values)
    np.maximum.at(highest, place[known], values[known])
    return np.where(np.isinf(highest), np.nan, highest)


def read_minutes(path: Path, *, satellite: str | None) -> Iterator[XrayMinute]:
    """Read the minutes; a flagged or impossible flux becomes None, because it is no measurement."""
    table = _table(path)
    columns = _columns(table, path)
    times, flux = _times(columns["minute_at"], path), _flux(columns, path)
    if "satellite" in columns:
        names = [str(name) for name in columns["satellite"].to_pylist()]
    else:
        names = [satellite or _satellite(path)] * len(times)
    values: list[float | None] = [None if np.isnan(value) else float(value) for value in flux]
    return map(XrayMinute, times, values, names)


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pa_parquet.read_table(path)
        return pa_csv.read_csv(path)
    except (OSError, pa.ArrowException) as error:
        raise InvalidInputError(
            f"{path} cannot be read as X-ray flux: {str(error).splitlines()[0]}; give a Parquet"
            " or CSV file with the columns minute_at and flux_w_m2"
        ) from error


def _columns(table: pa.Table, path: Path) -> dict[str, pa.ChunkedArray]:
    columns = {
        name: table.column(spelling)
        for name, spellings in _SPELLINGS.items()
        for spelling in reversed(spellings)
        if spelling in table.column_names
    }
    missing = [name for name in ("minute_at", "flux_w_m2") if name not in columns]
    if missing:
        raise InvalidInputError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(table.column_names)}"
        )
    return columns


def _times(column: pa.ChunkedArray, path: Path) -> list[datetime]:
    try:
        stamps = pc.cast(column, pa.timestamp("us")).to_pylist()
    except pa.ArrowException as error:
        raise InvalidInputError(f"{path}: a time cannot be read: {error}") from error
    if None in stamps:
        raise InvalidInputError(f"{path}: line {stamps.index(None) + 1} has no time; remove it")
    # NOAA's minutes are in UTC, without a mark.
    return [at.replace(second=0, microsecond=0, tzinfo=UTC) for at in stamps]


def _flux(
    columns: dict[str, pa.ChunkedArray], path: Path
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    try:
        flux = pc.cast(columns["flux_w_m2"], pa.float64()).to_numpy()
        flag = columns["flag"].to_numpy() if "flag" in columns else np.zeros(len(flux))
    except pa.ArrowException as error:
        raise InvalidInputError(f"{path}: a flux is no number: {error}") from error
    usable = (flux >= LEAST_FLUX) & (flux <= MOST_FLUX) & (flag == 0)
    return np.where(usable, flux, np.nan)


def _satellite(path: Path) -> str:
    match = _NAMED.search(path.stem)
    if not match:
        raise InvalidInputError(
            f"{path} does not tell its satellite; name it with --satellite, such as G16"
        )
    return f"G{int(match.group(1))}"
