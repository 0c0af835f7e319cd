"""Crafted active regions: hourly records whose keywords are calm or as before a flare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

# How much flux, current and energy a region has, in those of a usual one. Without flare history the
# live model gives M1.0+ 0.8 % for CALM and 38 % for ACTIVE; its frozen threshold is 5 %.
CALM, USUAL, ACTIVE = 0.1, 1.0, 20.0
# The medians of spring 2014, rounded.
EXTENSIVE = {
    "USFLUX": 1e22,
    "TOTUSJZ": 1.5e13,
    "TOTUSJH": 800.0,
    "ABSNJZH": 40.0,
    "SAVNCPP": 3e12,
    "TOTPOT": 1e23,
}
MEANS = {
    "MEANGAM": 35.0,
    "MEANGBT": 100.0,
    "MEANGBZ": 103.0,
    "MEANGBH": 47.0,
    "MEANJZD": 0.06,
    "MEANALP": -0.002,
    "MEANJZH": -0.0005,
    "MEANPOT": 3900.0,
    "MEANSHR": 28.0,
    "SHRGT45": 14.0,
    "R_VALUE": 4.0,
    "AREA_ACR": 150.0,
}


def keywords(level: float) -> dict[str, float]:
    """Return the keywords of a region at a level."""
    return {name: value * level for name, value in EXTENSIVE.items()} | MEANS


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
        **{name: value * level for name, value in EXTENSIVE.items()},
        **{name: np.full(len(level), value) for name, value in MEANS.items()},
    }
    parquet.write_table(pa.table(table), path)
    return str(path)
