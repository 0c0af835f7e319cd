"""McIntosh classes of sunspot groups, and the region-days on which they were noted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from model_training.data.dataset import Dataset, points
from model_training.data.files import existing, numbers, read_table, require, times
from model_training.data.files import whole_numbers as whole
from model_training.data.flares import read_region_flares
from model_training.features import Floats, Integers, Times
from model_training.recipe.data import McIntoshConfig

# The 60 classes that McIntosh (1990, Solar Physics 125, 251) allows: Zurich class, penumbra of
# the largest spot, distribution of spots.
_COMPACT = ("RO", "SO", "AO", "HO", "KO", "RI", "SI", "AI", "HI", "KI")
_EXTENDED = (*_COMPACT, "SC", "AC", "HC", "KC")
CLASSES: tuple[str, ...] = (
    "AXX", "BXO", "BXI", "HRX", "HSX", "HAX", "HHX", "HKX",
    *(f"C{rest}" for rest in _COMPACT),
    *(f"{zurich}{rest}" for zurich in "DEF" for rest in _EXTENDED),
)  # fmt: skip
CODES: dict[str, int] = {name: number for number, name in enumerate(CLASSES, start=1)}
UNCLASSED = 0

FEATURE = "MCINTOSH"
_COLUMNS = {
    "AREA": ("SUNSPOT_AREA", "µHem"),
    "No_sunspots": ("SUNSPOTS", "count"),
    "Longitude_extent": ("LONGITUDE_EXTENT", "deg"),
    "Latitude": ("LATITUDE", "deg"),
    "Longitude": ("LONGITUDE", "deg"),
}
UNITS = {FEATURE: "class number"} | dict(_COLUMNS.values())
# Numbers of flares of at least the class in the 24 hours after the issue at 00:30 UT.
_COUNTS = {"C1.0": "C+", "M1.0": "M+", "X1.0": "X+"}
_TIME = "AR issue_date"


def code(name: str) -> int:
    """Return the number of a McIntosh class, `UNCLASSED` for what McIntosh does not allow."""
    return CODES.get(name.strip().upper(), UNCLASSED)


def load_mcintosh(config: McIntoshConfig, folder: Path) -> Dataset:
    """Read region-days, with the flares that the file counts for the day after each."""
    file = config.rows
    table = read_table(existing(folder, file))
    require(table, (_TIME, "noaa_ar", "McIntosh", *_COLUMNS, *_COUNTS.values()), file=file)
    region_id = whole(table, "noaa_ar", file=file)
    t_rec = times(table, _TIME, file=file, scale="UTC")
    counts = {event: numbers(table, name, file=file) for event, name in _COUNTS.items()}
    truth = {event: np.where(np.isnan(count), np.nan, count > 0) for event, count in counts.items()}
    records = _features(table, file)
    if config.flares is not None:
        records |= read_region_flares(folder, config.flares, None, (region_id, t_rec)).history(
            region_id, t_rec
        )
    features, steps = points(records, len(table))
    before = {event: _day_before(region_id, t_rec, came) for event, came in truth.items()}
    return Dataset(features, steps, region_id, t_rec, truth, before, units=UNITS)


def _features(table: pd.DataFrame, file: str) -> dict[str, Floats]:
    classes = table["McIntosh"].astype(str).map(code).to_numpy(float)
    return {FEATURE: classes} | {
        name: numbers(table, column, file=file) for column, (name, _) in _COLUMNS.items()
    }


def _day_before(region_id: Integers, t_rec: Times, came: Floats) -> Floats:
    """Look up the flares that the row of the day before counts; a region without one had none."""
    days = pd.MultiIndex.from_arrays([region_id, t_rec])
    earlier = pd.MultiIndex.from_arrays([region_id, t_rec - np.timedelta64(1, "D")])
    seen = pd.Series(np.nan_to_num(came), index=days).groupby(level=[0, 1]).max()
    return np.asarray(seen.reindex(earlier).fillna(0.0), float)
