"""Questions: what columns or arrays do not tell of themselves, with the readings to choose from.

The layout of a table or of arrays of windows is put together from what their names and values
tell. Where two readings are possible a person chooses; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import permutations
from typing import Any

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from model_training.data.files import clock, named_scales
from model_training.recipe.data import Axis, ColumnConfig, TableConfig, WindowsConfig
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.sharp import BY_NAME

Array = NDArray[Any]
Columns = Mapping[str, pd.Series]
_MOST_READINGS = 8
_SEEN_ROWS = 50
_MOST_CASES = 2000
# What is drawn of a reading of arrays: some features of one case.
_DRAWN_FEATURES, _DRAWN_STEPS = 3, 60
_REGIONS = {
    "region": None,
    "region_id": None,
    "noaa_ar": "noaa",
    "noaa": "noaa",
    "ar": "noaa",
    "harpnum": "harp",
    "harp": "harp",
}
_TIMES = ("t_rec", "time", "at", "date", "datetime", "observed", "timestamp")
_CLASSES = {
    "C": "C1.0",
    "C1": "C1.0",
    "M": "M1.0",
    "M1": "M1.0",
    "M24": "M1.0",
    "M5": "M5.0",
    "X": "X1.0",
    "X1": "X1.0",
    "X24": "X1.0",
}
_CADENCES = {"0.2": "12 min", "1.0": "1 h", "1.6": "96 min", "24.0": "1 day"}
# What pandas calls the index of a table that was written as its first column.
_INDEX = "Unnamed: "
_FOLD, _CADENCE = "fold", "cadence_hours"


@dataclass(frozen=True)
class Series:
    """A feature over the steps of a window, to be drawn; None is missing."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Reading:
    """One way to read a file: `value` chooses it, `detail` is what speaks for or against it.

    `series` are some features as they look when read so.
    """

    value: str
    label: str
    detail: str = ""
    series: tuple[Series, ...] = ()


class QuestionError(InvalidInputError):
    """A file can be read in several ways; its message says how a recipe declares one."""

    def __init__(self, message: str, text: str, readings: Sequence[Reading]) -> None:
        super().__init__(message)
        self.text, self.readings = text, tuple(readings)

    def to_dict(self) -> dict[str, Any]:
        """Return ``text``, ``answers``, which have the fields of a reading, and ``message``."""
        answers = [asdict(one) for one in self.readings]
        return {"text": self.text, "answers": answers, "message": str(self)}


@dataclass(frozen=True)
class Answers:
    """What a person has chosen so far, as numbers of readings, and what a recipe would declare."""

    hint: str
    given: Mapping[str, int] = field(default_factory=dict)

    def choose(self, key: str, text: str, readings: Sequence[Reading]) -> str:
        """Return the reading that was chosen, or the only one.

        Raises
        ------
        QuestionError
            Where nobody has chosen; its values hold what was chosen before as well.
        """
        if not readings:
            raise InvalidInputError(self.hint)
        shown = readings[:_MOST_READINGS]
        chosen = 0 if len(readings) == 1 else self.given.get(key, -1)
        if chosen in range(len(shown)):
            return shown[chosen].value
        # Numbers keep the value short, however long the names in a file are.
        asked = [
            replace(one, value=orjson.dumps({**self.given, key: number}).decode())
            for number, one in enumerate(shown)
        ]
        raise QuestionError(self.hint, text, asked)


def answers_of(text: str | None, hint: str) -> Answers:
    """Read the value of the answer that a person chose; None before there is one."""
    try:
        given = orjson.loads(text or "{}")
        return Answers(hint, {str(key): int(number) for key, number in given.items()})
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError("the answer is none of those that were offered") from error


def table_layout(
    table: pd.DataFrame, rows: str, answers: Answers, *, flares: str | None, harps: str | None
) -> TableConfig:
    """Return how the rows of a table are laid out.

    Parameters
    ----------
    rows : the file of the table
    flares, harps : files of a flare list and a HARP map, used where the regions can be joined

    Raises
    ------
    InvalidInputError
        When it has no column for the region, the time, a feature or the truth.
    QuestionError
        When two readings are possible.
    """
    columns = {str(name): column for name, column in table.items()}
    columns = {name: column for name, column in columns.items() if not name.startswith(_INDEX)}
    time = answers.choose("time", "Which column holds the time?", _times(columns))
    region = answers.choose("region", "Which column holds the region number?", _regions(columns))
    numbers = _numbers(region, answers)
    flares = flares if numbers == "noaa" or harps else None
    labels = _labels(_without(columns, time, region), answers, is_needed=flares is None)
    taken = {time, region, _FOLD, *labels.values()}
    keywords = {
        name: _column(name)
        for name, column in columns.items()
        if name not in taken and pd.api.types.is_numeric_dtype(column)
    }
    if not keywords:
        raise InvalidInputError(answers.hint)
    return TableConfig(
        layout="table",
        rows=rows,
        region=region,
        region_numbers=numbers,
        time=time,
        time_scale=_scale(columns[time], answers),
        keywords=keywords,
        labels=labels,
        flares=flares,
        harps=harps if numbers == "harp" and flares else None,
        fold=_FOLD if _FOLD in columns and _is_whole(columns[_FOLD]) else None,
    )


def windows_layout(arrays: Mapping[str, Array], file: str, answers: Answers) -> WindowsConfig:
    """Return how arrays of windows are laid out; raises as `table_layout` does."""
    blocks = [name for name, one in arrays.items() if one.ndim == 3 and _is_number(one)]
    blocks = blocks or [name for name, one in arrays.items() if one.ndim == 2 and _is_number(one)]
    readings = [Reading(name, f"{name}, {_shape(arrays[name])}") for name in blocks]
    windows = answers.choose("windows", "Which array holds the windows?", readings)
    block = arrays[windows]
    lengths = {len(one) for one in arrays.values() if one.ndim == 1 and _is_binary(one)}
    names = _feature_names(arrays, block)
    text = f"Which axis is time? {windows} in {file} is {_shape(block)}"
    readings = _orders(block, lengths, names)
    axes = answers.choose("axes", text, readings).split(",")
    n, n_features = block.shape[axes.index("cases")], block.shape[axes.index("features")]
    cases = {name: pd.Series(one) for name, one in arrays.items() if one.shape == (n,)}
    times = _times(cases)
    time = answers.choose("time", "Which array holds the times?", times) if times else None
    region = next((name for name in cases if name.lower() in _REGIONS), None)
    return WindowsConfig(
        layout="windows",
        file=file,
        windows=windows,
        axes=tuple(_AXES[name] for name in axes),
        features=tuple(_column(name) for name in names or _numbered(n_features)),
        cadence_hours=_cadence(arrays, axes, answers),
        labels=_labels(_without(cases, time, region), answers),
        region=region,
        time=time,
        time_scale="UTC" if time is None else _scale(cases[time], answers),
        fold=_FOLD if _FOLD in cases else None,
    )


# Values of a window follow each other closely; levels of different features may do so by chance.
_AGREE, _IN_PART = 0.8, 0.5
_AXES: dict[str, Axis] = {"cases": "cases", "features": "features", "steps": "steps"}


def _orders(block: Array, lengths: set[int], names: Sequence[str] | None) -> list[Reading]:
    """Return the possible orders of axes, that whose neighbouring steps agree best first."""
    orders = [
        axes
        for axes in permutations(("cases", "features", "steps")[: block.ndim])
        if block.shape[axes.index("cases")] in lengths
        and (names is None or block.shape[axes.index("features")] == len(names))
    ]
    ranked = sorted(((_agreement(block, axes), axes) for axes in orders), reverse=True)
    return [
        Reading(",".join(axes), _order(block, axes), _agrees(r), _series(block, axes, names))
        for r, axes in ranked
    ]


def _series(block: Array, axes: Sequence[str], names: Sequence[str] | None) -> tuple[Series, ...]:
    """Return the first, middle and last feature of that case which has the most values."""
    if "steps" not in axes:
        return ()
    windows = _in_order(block, axes)
    case = windows[np.isfinite(windows).sum(axis=(1, 2)).argmax()]
    case = case[:: -(-len(case) // _DRAWN_STEPS)]
    names = names or _numbered(case.shape[1])
    places = np.unique(np.linspace(0, len(names) - 1, _DRAWN_FEATURES).astype(int))
    return tuple(
        Series(names[at], tuple(float(f"{v:.4g}") if np.isfinite(v) else None for v in case[:, at]))
        for at in places
    )


def _in_order(block: Array, axes: Sequence[str]) -> Array:
    """Return some windows (cases, steps, features)."""
    order = [axes.index(name) for name in ("cases", "steps", "features")]
    return np.transpose(block, order)[:_MOST_CASES].astype(float)


def _order(block: Array, axes: Sequence[str]) -> str:
    size = dict(zip(axes, block.shape, strict=True))
    steps = f"{size['steps']} steps of " if "steps" in size else ""
    return f"{size['cases']} cases, {steps}{size['features']} features"


def _agrees(r: float) -> str:
    how = "agree" if r >= _AGREE else "agree in part" if r >= _IN_PART else "do not agree"
    return f"neighbouring steps {how}, r = {r:.2f}"


def _agreement(block: Array, axes: Sequence[str]) -> float:
    """Correlate each step with the next, over all features and some cases; 0 where undefined."""
    if "steps" not in axes:
        return 0.0
    windows = _in_order(block, axes)
    pairs = np.stack([windows[:, :-1].ravel(), windows[:, 1:].ravel()])
    # Ranks: one feature of great numbers must not decide.
    ranks = pd.DataFrame(pairs[:, np.isfinite(pairs).all(axis=0)].T).rank()
    r = ranks.corr().to_numpy()[0, 1] if len(ranks) > 2 else 0.0
    return float(np.nan_to_num(r))


def _feature_names(arrays: Mapping[str, Array], block: Array) -> list[str] | None:
    """Find an array of names, one for each feature."""
    for one in arrays.values():
        if one.ndim == 1 and one.dtype.kind == "U" and len(one) in block.shape:
            names = [str(name) for name in one]
            if len(set(names)) == len(names) and not _is_time(pd.Series(names)):
                return names
    return None


def _numbered(n: int) -> list[str]:
    return [f"feature {number}" for number in range(1, n + 1)]


def _cadence(arrays: Mapping[str, Array], axes: Sequence[str], answers: Answers) -> float:
    given = arrays.get(_CADENCE)
    if given is not None and given.size == 1 and _is_number(given):
        return float(given.ravel()[0])
    if "steps" not in axes:
        # Of single records it means nothing.
        return 1.0
    readings = [Reading(value, label) for value, label in _CADENCES.items()]
    return float(answers.choose(_CADENCE, "How long is one step of the windows?", readings))


def _without(columns: Columns, *names: str | None) -> Columns:
    return {name: column for name, column in columns.items() if name not in names}


def _times(columns: Columns) -> list[Reading]:
    found = [name for name, column in columns.items() if _is_time(column)]
    named = [name for name in found if name.lower() in _TIMES]
    return [Reading(name, name, str(columns[name].iloc[0])) for name in (named or found)]


def _is_time(column: pd.Series) -> bool:
    if pd.api.types.is_numeric_dtype(column):
        return False
    try:
        clock(column.dropna()[:_SEEN_ROWS], where="", scale="UTC")
    except InvalidInputError:
        # It is no column of times.
        return False
    return bool(column.notna().any())


def _scale(column: pd.Series, answers: Answers) -> Any:
    is_utc, is_tai = named_scales(column)
    if (is_utc | is_tai).all():
        return "UTC"
    readings = [
        Reading("UTC", "UTC", "as most catalogues write it"),
        Reading("TAI", "TAI", "as JSOC writes T_REC; 35 to 37 s ahead of UTC since 2012"),
    ]
    first = column.iloc[0]
    return answers.choose("time_scale", f"On which scale are times like {first}?", readings)


def _regions(columns: Columns) -> list[Reading]:
    whole = [name for name, one in columns.items() if _is_whole(one) and not _is_binary(one)]
    named = [name for name in whole if name.lower() in _REGIONS]
    return [Reading(name, name, str(columns[name].iloc[0])) for name in (named or whole)]


def _numbers(region: str, answers: Answers) -> Any:
    told = _REGIONS.get(region.lower())
    readings = [
        Reading("noaa", "NOAA active regions", "such as 12673"),
        Reading("harp", "HARPs", "such as 7115"),
    ]
    return told or answers.choose(
        "region_numbers", f"Whose numbers are those of the column {region}?", readings
    )


def _labels(columns: Columns, answers: Answers, *, is_needed: bool = True) -> dict[str, str]:
    """Return which column of 0 and 1 is the truth of which event."""
    binary = [name for name, one in columns.items() if name != _FOLD and _is_binary(one)]
    named = {event: name for name in binary if (event := _event_in(name))}
    if named or not is_needed:
        return {event.name: named[event.name] for event in EVENTS if event.name in named}
    readings = [Reading(name, name, _share(columns[name])) for name in binary]
    label = answers.choose("label", "Which of these tells whether a flare came?", readings)
    readings = [Reading(one.name, f"{one.name}+", _share(columns[label])) for one in EVENTS]
    text = f"Of which flares in the 24 h after does {label} tell?"
    return {answers.choose("event", text, readings): label}


def _event_in(name: str) -> str | None:
    words = re.split(r"[^A-Z0-9]+", name.upper())
    return next((_CLASSES[word] for word in words if word in _CLASSES), None)


def _share(column: pd.Series) -> str:
    return f"{np.nanmean(column.to_numpy(float)):.1%} of the rows"


def _column(name: str) -> ColumnConfig:
    known = next((one for one in (name, name.upper()) if one in BY_NAME), None)
    return ColumnConfig(name=known or name)


def _is_number(array: Array) -> bool:
    return np.issubdtype(array.dtype, np.number)


def _is_whole(column: pd.Series) -> bool:
    if not pd.api.types.is_numeric_dtype(column) or column.isna().any():
        return False
    return bool((np.mod(column.to_numpy(float), 1) == 0).all())


def _is_binary(column: Any) -> bool:
    if not pd.api.types.is_numeric_dtype(column):
        return False
    values = np.asarray(column, float)
    return bool(np.isin(values[~np.isnan(values)], (0, 1)).all())


def _shape(array: Array) -> str:
    return " x ".join(map(str, array.shape))
