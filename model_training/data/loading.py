"""Loading: a data configuration becomes a data set.

Its cases are in the order of time; each has a window of records that ends at t.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from model_training.data.dataset import NO_RECORD, Dataset
from model_training.data.declared import load_table, load_windows
from model_training.data.files import existing
from model_training.data.flares import read_flares
from model_training.data.li2024 import files_of_li2024, load_li2024
from model_training.data.m24 import files_of_m24, load_m24
from model_training.data.mcintosh import load_mcintosh
from model_training.data.sharp import load_sharp
from model_training.data.swan_sf import instances_of, load_swan_sf
from model_training.features import FlareHistory, Integers, Times
from model_training.recipe.data import (
    AnyData,
    Li2024Config,
    M24Config,
    McIntoshConfig,
    SharpConfig,
    SwanSfConfig,
    TableConfig,
    WindowConfig,
    WindowsConfig,
)
from solar.errors import InvalidInputError

_LOADERS: dict[type, Callable[[Any, Path], Dataset]] = {
    M24Config: load_m24,
    Li2024Config: load_li2024,
    SwanSfConfig: load_swan_sf,
    TableConfig: load_table,
    WindowsConfig: load_windows,
    McIntoshConfig: load_mcintosh,
}
_ONE_RECORD = WindowConfig()
_GREATEST = float(np.finfo(np.float32).max)


def cut_windows(region_id: Integers, t_rec: Times, config: WindowConfig) -> Integers:
    """Find the records of the window that ends at each record kept as a case.

    Parameters
    ----------
    region_id, t_rec : (m,) of records in the order of time

    Returns
    -------
    (n, steps) places of records, the last step being the case itself. A step is the record of
    the same region that lies nearest to its time, no further from it than the tolerance and
    not after t; `NO_RECORD` where there is none.
    """
    places = np.full((len(t_rec), config.steps), NO_RECORD, np.int64)
    places[:, -1] = np.arange(len(t_rec))
    if config.steps > 1 and len(t_rec):
        _fill(places, region_id, t_rec, config)
    return places[kept_cases(region_id, config.stride)]


def kept_cases(region_id: Integers, stride: int) -> Integers:
    """Return the places of every so many-th case of each region, beginning with its first."""
    order = np.argsort(region_id, kind="stable")
    _, first, code = np.unique(region_id[order], return_index=True, return_inverse=True)
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order)) - first[code]
    return np.flatnonzero(number % stride == 0)


def last_steps(steps: Integers, config: WindowConfig, *, cadence_hours: float) -> Integers:
    """Shorten windows that the source has made to the last steps that the configuration asks for.

    One step, the default, leaves them as they are; the cadence is always that of the source.
    """
    if config.steps == 1:
        return steps
    if config.steps > steps.shape[1]:
        raise InvalidInputError(
            f"the windows of this set have {steps.shape[1]} steps of {cadence_hours:g} h, not"
            f" {config.steps}; lower window.steps"
        )
    return steps[:, -config.steps :]


def _fill(places: Integers, region_id: Integers, t_rec: Times, config: WindowConfig) -> None:
    """Search all regions at once: on one axis of keys they lie further apart than a window."""
    at = (t_rec - t_rec.min()) // np.timedelta64(1, "ms")
    cadence, tolerance = _milliseconds(config.cadence_hours), _milliseconds(config.tolerance_hours)
    code = np.unique(region_id, return_inverse=True)[1]
    span = int(at.max()) + config.steps * cadence + 2 * tolerance + 2
    case_keys = code * span + at
    order = np.argsort(case_keys, kind="stable")
    keys = case_keys[order]
    for back in range(1, config.steps):
        target = case_keys - back * cadence
        # The earlier of two records at the same distance; none that lies after t.
        after = np.searchsorted(keys, target)
        before = np.maximum(after - 1, 0)
        after = np.minimum(after, len(keys) - 1)
        nearer = np.abs(keys[after] - target) < np.abs(target - keys[before])
        place = np.where(nearer & (keys[after] <= case_keys), after, before)
        is_near = np.abs(keys[place] - target) <= tolerance
        places[is_near, -1 - back] = order[place[is_near]]


def _milliseconds(hours: float) -> int:
    return round(hours * 3_600_000)


def load(
    config: AnyData,
    folder: Path,
    *,
    window: WindowConfig = _ONE_RECORD,
    labels: Mapping[str, str] | None = None,
) -> Dataset:
    """Read a data set and cut its windows.

    Parameters
    ----------
    folder : the data folder, from which the paths of the configuration start
    window : of records that the source has one by one; windows that the source has made
        itself are kept whole by the default of one step, and else shortened to the last steps
    labels : column of SHARP or declared rows for the truth of an event, instead of the one
        configured

    Raises
    ------
    InvalidInputError
        When a file is missing or differs from the configuration.
    """
    dataset = _read(config, folder, labels or {})
    if not len(dataset):
        raise InvalidInputError("the data set has no usable row; check QUALITY and the licences")
    _refuse_beyond_single_precision(dataset)
    ordered = dataset.take(np.lexsort((dataset.region_id, dataset.t_rec)))
    return _windowed(ordered, window)


def files_of(config: AnyData, folder: Path) -> tuple[str, ...]:
    """Return every file that is read, relative to the data folder, the main ones first."""
    if isinstance(config, SwanSfConfig):
        main = [str(item.path.relative_to(folder)) for item in instances_of(config, folder)]
    elif isinstance(config, M24Config):
        instruments = [config.instrument, *([config.pooled] if config.pooled else [])]
        main = [
            str(path.relative_to(folder))
            for instrument in instruments
            for path in files_of_m24(
                config.model_copy(update={"instrument": instrument}), folder
            ).values()
        ]
    elif isinstance(config, Li2024Config):
        main = files_of_li2024(config)
    else:
        main = [config.file if isinstance(config, WindowsConfig) else config.rows]
    read = [getattr(config, name, None) for name in ("fill", "added")]
    others = [one.rows for one in read if one]
    others += [getattr(config, name, None) for name in ("flares", "harps")]
    return tuple(dict.fromkeys((*main, *(name for name in others if name is not None))))


def flares_of(config: AnyData, folder: Path) -> FlareHistory | None:
    """Read the flare list of a configuration; None where it has none."""
    name = getattr(config, "flares", None)
    return None if name is None else read_flares(existing(folder, name))


def _read(config: AnyData, folder: Path, labels: Mapping[str, str]) -> Dataset:
    if isinstance(config, SharpConfig):
        return load_sharp(config, folder, labels={**config.labels, **labels})
    if isinstance(config, TableConfig):
        config = config.model_copy(update={"labels": {**config.labels, **labels}})
    elif labels:
        raise InvalidInputError(f"the layout {config.layout} has its own truth; leave out labels")
    return _LOADERS[type(config)](config, folder)


def _refuse_beyond_single_precision(dataset: Dataset) -> None:
    for name, column in dataset.records.items():
        beyond = np.abs(column) > _GREATEST
        if beyond.any():
            raise InvalidInputError(
                f"{name} holds {column[beyond][0]:g} ({np.count_nonzero(beyond)} records), which no"
                " model can take; write a missing value as NaN or leave it empty"
            )


def _windowed(dataset: Dataset, window: WindowConfig) -> Dataset:
    if dataset.window_length > 1:
        shortened = last_steps(dataset.steps, window, cadence_hours=dataset.cadence_hours)
        return replace(dataset, steps=shortened).take(kept_cases(dataset.region_id, window.stride))
    places = cut_windows(dataset.region_id, dataset.t_rec, window)
    steps = np.where(places == NO_RECORD, NO_RECORD, dataset.steps[places, 0])
    chosen = dataset.take(places[:, -1])
    return replace(chosen, steps=steps, cadence_hours=window.cadence_hours)
