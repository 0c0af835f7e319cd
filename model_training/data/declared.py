"""Declared layouts: a table, or arrays in an .npz file, whose columns and axes the recipe names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from model_training.data.dataset import Dataset, points
from model_training.data.files import (
    checked_outcomes,
    clock,
    existing,
    numbers,
    outcomes,
    read_table,
    require,
    times,
    to_utc,
    whole_numbers,
)
from model_training.data.flares import read_region_flares
from model_training.data.limits import UNREADABLE, one_line, refuse_oversized
from model_training.features import Floats, Inputs, Integers, Times
from model_training.recipe.data import ColumnConfig, TableConfig, WindowsConfig
from solar.errors import InvalidInputError

Array = NDArray[Any]
# The array of an .npz file that says how the others are read.
LAYOUT = "layout"
# Hours of cases without a time begin here; only their order means anything.
_NO_TIME = np.datetime64("2000-01-01T00:00:00", "us")


def load_table(config: TableConfig, folder: Path) -> Dataset:
    """Read the declared columns; labels replace the truth of the flare list."""
    file = config.rows
    table = read_table(existing(folder, file))
    require(table, _columns(config), file=file)
    region_id = whole_numbers(table, config.region, file=file)
    t_rec = times(table, config.time, file=file, scale=config.time_scale)
    labels = {event: outcomes(table, name, file=file) for event, name in config.labels.items()}
    history: dict[str, Floats] = {}
    truth: dict[str, Floats] = {}
    before: dict[str, Floats] = {}
    by_bin: dict[str, Floats] = {}
    if config.flares is not None:
        flares = read_region_flares(folder, config.flares, config.harps, (region_id, t_rec))
        history = flares.history(region_id, t_rec)
        truth, before = flares.truth(region_id, t_rec), flares.before(region_id, t_rec)
        by_bin = flares.by_bin(region_id, t_rec)
    records, steps = points(_keywords(config, table) | history, len(table))
    return Dataset(
        records=records,
        steps=steps,
        region_id=region_id,
        t_rec=t_rec,
        truth=truth | labels,
        flared_before=before,
        by_bin=by_bin,
        fold=None if config.fold is None else whole_numbers(table, config.fold, file=file),
        units={item.name: item.unit for item in config.keywords.values() if item.unit},
    )


def _columns(config: TableConfig) -> list[str]:
    fold = [] if config.fold is None else [config.fold]
    return [config.region, config.time, *config.keywords, *config.labels.values(), *fold]


def _keywords(config: TableConfig, table: pd.DataFrame) -> dict[str, Floats]:
    return {
        item.name: numbers(table, column, file=config.rows)
        for column, item in config.keywords.items()
    }


def load_windows(config: WindowsConfig, folder: Path) -> Dataset:
    """Read an array of windows; no two cases share records."""
    arrays = read_arrays(existing(folder, config.file))
    windows = _windows(config, arrays)
    n, length, _ = windows.shape
    labels = {
        event: _outcomes(config, _case_array(config, arrays, name, n), name)
        for event, name in config.labels.items()
    }
    return Dataset(
        records={
            item.name: windows[:, :, place].ravel() for place, item in enumerate(config.features)
        },
        steps=np.arange(n * length, dtype=np.int64).reshape(n, length),
        region_id=_regions(config, arrays, n),
        t_rec=_times(config, arrays, n),
        truth=labels,
        flared_before={},
        fold=None if config.fold is None else _whole(config, arrays, config.fold, n),
        units={item.name: item.unit for item in config.features if item.unit},
        cadence_hours=config.cadence_hours,
    )


def own_layout(text: str, file: str) -> WindowsConfig:
    """Return the layout that a file of arrays says of itself: the [data] table as JSON.

    Raises
    ------
    InvalidInputError
        When it is none.
    """
    try:
        return WindowsConfig.model_validate_json(text).model_copy(update={"file": file})
    except ValidationError as error:
        raise InvalidInputError(
            f"{file}: the array {LAYOUT} is no [data] table as JSON: {one_line(error)}; leave it"
            " out, and the layout is found from the other arrays"
        ) from error


def write_windows(
    path: Path, dataset: Dataset, windows: Inputs, names: Sequence[str], **more: Array
) -> None:
    """Write cases as an .npz file that says of itself how it is read; `more` arrays beside them.

    Parameters
    ----------
    dataset : whose times, regions, outcomes and folds are those of the cases
    windows : (n, steps, f), or (n, f) of single records
    names : of the f features
    """
    config = WindowsConfig(
        layout="windows",
        file=path.name,
        windows="windows",
        axes=("cases", "steps", "features") if windows.ndim == 3 else ("cases", "features"),
        features=tuple(ColumnConfig(name=one, unit=dataset.units.get(one, "")) for one in names),
        cadence_hours=dataset.cadence_hours,
        labels={event: f"label_{event}" for event in dataset.truth},
        region="region",
        time="time",
        fold=None if dataset.fold is None else "fold",
    )
    arrays: dict[str, Array] = {
        LAYOUT: np.array(config.model_dump_json()),
        config.windows: windows,
        **more,
        "features": np.array(names),
        "region": dataset.region_id,
        "time": np.datetime_as_string(dataset.t_rec, unit="us", timezone="UTC"),
        **{config.labels[event]: column for event, column in dataset.truth.items()},
    }
    if dataset.fold is not None:
        arrays["fold"] = dataset.fold
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, Array]:
    """Read all arrays of an .npz file; objects, which only a pickle can hold, are refused."""
    refuse_oversized(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise InvalidInputError(f"{path.name} is one array; save names with np.savez")
            return {name: file[name] for name in file.files}
    except UNREADABLE as error:
        raise InvalidInputError(
            f"{path.name} cannot be read: {one_line(error)}; object arrays are never opened here:"
            " where the file is trusted, load it with allow_pickle=True, turn each array into"
            " numbers with np.stack(list(array)).astype(float) and write it again with np.savez"
        ) from error


def _array(config: WindowsConfig, arrays: Mapping[str, Array], name: str) -> Array:
    if name not in arrays:
        raise InvalidInputError(f"{config.file} has no array {name}; it has {', '.join(arrays)}")
    return arrays[name]


def _windows(config: WindowsConfig, arrays: Mapping[str, Array]) -> Floats:
    """Return the windows as (cases, steps, features)."""
    array, where = _array(config, arrays, config.windows), f"{config.file}: {config.windows}"
    declared = f"axes {', '.join(config.axes)}"
    if array.ndim != len(config.axes) or not np.issubdtype(array.dtype, np.number):
        raise InvalidInputError(
            f"{where} is {array.dtype} of shape {array.shape}, not numbers with {declared}"
        )
    shape = dict(zip(config.axes, array.shape, strict=True))
    if not array.size:
        raise InvalidInputError(f"{where} is empty; its shape is {array.shape}")
    if shape["features"] != len(config.features):
        raise InvalidInputError(
            f"{where} has shape {array.shape}; with {declared} it holds {shape['features']}"
            f" features and {len(config.features)} are declared; check the order of data.axes"
        )
    order = [config.axes.index(axis) for axis in ("cases", "steps", "features") if axis in shape]
    windows = np.transpose(array, order).astype(float)
    return windows if windows.ndim == 3 else windows[:, None, :]


def _case_array(config: WindowsConfig, arrays: Mapping[str, Array], name: str, n: int) -> Array:
    array = _array(config, arrays, name)
    if array.shape != (n,):
        raise InvalidInputError(
            f"{config.file}: {name} has shape {array.shape}; one value for each of the {n} cases"
            " is needed"
        )
    return array


def _outcomes(config: WindowsConfig, array: Array, name: str) -> Floats:
    where = f"{config.file}: {name}"
    if not np.issubdtype(array.dtype, np.number) and array.dtype != np.bool_:
        raise InvalidInputError(f"{where} holds {array.dtype}; truth is 1, 0 or NaN (unknown)")
    return checked_outcomes(array.astype(float), where)


def _regions(config: WindowsConfig, arrays: Mapping[str, Array], n: int) -> Integers:
    if config.region is None:
        return np.arange(1, n + 1, dtype=np.int64)
    return _whole(config, arrays, config.region, n)


def _whole(config: WindowsConfig, arrays: Mapping[str, Array], name: str, n: int) -> Integers:
    array = _case_array(config, arrays, name, n)
    if not np.issubdtype(array.dtype, np.integer):
        raise InvalidInputError(
            f"{config.file}: {name} holds {array.dtype}; whole numbers are needed"
        )
    if array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise InvalidInputError(f"{config.file}: {name} holds {array.max()}, which is no number")
    return array.astype(np.int64)


def _times(config: WindowsConfig, arrays: Mapping[str, Array], n: int) -> Times:
    if config.time is None:
        return _NO_TIME + np.arange(n) * np.timedelta64(1, "h")
    array, where = _case_array(config, arrays, config.time, n), f"{config.file}: {config.time}"
    return to_utc(
        clock(array, where=where, scale=config.time_scale), where=where, scale=config.time_scale
    )
