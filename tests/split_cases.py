"""Small data sets for splits: one record a case, and a region for each year."""

from __future__ import annotations

from datetime import date

import numpy as np

from model_training.data.dataset import Dataset
from model_training.recipe.split import BlocksConfig, RollingYearsConfig

CHOICE = RollingYearsConfig(
    kind="rolling-years", validation_years=(2012, 2013), test_from=date(2014, 1, 1)
)


BLOCKS = BlocksConfig(kind="blocks", groups=3, test_group=1, block_days=30, embargo_hours=48)


HOUR = np.timedelta64(1, "h")


def dataset(*rows: tuple[str, int], steps: int = 1, fold: list[int] | None = None) -> Dataset:
    n = len(rows)
    return Dataset(
        records={"USFLUX": np.arange(n * steps) + 0.5},
        steps=np.arange(n * steps).reshape(n, steps),
        region_id=np.array([row[1] for row in rows], np.int64),
        t_rec=np.array([row[0] for row in rows], "datetime64[us]"),
        truth={"M1.0": np.zeros(n)},
        flared_before={"M1.0": np.zeros(n)},
        fold=None if fold is None else np.array(fold),
        cadence_hours=1.0,
    )


CLEAN = dataset(("2011-05-01", 1), ("2012-05-01", 2), ("2013-05-01", 3), ("2014-05-01", 4))
