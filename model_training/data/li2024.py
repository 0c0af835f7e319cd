"""One published split of Li et al. 2024 (arXiv 2410.18562): z-scored keywords, 40 steps a region.

Times are labels of the 12-minute grid of T_REC, hence TAI.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from model_training.data.dataset import Dataset, points
from model_training.data.files import (
    existing,
    numbers,
    outcomes,
    read_table,
    require,
    to_utc,
    whole_numbers,
)
from model_training.features import Times
from model_training.recipe.data import Li2024Config
from solar.errors import InvalidInputError

PARTS = ("train", "valid", "test")
# Scaled by the source, so that none of them is the SHARP keyword it is made of.
KEYWORDS = (
    "TOTUSJH", "TOTPOT", "TOTUSJZ", "ABSNJZH", "AVNCPP", "USFLUX", "AREA_ACR", "MEANPOT",
    "R_VALUE", "SHRGT45",
)  # fmt: skip
PREFIX = "Z_"
_EVENT = "M1.0"


def load_li2024(config: Li2024Config, folder: Path) -> Dataset:
    """Read the parts as folds 0, 1 and 2; every row is a case: M or X against C."""
    tables = [read_table(existing(folder, file)) for file in files_of_li2024(config)]
    table, file = pd.concat(tables, ignore_index=True), config.folder
    require(table, ("AR", "Level", "time", *KEYWORDS), file=file)
    records, steps = points(
        {PREFIX + name: numbers(table, name, file=file) for name in KEYWORDS}, len(table)
    )
    return Dataset(
        records=records,
        steps=steps,
        region_id=whole_numbers(table, "AR", file=file),
        t_rec=_times(table, file),
        truth={_EVENT: outcomes(table, "Level", file=file)},
        flared_before={},
        fold=np.repeat(np.arange(len(PARTS)), [len(part) for part in tables]),
        units=dict.fromkeys(records, "standard deviations"),
    )


def files_of_li2024(config: Li2024Config) -> list[str]:
    """Return the files of the parts, relative to the data folder."""
    return [f"{config.folder}/{part}_data_{config.number}.parquet" for part in PARTS]


def _times(table: pd.DataFrame, file: str) -> Times:
    try:
        at = pd.to_datetime(table["time"].astype(str), format="%Y%m%d%H%M")
    except ValueError as error:
        raise InvalidInputError(f"{file}: column time is not like 201508141200: {error}") from error
    return to_utc(at.to_numpy(), where=f"{file}: time", scale="TAI")
