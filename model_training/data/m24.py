"""Line-of-sight samples every 96 min: the keywords of HMI or MDI maps at reduced resolution.

The times are T_REC labels, hence TAI; their source laid them on the flare list as if they were
UTC, and counts flares that start in [t, t + 24 h] of that clock. Its column `flares`
shows it: of the flares that start on the very minute of a label, or 24 h after it, all are
listed, and none would be at both ends if the 35 s between the scales had been taken off.

Quiet samples within a day after a flare of the class are left out by construction (10 against
934 that flare again): persistence looks far better on this set than it is.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from model_training.data.dataset import NO_RECORD, TRAINING_ONLY, Dataset, points
from model_training.data.files import (
    existing_folder,
    numbers,
    outcomes,
    read_table,
    times,
    whole_numbers,
)
from model_training.data.flares import read_region_flares
from model_training.features import Floats, Integers, Times
from model_training.recipe.data import M24Config
from solar.errors import InvalidInputError

# Named apart from the SHARP keywords: MEANGBZ of the two correlates with 0.19.
FEATURES = {
    "AREA": "LOS_AREA",
    "USFLUX": "LOS_USFLUX",
    "MEANGBZ": "LOS_MEANGBZ",
    "R_VALUE": "LOS_R_VALUE",
    "FLARE_INDEX": "FLARE_INDEX_24H_LISTED",
}
UNITS = {
    "LOS_AREA": "µHem",
    "LOS_USFLUX": "Mx, line of sight",
    "LOS_MEANGBZ": "G/Mm, line of sight",
    "LOS_R_VALUE": "log₁₀ Mx, line of sight",
    "FLARE_INDEX_24H_LISTED": "1e-6 W/m2",
}


def load_m24(config: M24Config, folder: Path) -> Dataset:
    """Read all folds of an instrument; the truth is their own label.

    Cases of a pooled instrument are for training only and have negative region numbers, as
    its regions are counted anew.
    """
    first = _load_instrument(config, folder)
    if config.pooled is None:
        return first
    other = config.model_copy(update={"instrument": config.pooled})
    return _joined(first, _load_instrument(other, folder), weight=config.pooled_weight)


def _load_instrument(config: M24Config, folder: Path) -> Dataset:
    table, fold = _read_folds(config, folder)
    file = config.folder
    region_id = whole_numbers(table, "arpnum", file=file)
    t_rec = times(table, "t_end", file=file, scale="TAI")
    records = {feature: numbers(table, name, file=file) for name, feature in FEATURES.items()}
    history, before = _flares(config, folder, region_id, t_rec)
    features, steps = points(records | history, len(table))
    return Dataset(
        records=features,
        steps=steps,
        region_id=region_id,
        t_rec=t_rec,
        truth={config.event: outcomes(table, "label", file=file)},
        flared_before=before,
        fold=fold,
        units=UNITS,
    )


def _joined(first: Dataset, other: Dataset, *, weight: float) -> Dataset:
    """Add the cases of another instrument with the same features, for training only."""
    shifted = np.where(other.steps == NO_RECORD, NO_RECORD, other.steps + first.n_records)
    return replace(
        first,
        records={
            name: np.concatenate([column, other.records[name]])
            for name, column in first.records.items()
        },
        steps=np.concatenate([first.steps, shifted]),
        region_id=np.concatenate([first.region_id, -other.region_id]),
        t_rec=np.concatenate([first.t_rec, other.t_rec]),
        truth={
            name: np.concatenate([column, other.truth[name]])
            for name, column in first.truth.items()
        },
        flared_before={},
        fold=np.concatenate([np.asarray(first.fold), np.full(len(other), TRAINING_ONLY)]),
        weight=np.concatenate([np.ones(len(first)), np.full(len(other), weight)]),
    )


def files_of_m24(config: M24Config, folder: Path) -> dict[int, Path]:
    """Return the file of every fold: number -> path."""
    wanted = re.compile(rf"{config.instrument}_(\d+)\.parquet")
    files = {
        int(match.group(1)): path
        for path in existing_folder(folder, config.folder).iterdir()
        if (match := wanted.fullmatch(path.name))
    }
    if not files:
        raise InvalidInputError(
            f"{config.folder} holds no {config.instrument}_0.parquet; name a folder of m24 or x24"
            " files, or another instrument"
        )
    return dict(sorted(files.items()))


def _read_folds(config: M24Config, folder: Path) -> tuple[pd.DataFrame, Integers]:
    parts = {number: read_table(path) for number, path in files_of_m24(config, folder).items()}
    fold = np.repeat(list(parts), [len(part) for part in parts.values()])
    return pd.concat(list(parts.values()), ignore_index=True), fold


def _flares(
    config: M24Config, folder: Path, region_id: Integers, t_rec: Times
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    if config.flares is None:
        return {}, {}
    flares = read_region_flares(folder, config.flares, config.harps, (region_id, t_rec))
    return flares.history(region_id, t_rec), flares.before(region_id, t_rec)
