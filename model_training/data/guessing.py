"""A guess at the layout of a file or folder, from its columns and names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from model_training.data.declared import LAYOUT, own_layout, read_arrays
from model_training.data.files import names, read_table, refuse_pickle
from model_training.data.questions import answers_of, table_layout, windows_layout
from model_training.data.swan_sf import read_name
from model_training.recipe.data import (
    AnyData,
    Li2024Config,
    M24Config,
    McIntoshConfig,
    SharpConfig,
    SwanSfConfig,
)
from solar.errors import InvalidInputError

# Columns that sets of SHARP rows are known to carry as the truth of an event.
_LABELS = {
    "C1.0": ("y24_C",),
    "M1.0": ("y24_M", "label_m24"),
    "M5.0": ("y24_M5",),
    "X1.0": ("y24_X",),
}
_FLARES = "flares/goes_flares.parquet"
_HARPS = "maps/all_harps_with_noaa_ars.txt"
# Names of files that lie beside the cases.
COMPANIONS = tuple(name.rpartition("/")[2] for name in (_FLARES, _HARPS))
_FOLD = re.compile(r"(sharp|smarp)_\d+\.parquet")
_SPLIT = re.compile(r"(?:train|valid|test)_data_(\d)\.parquet")


def guess(path: Path, answer: str | None = None) -> AnyData:
    """Return the configuration that reads a file or folder; paths start from the folder it is in.

    A flare list and a HARP map are used where they lie beside the data, or up to two folders up.

    Parameters
    ----------
    answer : the value that was chosen when a `QuestionError` was raised before

    Raises
    ------
    InvalidInputError
        When the columns must be declared; the message says which options do it.
    QuestionError
        When a person who knows the file can choose between a few readings.
    """
    refuse_pickle(path)
    if path.is_dir():
        return _known_folder(path)
    if not path.is_file():
        raise InvalidInputError(f"no file or folder at {path}")
    return (_guess_arrays if path.suffix == ".npz" else _guess_table)(path, answer)


def guess_folder(path: Path) -> AnyData | None:
    """Return the configuration of a folder that the names of its files tell, else None."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    kinds = (_fold_choice, _split_choice, _instances_choice)
    return next((config for kind in kinds if (config := kind(path, files)) is not None), None)


def _known_folder(path: Path) -> AnyData:
    config = guess_folder(path)
    if config is not None:
        return config
    files = sorted(file for file in path.rglob("*") if file.is_file())
    for file in files:
        refuse_pickle(file)
    raise InvalidInputError(
        f"{path.name} is no layout that is known by its names"
        f" ({names([file.name for file in files])}); name one of its files"
    )


def _fold_choice(path: Path, files: Iterable[Path]) -> M24Config | None:
    kinds = {match.group(1) for file in files if (match := _FOLD.fullmatch(file.name))}
    if not kinds:
        return None
    event = "X1.0" if path.name.startswith("x24") else "M1.0"
    if "sharp" not in kinds:
        return M24Config(layout="m24", folder=path.name, instrument="smarp", event=event)
    flares, harps = _beside(path, _FLARES), _beside(path, _HARPS)
    both = (flares, harps) if flares and harps else (None, None)
    return M24Config(layout="m24", folder=path.name, event=event, flares=both[0], harps=both[1])


def _split_choice(path: Path, files: Iterable[Path]) -> Li2024Config | None:
    numbers = sorted(match.group(1) for file in files if (match := _SPLIT.fullmatch(file.name)))
    if not numbers:
        return None
    return Li2024Config(layout="li2024", folder=path.name, number=int(numbers[0]))


def _instances_choice(path: Path, files: Iterable[Path]) -> SwanSfConfig | None:
    if not any(read_name(file) for file in files):
        return None
    return SwanSfConfig(layout="swan-sf", folder=path.name)


def _guess_table(path: Path, answer: str | None) -> AnyData:
    table = read_table(path)
    columns = [str(name) for name in table.columns]
    has = set(columns)
    if "t_rec" in has and has & {"noaa_ar", "harpnum"}:
        labels = {
            event: next(name for name in known if name in has)
            for event, known in _LABELS.items()
            if has & set(known)
        }
        flares = _beside(path, _FLARES)
        harps = None if "noaa_ar" in has else _beside(path, _HARPS)
        if "noaa_ar" not in has and harps is None:
            flares = None
        return SharpConfig(rows=path.name, flares=flares, harps=harps, labels=labels)
    if {"McIntosh", "AR issue_date"} <= has:
        return McIntoshConfig(layout="mcintosh", rows=path.name)
    hint = (
        f"{path.name} has the columns {names(columns)}: no layout that is known; declare"
        ' data.layout = "table" with region, time, time_scale, keywords (column -> name and unit)'
        " and labels (event -> column) in a recipe"
    )
    flares, harps = _beside(path, _FLARES), _beside(path, _HARPS)
    return table_layout(table, path.name, answers_of(answer, hint), flares=flares, harps=harps)


def _guess_arrays(path: Path, answer: str | None) -> AnyData:
    arrays = read_arrays(path)
    if LAYOUT in arrays:
        return own_layout(str(arrays[LAYOUT]), path.name)
    shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    hint = (
        f"{path.name} holds {shapes}; which axis is time cannot be seen: declare data.layout ="
        ' "windows" with windows, axes (such as ["cases", "features", "steps"]), features (name'
        " and unit, in order), cadence_hours and labels in a recipe"
    )
    return windows_layout(arrays, path.name, answers_of(answer, hint))


def _beside(path: Path, name: str) -> str | None:
    """Look for a file beside and above the data; return it relative to the parent of `path`."""
    own = (name.rpartition("/")[2], name)
    for candidate in (*own, f"../{name}", f"../../{name}"):
        if (path.parent / candidate).is_file():
            return candidate
    return None
