"""Files of the X-ray flux: Parquet or CSV with a row for each minute, by NOAA or by us."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from solar.columns import Floats
from solar.errors import InvalidInputError
from solar.flare_detection import LEAST_FLUX, MOST_FLUX, XrayMinute

# Accepted spellings of each column; the first is this project's.
_SPELLINGS = {
    "minute_at": ("minute_at", "time_utc", "time", "time_tag"),
    "flux_w_m2": ("flux_w_m2", "xrsb_flux", "flux"),
    "flag": ("flag", "xrsb_flag"),
    "satellite": ("satellite",),
}
_NAMED = re.compile(r"(?:^|[_-])(?:goes-?|g)(\d{1,2})(?:[_-]|$)", re.IGNORECASE)


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


def _flux(columns: dict[str, pa.ChunkedArray], path: Path) -> Floats:
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
            f"{path} does not tell its satellite; give it a column satellite or a name such as"
            " g16.csv, or import it with --satellite G16"
        )
    return f"G{int(match.group(1))}"
