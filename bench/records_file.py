"""The records file: a mission's worth of simulated SHARP records in one parquet file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet
from numpy.typing import NDArray

from bench.sun_block import BLOCK_DAYS, SunBlock
from data_sender.sources.simulation.region_statistics import NAMES
from solar.sharp import CADENCE_SECONDS

START_AT = datetime(2010, 5, 1, tzinfo=UTC)
_SLOT = np.timedelta64(CADENCE_SECONDS, "s")
_PERIOD = BLOCK_DAYS * timedelta(days=1) // timedelta(seconds=CADENCE_SECONDS)


def write_records(path: Path, n: int) -> None:
    """Write `n` records in the order of time, a row group for each block of 36 days.

    One block of lives is repeated, each time with regions of its own, as the dashboard's
    store does (`mission_store`).
    """
    block = _Block(SunBlock(START_AT))
    written, copy = 0, 0
    with pa_parquet.ParquetWriter(path, block.table(0).schema, compression="zstd") as writer:
        while written < n:
            table = block.table(copy)[: n - written]
            writer.write_table(table, row_group_size=len(table))
            written, copy = written + len(table), copy + 1


class _Block:
    """All that a block tells in one period of its repetition, as columns in order of time.

    The lives that reach into the next period are continued by the copy before it.
    """

    def __init__(self, sun: SunBlock) -> None:
        self._n_lives = len(sun.lives)
        slots = np.concatenate([life.slots for life in sun.lives])
        sizes = [len(life.slots) for life in sun.lives]
        number = np.repeat(np.arange(self._n_lives), sizes)
        order = np.lexsort((number, slots % _PERIOD))
        self._slot = (slots % _PERIOD)[order]
        self._carried = (slots // _PERIOD)[order]
        self._harpnum = np.repeat([life.harpnum for life in sun.lives], sizes)[order]
        self._noaa_ar = np.repeat([life.noaa_ar for life in sun.lives], sizes)[order]
        self._lon = np.concatenate([life.lon_deg for life in sun.lives])[order]
        self._lat = np.concatenate([life.lat_deg for life in sun.lives])[order]
        self._keywords = np.concatenate([life.keywords for life in sun.lives])[order]

    def table(self, copy: int) -> pa.Table:
        """Return the records of one period; a life that began in the one before keeps its name."""
        generation = (copy - self._carried + 1) * self._n_lives
        columns: dict[str, NDArray[np.generic]] = {
            "T_REC": np.datetime64(START_AT.replace(tzinfo=None), "us")
            + (copy * _PERIOD + self._slot) * _SLOT,
            "HARPNUM": self._harpnum + generation,
            "NOAA_AR": self._noaa_ar + generation,
            "QUALITY": np.zeros(len(self._slot), np.int64),
            "LON_FWT": self._lon,
            "LAT_FWT": self._lat,
        }
        keywords = {name: self._keywords[:, place] for place, name in enumerate(NAMES)}
        table = pa.table({**columns, **keywords})
        return table.set_column(0, "T_REC", table["T_REC"].cast(pa.timestamp("us", "UTC")))
