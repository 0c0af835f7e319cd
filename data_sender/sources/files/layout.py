"""Layouts: what the columns of a file mean, under SHARP names or by a training recipe."""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from solar.errors import InvalidInputError
from solar.sharp import BY_NAME, SERIES_PATTERN, UNSTATED_SERIES

logger = logging.getLogger(__name__)

# The name under which a column of a file is read; None leaves it out.
Naming = Callable[[str], str | None]

TIME_NAMES = ("T_REC", "TIMESTAMP")
AR_NAMES = ("NOAA_ARS", "NOAA_AR")
SERIES = "SERIES"
# In what the API exports: a HARP number, or the negative of a NOAA number.
REGION = "REGION"
_OTHER_NAMES = ("HARPNUM", "LON_FWT", "LAT_FWT", "QUALITY")

_POSITION_UNITS = {"LON_FWT": "deg", "LAT_FWT": "deg", "QUALITY": ""}
_UNITS = _POSITION_UNITS | {name: keyword.unit for name, keyword in BY_NAME.items()}
_OTHER_LAYOUTS = {
    "swan-sf": "replay its folder without --recipe",
    "windows": "write its records as a table, one row per region and time",
    "m24": "its line-of-sight features are no SHARP keywords, so nothing can be sent",
    "li2024": "its z-scored features are no SHARP keywords, so nothing can be sent",
    "mcintosh": "its features are no SHARP keywords, so nothing can be sent",
}


def in_any_case(wanted: Iterable[str]) -> Naming:
    """Select these columns, in upper case here and in any case in the file."""
    names = frozenset(wanted)
    return lambda column: name if (name := column.upper()) in names else None


_IN_ANY_CASE = in_any_case((*TIME_NAMES, *AR_NAMES, SERIES, REGION, *_OTHER_NAMES, *BY_NAME))


@dataclass(frozen=True)
class Layout:
    """The meaning of the columns of a file.

    Parameters
    ----------
    columns : column of the file -> SHARP name; empty where the file has SHARP names, in any case
    time_scale : of times without a zone, ``TAI`` or ``UTC``
    default_series : of rows whose series the file does not name
    series : of all rows, whatever the file names
    recipe : file name of the recipe that this comes from, for messages
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    time_scale: Literal["TAI", "UTC"] = "TAI"
    default_series: str = UNSTATED_SERIES
    series: str | None = None
    recipe: str = ""

    def name_of(self, column: str) -> str | None:
        """Return the SHARP name of a column of the file, None for one that is not read."""
        if not self.columns:
            return _IN_ANY_CASE(column)
        return self.columns.get(column, SERIES if column.upper() == SERIES else None)

    def identity(self) -> bytes:
        """Return what the rows of a file depend on beside the file; empty for SHARP names."""
        content = {
            "columns": dict(self.columns),
            "time_scale": self.time_scale,
            "default_series": self.default_series,
            "series": self.series,
        }
        is_plain = replace(self, recipe="") == SHARP_LAYOUT
        return b"" if is_plain else orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


SHARP_LAYOUT = Layout()


class _Part(BaseModel):
    # The rest of a recipe is for the training, which checks it.
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Feature(_Part):
    name: str = Field(min_length=1)
    unit: str = ""


class _TableData(_Part):
    region: str
    region_numbers: Literal["noaa", "harp"] | None = None
    time: str
    time_scale: Literal["UTC", "TAI"]
    keywords: dict[str, _Feature] = Field(min_length=1)
    harps: str | None = None

    @property
    def region_name(self) -> str:
        """The SHARP name of the region column, by the rule of the training."""
        numbers = self.region_numbers or ("harp" if self.harps else "noaa")
        return {"harp": "HARPNUM", "noaa": "NOAA_AR"}[numbers]


class _Recipe(_Part):
    name: str
    data: dict[str, Any]


_Kind = TypeVar("_Kind", bound=_Part)


def read_layout(path: Path, *, series: str | None = None) -> Layout:
    """Read the layout of a recipe's records.

    Features that are no SHARP keywords are logged and left out. Without `series`, rows without a
    series get the name of the recipe.

    Raises
    ------
    InvalidInputError
        When the file is no recipe, its layout has no records that could be sent, or a SHARP
        keyword is declared in another unit than the API takes.
    """
    recipe = _parsed(path)
    name = _series_of(recipe.name, path) if series is None else series
    layout = recipe.data.get("layout", "sharp")
    if layout == "sharp":
        return Layout(default_series=name, series=series, recipe=path.name)
    if layout != "table":
        why = _OTHER_LAYOUTS.get(str(layout), "see docs/training.md for the layouts")
        raise InvalidInputError(
            f"{path.name}: data.layout is {layout!r}; replay reads 'table' and 'sharp': {why}"
        )
    data = _valid(_TableData, recipe.data, path, place=("data",))
    return Layout(_columns(data, path), data.time_scale, name, series, path.name)


def _parsed(path: Path) -> _Recipe:
    try:
        return _valid(_Recipe, tomllib.loads(path.read_text("utf-8")), path)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path.name} is not UTF-8 text; save it as such") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"{path.name} is not TOML: {error}") from error


def _valid(
    kind: type[_Kind], content: dict[str, Any], path: Path, *, place: tuple[str, ...] = ()
) -> _Kind:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in (*place, *fault['loc']))}: {fault['msg']}"
            for fault in error.errors()
        )
        raise InvalidInputError(f"{path.name}: {faults}") from error


def _series_of(name: str, path: Path) -> str:
    if not re.fullmatch(SERIES_PATTERN, name):
        raise InvalidInputError(
            f"{path.name}: name {name!r} cannot name a series (letters, digits, '.', '_' and '-',"
            " 48 at most); give --series NAME"
        )
    return name


def _columns(data: _TableData, path: Path) -> dict[str, str]:
    """Return the SHARP name of each column of the file that can be sent."""
    features = {column: feature.name for column, feature in data.keywords.items()}
    strange = [f"{name} ({column})" for column, name in features.items() if name not in _UNITS]
    if strange:
        logger.warning("%s: no SHARP keyword, not sent: %s", path.name, ", ".join(strange))
    sent = {column: name for column, name in features.items() if name in _UNITS}
    if not set(sent.values()) & BY_NAME.keys():
        raise InvalidInputError(
            f"{path.name}: data.keywords names no SHARP keyword; nothing to send"
        )
    pairs = [*sent.items(), (data.time, "T_REC"), (data.region, data.region_name)]
    _refuse_twice([column for column, _ in pairs], "the column", path)
    _refuse_twice([name for _, name in pairs], "the name", path)
    _refuse_other_units(data, path)
    return dict(pairs)


def _refuse_twice(names: list[str], what: str, path: Path) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInputError(
            f"{path.name}: data uses {what} {', '.join(twice)} twice; a column has one meaning"
        )


def _refuse_other_units(data: _TableData, path: Path) -> None:
    for column, feature in data.keywords.items():
        expected = _UNITS.get(feature.name, feature.unit)
        if feature.unit not in ("", expected):
            raise InvalidInputError(
                f"{path.name}: data.keywords.{column}: {feature.name} is declared in"
                f" {feature.unit}, the API takes it in {expected or 'no unit'}; convert the column,"
                " or give the feature another name"
            )
