"""A data set from the store: its records with their truth, its flares and HARPs, as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from model_training.features import Integers, Times
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.time import Window, to_datetime
from solar.truth import UNASSIGNED, UNKNOWN, Truth

# Tables of the store, one page after another: coverage, flares, regions or records.
Pages = Callable[[str], Iterable[pa.Table]]
# Names by which the layout is told when it is looked into.
_ROWS, _FLARES = "observations.parquet", "goes_flares.parquet"
_HARPS = "all_harps_with_noaa_ars.txt"
_LABELS = dict(zip(("C1.0", "M1.0", "M5.0", "X1.0"), ("C", "M", "M5", "X"), strict=True))


def write_snapshot(pages: Pages, folder: Path) -> int:
    """Write records, flares and HARPs of the store to a folder, and return how many records.

    The truth of an event is a column such as ``y24_M``: 1, 0, or empty where the flare list of the
    store is not complete over the 24 hours. A region without a HARP is its NOAA number negated.

    Raises
    ------
    InvalidInputError
        When there is no record.
    """
    folder.mkdir(parents=True, exist_ok=True)
    flares = pa.concat_tables(pages("flares"))
    covered = pa.concat_tables(pages("coverage"))
    spans = zip(_times(covered, "from"), _times(covered, "to"), strict=True)
    windows = [Window(to_datetime(start), to_datetime(end)) for start, end in spans]
    flux, region = flares["peak_flux_w_m2"].to_numpy(), _whole(flares, "region")
    truth = Truth(_times(flares, "peak"), flux, region, windows)
    _write_harps(pa.concat_tables(pages("regions")), folder / _HARPS)
    if flares.num_rows:
        _write_flares(flares, folder / _FLARES)
    return _write_records(pages("records"), truth, folder / _ROWS)


def _write_records(pages: Iterable[pa.Table], truth: Truth, path: Path) -> int:
    n, writer = 0, None
    try:
        for page in pages:
            if page.num_rows:
                rows = _with_truth(page, truth)
                writer = writer or pq.ParquetWriter(path, rows.schema, compression="zstd")
                writer.write_table(rows)
                n += rows.num_rows
    finally:
        if writer is not None:
            writer.close()
    if not n:
        raise InvalidInputError("the store has no record between these times; choose others")
    return n


def _with_truth(page: pa.Table, truth: Truth) -> pa.Table:
    region_id, t_rec = _whole(page, "region"), _times(page, "t_rec")
    rows = page.drop_columns("region").add_column(0, "harpnum", pa.array(region_id))
    for event in EVENTS:
        code = truth.of_regions(event, region_id, t_rec)
        column = pa.array(code.astype(float), mask=code == UNKNOWN)
        rows = rows.append_column(f"y24_{_LABELS[event.name]}", column)
    return rows


def _write_flares(flares: pa.Table, path: Path) -> None:
    columns = {
        "start_time": flares["start"].cast(pa.timestamp("us")),
        "peak_time": flares["peak"].cast(pa.timestamp("us")),
        "noaa_ar": pa.array(_whole(flares, "noaa_ar")),
        "peak_flux_wm2": flares["peak_flux_w_m2"],
    }
    pq.write_table(pa.table(columns), path, compression="zstd")


def _write_harps(regions: pa.Table, path: Path) -> None:
    pairs = zip(regions["region"].to_pylist(), regions["noaa_ar"].to_pylist(), strict=True)
    grouped = groupby((pair for pair in pairs if pair[0] > 0), key=lambda pair: pair[0])
    lines = [f"{harp} {','.join(str(noaa) for _, noaa in group)}\n" for harp, group in grouped]
    if lines:
        path.write_text("".join(lines), "utf-8")


def _whole(table: pa.Table, name: str) -> Integers:
    """Return a column of numbers, `UNASSIGNED` where there is none."""
    return np.asarray(table[name].fill_null(UNASSIGNED).to_numpy(), np.int64)


def _times(table: pa.Table, name: str) -> Times:
    return np.asarray(table[name].to_numpy(), "datetime64[us]")
