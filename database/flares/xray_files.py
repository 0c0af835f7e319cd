"""Files of X-ray flux: NOAA's minutes as Parquet or CSV, with what was not measured left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
import sqlalchemy as sa

from database.engine import transact
from database.flares.xray import XrayMinute, XrayReport, store_flux
from solar.errors import InvalidInputError

# Accepted spellings of each column, the product's own first.
_SPELLINGS = {
    "minute_at": ("minute_at", "time_utc", "time", "time_tag"),
    "flux_w_m2": ("flux_w_m2", "xrsb_flux", "flux"),
    "flag": ("flag", "xrsb_flag"),
    "satellite": ("satellite",),
}
# The Sun has never been below A0.1 or near X1000; NOAA writes -9999, -99999 and 1e-9 for
# what was not measured.
LEAST, MOST = 1.01e-9, 0.1
_ROWS_PER_COMMIT = 20_000
_NAMED = re.compile(r"(?:^|[_-])(?:goes-?|g)(\d{1,2})(?:[_-]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class XrayImport:
    """What was read; `unmeasured` minutes are stored without a value."""

    report: XrayReport
    unmeasured: int

    def __str__(self) -> str:
        """Say it in one line."""
        given = self.report
        return (
            f"{given.added} minutes added, {given.revised} revised, {given.unchanged} already"
            f" known; {self.unmeasured} of them without a usable value"
        )


def import_xray(engine: sa.Engine, path: Path, *, satellite: str | None) -> XrayImport:
    """Read a file and store its minutes, a part at a time.

    Parameters
    ----------
    satellite : such as ``G16``; needed where neither a column nor the name of the file says it

    Raises
    ------
    InvalidInputError
        When the file cannot be read, lacks a column, or does not tell its satellite.
    """
    minutes = list(read_minutes(path, satellite=satellite))
    added = revised = unchanged = 0
    for start in range(0, len(minutes), _ROWS_PER_COMMIT):
        piece = minutes[start : start + _ROWS_PER_COMMIT]
        report = transact(engine, partial(store_flux, minutes=piece))
        added, revised = added + report.added, revised + report.revised
        unchanged += report.unchanged
    unmeasured = sum(minute.flux_w_m2 is None for minute in minutes)
    return XrayImport(XrayReport(added, revised, unchanged), unmeasured)


def read_minutes(path: Path, *, satellite: str | None) -> Iterator[XrayMinute]:
    """Read the minutes; a flagged or impossible flux becomes None, for it is no measurement."""
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
    found = {
        name: table.column(spelling)
        for name, spellings in _SPELLINGS.items()
        for spelling in reversed(spellings)
        if spelling in table.column_names
    }
    missing = [name for name in ("minute_at", "flux_w_m2") if name not in found]
    if missing:
        raise InvalidInputError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(table.column_names)}"
        )
    return found


def _times(column: pa.ChunkedArray, path: Path) -> list[datetime]:
    try:
        stamps = pc.cast(column, pa.timestamp("us")).to_pylist()
    except pa.ArrowException as error:
        raise InvalidInputError(f"{path}: a time cannot be read: {error}") from error
    if None in stamps:
        raise InvalidInputError(f"{path}: line {stamps.index(None) + 1} has no time; remove it")
    # NOAA's minutes are in UTC and never say so.
    return [at.replace(second=0, microsecond=0, tzinfo=UTC) for at in stamps]


def _flux(
    columns: dict[str, pa.ChunkedArray], path: Path
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    try:
        flux = pc.cast(columns["flux_w_m2"], pa.float64()).to_numpy()
        flag = columns["flag"].to_numpy() if "flag" in columns else np.zeros(len(flux))
    except pa.ArrowException as error:
        raise InvalidInputError(f"{path}: a flux is no number: {error}") from error
    usable = (flux >= LEAST) & (flux <= MOST) & (flag == 0)
    return np.where(usable, flux, np.nan)


def _satellite(path: Path) -> str:
    match = _NAMED.search(path.stem)
    if not match:
        raise InvalidInputError(
            f"{path} does not tell its satellite; name it with --satellite, such as G16"
        )
    return f"G{int(match.group(1))}"
