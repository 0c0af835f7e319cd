"""Loading: any data choice read into one data set, whose cases are windows in order of time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from model_training.choices.data import (
    AnyData,
    Li2024Choice,
    M24Choice,
    McIntoshChoice,
    SharpChoice,
    SwanSfChoice,
    TableChoice,
    WindowsChoice,
)
from model_training.choices.window import WindowChoice
from model_training.datasets.arrays import load_windows
from model_training.datasets.dataset import NO_RECORD, Dataset
from model_training.datasets.files import existing
from model_training.datasets.li2024 import files_of_li2024, load_li2024
from model_training.datasets.m24 import files_of_m24, load_m24
from model_training.datasets.mcintosh import load_mcintosh
from model_training.datasets.sharp import load_sharp
from model_training.datasets.swan_sf import instances_of, load_swan_sf
from model_training.datasets.table import load_table
from model_training.datasets.truth import read_flares
from model_training.datasets.windows import cut, kept, last_steps
from model_training.features import FlareHistory
from solar.errors import InvalidInputError

_LOADERS: dict[type, Callable[[Any, Path], Dataset]] = {
    M24Choice: load_m24,
    Li2024Choice: load_li2024,
    SwanSfChoice: load_swan_sf,
    TableChoice: load_table,
    WindowsChoice: load_windows,
    McIntoshChoice: load_mcintosh,
}
_ONE_RECORD = WindowChoice()
_GREATEST = float(np.finfo(np.float32).max)


def load(
    choice: AnyData,
    folder: Path,
    *,
    window: WindowChoice = _ONE_RECORD,
    labels: Mapping[str, str] | None = None,
) -> Dataset:
    """Read a data set and cut its windows.

    Parameters
    ----------
    folder : the data folder, from which the paths of the choice start
    window : of records that the source has one by one; windows that the source has made
        itself are kept whole by the default of one step, and else shortened to the last steps
    labels : column of SHARP or declared rows for the truth of an event, instead of the choice

    Raises
    ------
    InvalidInputError
        When a file is missing or is not what the choice says.
    """
    dataset = _read(choice, folder, labels or {})
    if not len(dataset):
        raise InvalidInputError("the data set has no usable row; check QUALITY and the licences")
    _refuse_beyond_single_precision(dataset)
    ordered = dataset.take(np.lexsort((dataset.region_id, dataset.t_rec)))
    return _windowed(ordered, window)


def files_of(choice: AnyData, folder: Path) -> tuple[str, ...]:
    """Return every file that is read, relative to the data folder, the main ones first."""
    if isinstance(choice, SwanSfChoice):
        main = [str(item.path.relative_to(folder)) for item in instances_of(choice, folder)]
    elif isinstance(choice, M24Choice):
        instruments = [choice.instrument, *([choice.pooled] if choice.pooled else [])]
        main = [
            str(path.relative_to(folder))
            for instrument in instruments
            for path in files_of_m24(
                choice.model_copy(update={"instrument": instrument}), folder
            ).values()
        ]
    elif isinstance(choice, Li2024Choice):
        main = files_of_li2024(choice)
    else:
        main = [choice.file if isinstance(choice, WindowsChoice) else choice.rows]
    fill = getattr(choice, "fill", None)
    others = [fill.rows if fill else None, *(getattr(choice, n, None) for n in ("flares", "harps"))]
    return (*main, *(name for name in others if name is not None))


def flares_of(choice: AnyData, folder: Path) -> FlareHistory | None:
    """Read the flare list of a choice; None where it has none."""
    name = getattr(choice, "flares", None)
    return None if name is None else read_flares(existing(folder, name))


def _read(choice: AnyData, folder: Path, labels: Mapping[str, str]) -> Dataset:
    if isinstance(choice, SharpChoice):
        return load_sharp(choice, folder, labels={**choice.labels, **labels})
    if isinstance(choice, TableChoice):
        choice = choice.model_copy(update={"labels": {**choice.labels, **labels}})
    elif labels:
        raise InvalidInputError(f"the layout {choice.layout} has its own truth; leave out labels")
    return _LOADERS[type(choice)](choice, folder)


def _refuse_beyond_single_precision(dataset: Dataset) -> None:
    for name, column in dataset.records.items():
        beyond = np.abs(column) > _GREATEST
        if beyond.any():
            raise InvalidInputError(
                f"{name} holds {column[beyond][0]:g} ({np.count_nonzero(beyond)} records), which no"
                " model can take; write a missing value as NaN or leave it empty"
            )


def _windowed(dataset: Dataset, window: WindowChoice) -> Dataset:
    if dataset.window_length > 1:
        steps = last_steps(dataset.steps, window, cadence_hours=dataset.cadence_hours)
        return replace(dataset, steps=steps).take(kept(dataset.region_id, window.stride))
    places = cut(dataset.region_id, dataset.t_rec, window)
    found = np.where(places == NO_RECORD, NO_RECORD, dataset.steps[places, 0])
    chosen = dataset.take(places[:, -1])
    return replace(chosen, steps=found, cadence_hours=window.cadence_hours)
