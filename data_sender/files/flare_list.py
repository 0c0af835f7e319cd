"""A flare list on disk: observed events that a replay tells once they have ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_sender.files.tables import in_any_case, read_table, reading, utc_times
from data_sender.source import FlareReport
from solar.errors import InvalidInputError
from solar.flares import FluxScale

_TIMES = ("START_TIME", "PEAK_TIME", "END_TIME")
_SHORT_TIMES = ("START", "PEAK", "END")
_TEXT = (*_TIMES, *_SHORT_TIMES, "GOES_CLASS", "OBS", "FLUX_SCALE")
_WANTED = (*_TEXT, "NOAA_AR", "HARPNUM")
# NOAA publishes true fluxes from GOES-16 on; lists that name no satellite change with the
# primary one, on 2019-12-09.
_FIRST_TRUE_SATELLITE = 16
_FIRST_TRUE_AT = np.datetime64("2019-12-09", "us")


def read_flares(path: Path) -> tuple[FlareReport, ...]:
    """Read a flare list, in order of the flares' ends.

    Parameters
    ----------
    path : parquet or CSV with start_time, peak_time, end_time (or start, peak, end; UTC),
        goes_class, and where known noaa_ar, harpnum, flux_scale or obs (the satellite)

    Returns
    -------
    Reports as the API takes them. A peak or an end before the start is that of the next day,
    which lists that keep one date per flare get wrong at midnight.

    Raises
    ------
    InvalidInputError
        When the file cannot be read, with its path and the reason.
    """
    with reading(path):
        table = read_table(path, in_any_case(_WANTED), as_text=_TEXT)
        names = _TIMES if _TIMES[0] in table.column_names else _SHORT_TIMES
        lacking = [name for name in (*names, "GOES_CLASS") if name not in table.column_names]
        if lacking:
            raise InvalidInputError(f"it has no column {', '.join(lacking).lower()}")
        start, peak, end = (utc_times(table[name], is_tai=False) for name in names)
    day = np.timedelta64(1, "D")
    peak = np.where(peak < start, peak + day, peak)
    end = np.where(end < peak, end + day, end)
    bodies = _bodies(table, (start, peak, end))
    order = np.argsort(end, kind="stable")
    return tuple(FlareReport(start[i], end[i], bodies[i]) for i in order)


def _bodies(table: pa.Table, times: tuple[NDArray[np.datetime64], ...]) -> list[dict[str, Any]]:
    starts, peaks, ends = (np.datetime_as_string(at, unit="s").tolist() for at in times)
    classes = table["GOES_CLASS"].to_pylist()
    scales = _flux_scales(table, times[1])
    regions = _numbers(table, "NOAA_AR")
    harps = _numbers(table, "HARPNUM")
    bodies = []
    for index, goes_class in enumerate(classes):
        body: dict[str, Any] = {
            "start": f"{starts[index]}Z", "peak": f"{peaks[index]}Z", "end": f"{ends[index]}Z",
            "goes_class": goes_class, "flux_scale": scales[index], "noaa_ar": regions[index],
        }  # fmt: skip
        if harps[index]:
            body["harpnum"] = harps[index]
        bodies.append(body)
    return bodies


def _numbers(table: pa.Table, name: str) -> list[int | None]:
    if name not in table.column_names:
        return [None] * table.num_rows
    return [int(number) or None for number in np.nan_to_num(table[name].to_numpy()).tolist()]


def _flux_scales(table: pa.Table, peak: NDArray[np.datetime64]) -> list[str]:
    if "FLUX_SCALE" in table.column_names:
        return [str(scale) for scale in table["FLUX_SCALE"].to_pylist()]
    is_true = peak >= _FIRST_TRUE_AT
    if "OBS" in table.column_names:
        satellites = [str(name).lstrip("GOES-") for name in table["OBS"].to_pylist()]
        is_true = np.array(
            [int(name) >= _FIRST_TRUE_SATELLITE if name.isdigit() else late
             for name, late in zip(satellites, is_true, strict=True)]
        )  # fmt: skip
    return [(FluxScale.TRUE if true else FluxScale.OPERATIONAL).value for true in is_true]
