"""A replay: observations and flares from files, in order of event time."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.source import Chunk, FlareReport
from data_sender.sources.files.layout import SHARP_LAYOUT, TIME_NAMES, Layout, in_any_case
from data_sender.sources.files.tables import (
    check_columns,
    is_instance,
    is_table,
    parquet_pieces,
    read_instance,
    read_rows,
    read_table,
    reading,
    rows_of,
    times_of,
    utc_times,
)
from data_sender.xrays import XrayMinutes, read_xrays
from solar.errors import InvalidInputError
from solar.flares import FIRST_TRUE_SATELLITE, FluxScale

logger = logging.getLogger(__name__)

# What a smaller file takes is better spent on sorting it, whatever its order.
LARGE_ROWS = 500_000
_PIECE_ROWS = 50_000

_TIMES = ("START_TIME", "PEAK_TIME", "END_TIME")
_SHORT_TIMES = ("START", "PEAK", "END")
_TEXT = (*_TIMES, *_SHORT_TIMES, "GOES_CLASS", "OBS", "FLUX_SCALE")
_WANTED = (*_TEXT, "NOAA_AR", "HARPNUM")
# NOAA publishes true fluxes from GOES-16 on; lists that name no satellite change with the
# primary one, on 2019-12-09.
_LONGEST_PHASE = np.timedelta64(12, "h")
_FIRST_TRUE_AT = np.datetime64("2019-12-09", "us")


class Replay:
    """The rows of files and folders, sorted by event time across all of them.

    The rows are held in memory as columns: 200 bytes a row, 40 MB for 200,000. A large parquet
    file that is in the order of time already is read piece by piece instead.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        flares: Path | None = None,
        layout: Layout = SHARP_LAYOUT,
        large: int = LARGE_ROWS,
        xrays: Path | None = None,
    ) -> None:
        self._xrays_path = xrays
        self._paths = [file for path in paths for file in _files(path)]
        self._flares_path = flares
        self._flares = read_flares(flares) if flares else ()
        self._layout = layout
        for path in self._paths:
            check_columns(path, layout)
        self._ordered = ordered_file(self._paths, layout, large=large)
        self._rows: Rows | None = None
        if self._ordered is None:
            self._rows = Rows.concatenate([_read(path, layout) for path in self._paths]).sorted()
            logger.info("%d rows in %d file(s)", len(self._rows), len(self._paths))
        else:
            logger.info("%s is in the order of time; it is read piece by piece", self._ordered)

    @cached_property
    def fingerprint(self) -> str:
        """The hash of the files' content in order and of what their columns mean.

        The names and places of the files do not matter.
        """
        digest = hashlib.sha256()
        others = [path for path in (self._flares_path, self._xrays_path) if path]
        for path in (*self._paths, *others):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        digest.update(self._layout.identity())
        return digest.hexdigest()

    @cached_property
    def span(self) -> tuple[np.datetime64, np.datetime64] | None:
        """The times of the first and the last row, None where no row has one."""
        if self._rows is not None:
            times = self._rows.t_rec
        else:
            times = np.concatenate([t[[0, -1]] for t in _piece_times(self._paths[0], self._layout)])
        times = times[~np.isnat(times)]
        return (times.min(), times.max()) if len(times) else None

    @cached_property
    def minutes(self) -> XrayMinutes:
        """The X-ray minutes of the time of the rows, from a day before to a day after."""
        if self._xrays_path is None or self.span is None:
            return XrayMinutes.none()
        return read_xrays(self._xrays_path, self.span)

    @property
    def flare_source(self) -> str | None:
        """The name of the flare file, as far as the contract can write it."""
        if self._flares_path is None:
            return None
        return re.sub(r"[^A-Za-z0-9_.:-]", "-", self._flares_path.name)[:40]

    @property
    def continues_past_end(self) -> bool:
        """Whether flares may decide the truth of the last rows."""
        return bool(self._flares)

    @property
    def covers_from(self) -> np.datetime64 | None:
        """The start of the first flare: before it the list is not complete."""
        if not self._flares:
            return None
        return min(flare.started_at for flare in self._flares)

    def listed_through(self, moment: np.datetime64) -> np.datetime64:
        """The same time: each flare is published when it has ended."""
        return moment

    def chunks(self, position: Position) -> Iterator[Chunk]:
        """Yield the rows and the flares after a position, the flares with the first of the rows."""
        flares, passed = self._flares_after(position), 0
        # A position without a count of rows is a time, before which nothing needs to be read.
        for rows in self._pieces(None if position.rows else position.through):
            if passed + len(rows) > position.rows:
                yield Chunk(rows.take(slice(max(0, position.rows - passed), None)), flares)
                flares = ()
            passed += len(rows)
        if flares:
            yield Chunk(rows.take(slice(len(rows), None)), flares)

    def _pieces(self, after: np.datetime64 | None) -> Iterator[Rows]:
        if self._rows is not None:
            yield self._rows
        if self._ordered is not None:
            yield from read_pieces(self._ordered, self._layout, after=after)

    def _flares_after(self, position: Position) -> tuple[FlareReport, ...]:
        through = position.through
        if through is None:
            return self._flares
        return tuple(flare for flare in self._flares if flare.ended_at > through)


def _files(path: Path) -> list[Path]:
    """List the tables at a path; of a folder of SWAN-SF instances these alone."""
    with reading(path):
        if not path.is_dir():
            path.open("rb").close()
            return [path]
        tables = sorted(file for file in path.rglob("*") if file.is_file() and is_table(file))
        if not tables:
            raise InvalidInputError("the folder holds no parquet or CSV file")
    instances = [file for file in tables if is_instance(file)]
    if instances and len(instances) < len(tables):
        logger.warning(
            "%s: %d file(s) beside the SWAN-SF instances are left out",
            path,
            len(tables) - len(instances),
        )
    return instances or tables


def _read(path: Path, layout: Layout) -> Rows:
    return read_instance(path, layout) if is_instance(path) else read_rows(path, layout)


def ordered_file(
    paths: Sequence[Path], layout: Layout = SHARP_LAYOUT, *, large: int = LARGE_ROWS
) -> Path | None:
    """Return the one file that there is, if it is large and its times never go back."""
    if len(paths) != 1 or not paths[0].name.lower().endswith(".parquet"):
        return None
    (path,) = paths
    with reading(path):
        with pyarrow.parquet.ParquetFile(path) as file:
            if file.metadata.num_rows < large:
                return None
        return path if _is_ordered(path, layout) else None


def _is_ordered(path: Path, layout: Layout) -> bool:
    last = np.datetime64("0001-01-01", "us")
    for times in _piece_times(path, layout):
        # A missing time, NaT, is not later than any other.
        if not (times[0] >= last and np.all(times[1:] >= times[:-1])):
            return False
        last = times[-1]
    return True


def _piece_times(path: Path, layout: Layout) -> Iterator[NDArray[np.datetime64]]:
    for table in parquet_pieces(path, partial(_time_name, layout), rows=_PIECE_ROWS):
        yield times_of(table, layout)


def _time_name(layout: Layout, column: str) -> str | None:
    name = layout.name_of(column)
    return name if name in TIME_NAMES else None


def read_pieces(
    path: Path,
    layout: Layout = SHARP_LAYOUT,
    *,
    rows: int = _PIECE_ROWS,
    after: np.datetime64 | None = None,
) -> Iterator[Rows]:
    """Yield the rows of an ordered file as they would come when sorted, never parting a time.

    Of what lies well before `after`, whole row groups are left out unread.
    """
    held: list[Rows] = []
    with reading(path):
        skip = partial(_ends_before, layout, after)
        for table in parquet_pieces(path, layout.name_of, rows=rows, skip=skip):
            read = Rows.concatenate([*held, rows_of(table, layout)])
            is_last = read.t_rec == read.t_rec[-1]
            held = [read.take(is_last)]
            if not is_last.all():
                yield read.take(~is_last).sorted()
    for rest in held:
        yield rest.sorted()


def _ends_before(layout: Layout, moment: np.datetime64 | None, group: Any) -> bool:
    """Tell whether the statistics of a row group put its last time well before a moment."""
    if moment is None:
        return False
    for place in range(group.num_columns):
        column = group.column(place)
        if _time_name(layout, column.path_in_schema) and column.statistics is not None:
            last = column.statistics.max
            # Text cannot be compared; a day is more than any time scale differs by.
            return isinstance(last, datetime) and bool(_utc(last) < moment - np.timedelta64(1, "D"))
    return False


def _utc(at: datetime) -> np.datetime64:
    return np.datetime64(at.replace(tzinfo=None), "us")


def read_flares(path: Path) -> tuple[FlareReport, ...]:
    """Read a flare list, in order of the flares' ends.

    Parameters
    ----------
    path : parquet or CSV with start_time, peak_time, end_time (or start, peak, end; UTC),
        goes_class, and where known noaa_ar, harpnum, flux_scale or obs (the satellite)

    Returns
    -------
    Reports as the API accepts them. A peak or an end before the start is that of the next day,
    which lists that keep one date per flare get wrong at midnight. An end that would then come
    later than 12 h after the peak is a slip: the flare ends at its peak.

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
    next_day = np.where(end + day - peak <= _LONGEST_PHASE, end + day, peak)
    end = np.where(end < peak, next_day, end)
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
            "start": f"{starts[index]}Z",
            "peak": f"{peaks[index]}Z",
            "end": f"{ends[index]}Z",
            "goes_class": goes_class,
            "flux_scale": scales[index],
            "noaa_ar": regions[index],
        }
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
        satellites = [
            str(name).removeprefix("GOES").removeprefix("G").removeprefix("-")
            for name in table["OBS"].to_pylist()
        ]
        is_true = np.array(
            [
                int(name) >= FIRST_TRUE_SATELLITE if name.isdigit() else late
                for name, late in zip(satellites, is_true, strict=True)
            ]
        )
    return [(FluxScale.TRUE if true else FluxScale.OPERATIONAL).value for true in is_true]
