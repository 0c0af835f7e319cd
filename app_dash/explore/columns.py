"""The columns of the record table: units, values, and filters in the address, grid and store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app_dash.shared import numbers
from app_dash.shared.numbers import NARROW
from database.exploration.selection import Limit
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.sharp import KEYWORDS, Keyword

# Outside these limits a number is written with a power of ten: 27 digits are unreadable, and a
# small value must not read as 0.
_SHORT, _LONG = 1e-3, 1e7
_EVENTS = {event.column: event for event in EVENTS}
_KEYWORDS = {keyword.column: keyword for keyword in KEYWORDS}
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_WRITTEN = re.compile(rf"(\w+):({_NUMBER})?\.\.({_NUMBER})?", re.ASCII | re.IGNORECASE)


def keyword_value(value: float | None, keyword: Keyword) -> str:
    """Write a value in the keyword's unit for display, None as a dash."""
    if value is None:
        return numbers.ABSENT
    shown = value / keyword.display_scale
    if shown == 0 or _SHORT <= abs(shown) < _LONG:
        return numbers.quantity(shown)
    mantissa, exponent = f"{shown:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", numbers.MINUS)


def keyword_unit(keyword: Keyword) -> str:
    """Return the unit of `keyword_value`."""
    return keyword.display_unit or keyword.unit


@dataclass(frozen=True)
class ColumnFilter:
    """``low <= value < high`` of one column in the unit of the table; an open side is None."""

    column: str
    low: float | None
    high: float | None

    def limit(self) -> Limit:
        """Return the filter in the unit of the store."""
        return Limit(self.column, *(_stored(self.column, side) for side in (self.low, self.high)))

    def label(self) -> str:
        """Return the filter in words: ``P(M1.0+) 5 to 10 %``."""
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
        For anything else, naming the invalid part.
    """
    filters = [_read(part) for part in text.split(";") if part.strip()]
    if len({item.column for item in filters}) < len(filters):
        raise InvalidInputError(f"{text!r} limits a column twice; write one range for each")
    return tuple(filters)


def write_filters(filters: Iterable[ColumnFilter]) -> str:
    """Write filters as `read_filters` reads them."""
    return ";".join(f"{item.column}:{_side(item.low)}..{_side(item.high)}" for item in filters)


def filters_of_model(model: Mapping[str, Mapping[str, Any]]) -> tuple[ColumnFilter, ...]:
    """Read the number filters of the grid's filter model."""
    ranges = (_of_model(column, entry) for column, entry in model.items() if _is_number(column))
    return tuple(item for item in ranges if item is not None)


def model_of(filters: Iterable[ColumnFilter]) -> dict[str, dict[str, Any]]:
    """Write filters as the grid's filter model."""
    return {item.column: {"filterType": "number", **_kind(item)} for item in filters}


def _read(part: str) -> ColumnFilter:
    written = _WRITTEN.fullmatch(part.strip())
    if written is None or not _is_number(written[1]) or not (written[2] or written[3]):
        raise InvalidInputError(
            f"{part!r} is no filter of a column; write its name and a range, as in m1:5..10"
        )
    low, high = (float(side) if side else None for side in (written[2], written[3]))
    filters = ColumnFilter(written[1], low, high)
    filters.limit()
    return filters


def _is_number(column: str) -> bool:
    return column in _EVENTS or column in _KEYWORDS


def _stored(column: str, shown: float | None) -> float | None:
    if shown is None:
        return None
    # Divided, because 57 * 0.01 is not 0.57.
    return shown / 100 if column in _EVENTS else shown * _KEYWORDS[column].display_scale


def _side(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"


def _of_model(column: str, entry: Mapping[str, Any]) -> ColumnFilter | None:
    first, second = entry.get("filter"), entry.get("filterTo")
    sides = {
        "inRange": (first, second),
        "greaterThanOrEqual": (first, None),
        "lessThan": (None, first),
    }.get(str(entry.get("type")))
    if sides is None or sides == (None, None):
        return None
    for side in sides:
        if isinstance(side, str):
            raise InvalidInputError(f"{side!r} is no limit of {column}; write a number")
    return ColumnFilter(column, *sides)


def _kind(item: ColumnFilter) -> dict[str, Any]:
    if item.high is None:
        return {"type": "greaterThanOrEqual", "filter": item.low}
    if item.low is None:
        return {"type": "lessThan", "filter": item.high}
    return {"type": "inRange", "filter": item.low, "filterTo": item.high}
