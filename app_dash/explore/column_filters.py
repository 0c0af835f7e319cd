"""The filters of the table's columns: as the address, the grid and the store write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app_dash.numbers import NARROW
from app_dash.region.keyword_values import keyword_unit
from database.exploration.selection import Limit
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.sharp import KEYWORDS

_EVENTS = {event.column: event for event in EVENTS}
_KEYWORDS = {keyword.column: keyword for keyword in KEYWORDS}
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_WRITTEN = re.compile(rf"(\w+):({_NUMBER})?\.\.({_NUMBER})?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class ColumnFilter:
    """``low <= value < high`` of one column in the unit of the table; an open side is None."""

    column: str
    low: float | None
    high: float | None

    def limit(self) -> Limit:
        """Say the same in the unit of the store."""
        return Limit(self.column, *(_stored(self.column, side) for side in (self.low, self.high)))

    def label(self) -> str:
        """Say the same in words: ``P(M1.0+) 5 to 10 %``."""
        event = _EVENTS.get(self.column)
        name = f"P({event.label})" if event else _KEYWORDS[self.column].name
        unit = "%" if event else keyword_unit(_KEYWORDS[self.column])
        # A unit that begins with a power of ten is a factor: 12 × 10²¹ Mx.
        between = " × " if unit.startswith("10") else NARROW
        return f"{name} {self._range()}{between}{unit}"

    def _range(self) -> str:
        if self.high is None:
            return f"from {self.low:g}"
        return f"below {self.high:g}" if self.low is None else f"{self.low:g} to {self.high:g}"


def read_filters(text: str) -> tuple[ColumnFilter, ...]:
    """Read ``m1:5..10;usflux:12..``, one range per column.

    Raises
    ------
    InvalidInputError
        For anything else, with the part that cannot be used.
    """
    found = [_read(part) for part in text.split(";") if part.strip()]
    if len({one.column for one in found}) < len(found):
        raise InvalidInputError(f"{text!r} limits a column twice; write one range for each")
    return tuple(found)


def write_filters(filters: Iterable[ColumnFilter]) -> str:
    """Write filters as `read_filters` reads them."""
    return ";".join(f"{one.column}:{_side(one.low)}..{_side(one.high)}" for one in filters)


def filters_of_model(model: Mapping[str, Mapping[str, Any]]) -> tuple[ColumnFilter, ...]:
    """Read what the grid asks for; columns of text are no ranges and are left out."""
    ranges = (_of_model(column, asked) for column, asked in model.items() if _is_number(column))
    return tuple(one for one in ranges if one is not None)


def model_of(filters: Iterable[ColumnFilter]) -> dict[str, dict[str, Any]]:
    """Write filters as the grid keeps them."""
    return {one.column: {"filterType": "number", **_kind(one)} for one in filters}


def _read(part: str) -> ColumnFilter:
    written = _WRITTEN.fullmatch(part.strip())
    if written is None or not _is_number(written[1]) or not (written[2] or written[3]):
        raise InvalidInputError(
            f"{part!r} is no filter of a column; write its name and a range, as in m1:5..10"
        )
    low, high = (float(side) if side else None for side in (written[2], written[3]))
    found = ColumnFilter(written[1], low, high)
    found.limit()
    return found


def _is_number(column: str) -> bool:
    return column in _EVENTS or column in _KEYWORDS


def _stored(column: str, shown: float | None) -> float | None:
    if shown is None:
        return None
    # Divided, because 57 * 0.01 is not 0.57.
    return shown / 100 if column in _EVENTS else shown * _KEYWORDS[column].display_scale


def _side(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"


def _of_model(column: str, asked: Mapping[str, Any]) -> ColumnFilter | None:
    first, second = asked.get("filter"), asked.get("filterTo")
    sides = {
        "inRange": (first, second),
        "greaterThanOrEqual": (first, None),
        "lessThan": (None, first),
    }.get(str(asked.get("type")))
    return None if sides is None or sides == (None, None) else ColumnFilter(column, *sides)


def _kind(one: ColumnFilter) -> dict[str, Any]:
    if one.high is None:
        return {"type": "greaterThanOrEqual", "filter": one.low}
    if one.low is None:
        return {"type": "lessThan", "filter": one.high}
    return {"type": "inRange", "filter": one.low, "filterTo": one.high}
