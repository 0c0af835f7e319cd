"""Arrays of windows in one .npz file, whose axes and features the recipe declares."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_training.choices.data import WindowsChoice
from model_training.datasets.dataset import Dataset
from model_training.datasets.files import checked_outcomes, clock, existing, to_utc
from model_training.features import Floats, Integers, Times
from solar.errors import InvalidInputError

Array = NDArray[Any]

# Hours of cases without a time begin here; only their order means anything.
_NO_TIME = np.datetime64("2000-01-01T00:00:00", "us")


def load_windows(choice: WindowsChoice, folder: Path) -> Dataset:
    """Read an array of windows; every case has records of its own."""
    arrays = read_arrays(existing(folder, choice.file))
    windows = _windows(choice, arrays)
    n, length, _ = windows.shape
    labels = {
        event: _outcomes(choice, _case_array(choice, arrays, name, n), name)
        for event, name in choice.labels.items()
    }
    return Dataset(
        records={
            item.name: windows[:, :, place].ravel() for place, item in enumerate(choice.features)
        },
        steps=np.arange(n * length, dtype=np.int64).reshape(n, length),
        region_id=_regions(choice, arrays, n),
        t_rec=_times(choice, arrays, n),
        truth=labels,
        flared_before={},
        fold=None if choice.fold is None else _whole(choice, arrays, choice.fold, n),
        units={item.name: item.unit for item in choice.features if item.unit},
        cadence_hours=choice.cadence_hours,
    )


def read_arrays(path: Path) -> dict[str, Array]:
    """Read all arrays of an .npz file; objects, which only a pickle can hold, are refused."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise InvalidInputError(f"{path.name} is one array; save names with np.savez")
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidInputError(
            f"{path.name} cannot be read: {error}; object arrays are never opened here: where the"
            " file is trusted, load it with allow_pickle=True, turn each array into numbers with"
            " np.stack(list(array)).astype(float) and write it again with np.savez"
        ) from error


def _array(choice: WindowsChoice, arrays: Mapping[str, Array], name: str) -> Array:
    if name not in arrays:
        raise InvalidInputError(f"{choice.file} has no array {name}; it has {', '.join(arrays)}")
    return arrays[name]


def _windows(choice: WindowsChoice, arrays: Mapping[str, Array]) -> Floats:
    """Return the windows as (cases, steps, features)."""
    found, where = _array(choice, arrays, choice.windows), f"{choice.file}: {choice.windows}"
    declared = f"axes {', '.join(choice.axes)}"
    if found.ndim != len(choice.axes) or not np.issubdtype(found.dtype, np.number):
        raise InvalidInputError(
            f"{where} is {found.dtype} of shape {found.shape}, not numbers with {declared}"
        )
    shape = dict(zip(choice.axes, found.shape, strict=True))
    if not found.size:
        raise InvalidInputError(f"{where} is empty; its shape is {found.shape}")
    if shape["features"] != len(choice.features):
        raise InvalidInputError(
            f"{where} has shape {found.shape}; with {declared} it holds {shape['features']}"
            f" features and {len(choice.features)} are declared; check the order of data.axes"
        )
    order = [choice.axes.index(axis) for axis in ("cases", "steps", "features") if axis in shape]
    windows = np.transpose(found, order).astype(float)
    return windows if windows.ndim == 3 else windows[:, None, :]


def _case_array(choice: WindowsChoice, arrays: Mapping[str, Array], name: str, n: int) -> Array:
    found = _array(choice, arrays, name)
    if found.shape != (n,):
        raise InvalidInputError(
            f"{choice.file}: {name} has shape {found.shape}; one value for each of the {n} cases"
            " is needed"
        )
    return found


def _outcomes(choice: WindowsChoice, found: Array, name: str) -> Floats:
    where = f"{choice.file}: {name}"
    if not np.issubdtype(found.dtype, np.number) and found.dtype != np.bool_:
        raise InvalidInputError(f"{where} holds {found.dtype}; truth is 1, 0 or NaN (unknown)")
    return checked_outcomes(found.astype(float), where)


def _regions(choice: WindowsChoice, arrays: Mapping[str, Array], n: int) -> Integers:
    if choice.region is None:
        return np.arange(1, n + 1, dtype=np.int64)
    return _whole(choice, arrays, choice.region, n)


def _whole(choice: WindowsChoice, arrays: Mapping[str, Array], name: str, n: int) -> Integers:
    found = _case_array(choice, arrays, name, n)
    if not np.issubdtype(found.dtype, np.integer):
        raise InvalidInputError(
            f"{choice.file}: {name} holds {found.dtype}; whole numbers are needed"
        )
    return found.astype(np.int64)


def _times(choice: WindowsChoice, arrays: Mapping[str, Array], n: int) -> Times:
    if choice.time is None:
        return _NO_TIME + np.arange(n) * np.timedelta64(1, "h")
    found, where = _case_array(choice, arrays, choice.time, n), f"{choice.file}: {choice.time}"
    return to_utc(
        clock(found, where=where, scale=choice.time_scale), where=where, scale=choice.time_scale
    )
