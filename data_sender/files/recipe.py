"""A training recipe as a replay reads it: what it says about the columns of the records."""

from __future__ import annotations

import logging
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_sender.files.table_rows import Layout
from solar.errors import InvalidInputError
from solar.sharp import BY_NAME, SERIES_PATTERN

logger = logging.getLogger(__name__)

_POSITION_UNITS = {"LON_FWT": "deg", "LAT_FWT": "deg", "QUALITY": ""}
_UNITS = _POSITION_UNITS | {name: keyword.unit for name, keyword in BY_NAME.items()}
_OTHER_LAYOUTS = {
    "swan-sf": "replay its folder without --recipe",
    "windows": "write its records as a table, one row per region and time",
    "m24": "its line-of-sight features are no SHARP keywords, so nothing can be sent",
    "li2024": "its z-scored features are no SHARP keywords, so nothing can be sent",
    "mcintosh": "its features are no SHARP keywords, so nothing can be sent",
}


class _Part(BaseModel):
    # What else a recipe holds is for the training, which checks it.
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
    """Read from a recipe what the columns of its records mean.

    Features that are no SHARP keywords are told in the log and left out. Without `series`, rows
    that do not tell their series bear the name of the recipe.

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
    """Return the column of the file -> SHARP name of all that can be sent."""
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
