"""An ordered file: a large parquet table in the order of time, read piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet

from data_sender.files.table_rows import SHARP_LAYOUT, TIME_NAMES, Layout, rows_of, times_of
from data_sender.files.tables import parquet_pieces, reading
from data_sender.rows import Rows, concatenate

# What a smaller file takes is better spent on sorting it, whatever its order.
LARGE_ROWS = 500_000
_PIECE_ROWS = 50_000


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
    for table in parquet_pieces(path, partial(_time_name, layout), rows=_PIECE_ROWS):
        times = times_of(table, layout)
        # A missing time, NaT, is not later than any other.
        if not (times[0] >= last and np.all(times[1:] >= times[:-1])):
            return False
        last = times[-1]
    return True


def _time_name(layout: Layout, column: str) -> str | None:
    name = layout.name_of(column)
    return name if name in TIME_NAMES else None


def pieces(
    path: Path,
    layout: Layout = SHARP_LAYOUT,
    *,
    rows: int = _PIECE_ROWS,
    after: np.datetime64 | None = None,
) -> Iterator[Rows]:
    """Give the rows of an ordered file as they would come when sorted, never parting a time.

    Of what lies well before `after`, whole row groups are left out unread.
    """
    held: list[Rows] = []
    with reading(path):
        skip = partial(_ends_before, layout, after)
        for table in parquet_pieces(path, layout.name_of, rows=rows, skip=skip):
            read = concatenate([*held, rows_of(table, layout)])
            is_last = read.t_rec == read.t_rec[-1]
            held = [read.take(is_last)]
            if not is_last.all():
                yield read.take(~is_last).sorted()
    for rest in held:
        yield rest.sorted()


def _ends_before(layout: Layout, moment: np.datetime64 | None, group: Any) -> bool:
    """Tell whether a row group says of itself that its last time lies well before a moment."""
    if moment is None:
        return False
    for place in range(group.num_columns):
        column = group.column(place)
        if _time_name(layout, column.path_in_schema) and column.statistics is not None:
            last = column.statistics.max
            # Text says nothing that can be compared; a day is more than any time scale differs by.
            return isinstance(last, datetime) and bool(_utc(last) < moment - np.timedelta64(1, "D"))
    return False


def _utc(at: datetime) -> np.datetime64:
    return np.datetime64(at.replace(tzinfo=None), "us")
