"""Crafted active regions: hourly records whose keywords are calm or as before a flare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from solar.sharp import LIVE_KEYWORDS

# Where every keyword stands between its least and its greatest value. The committed model
# gives M1.0+ about 0.005 for CALM and 0.5 for ACTIVE; its frozen threshold is 0.043.
CALM, ACTIVE = 0.0005, 0.02


def write_hours(
    path: Path, regions: Mapping[int, Sequence[float]], *, begin: str = "2024-05-01T00"
) -> str:
    """Write a record an hour of each region, by HARP number, at the given levels (T_REC: TAI)."""
    hours = [np.arange(len(levels)) for levels in regions.values()]
    level = np.concatenate([np.asarray(levels, float) for levels in regions.values()])
    lengths = [len(own) for own in hours]
    table = {
        "HARPNUM": np.repeat(list(regions), lengths),
        "T_REC": np.datetime64(begin, "us") + np.concatenate(hours) * np.timedelta64(1, "h"),
        "QUALITY": np.zeros(len(level)),
        "LON_FWT": np.repeat([10.0 * (region % 7) - 30.0 for region in regions], lengths),
        "LAT_FWT": np.full(len(level), 12.0),
        **{k.name: k.low + (k.high - k.low) * level for k in LIVE_KEYWORDS},
    }
    parquet.write_table(pa.table(table), path)
    return str(path)
