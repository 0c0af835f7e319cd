"""Values of SHARP keywords as the pages write them: in the unit for display."""

from __future__ import annotations

from app_dash import numbers
from solar.sharp import Keyword

# Outside these a number is written with a power of ten: nobody counts 27 digits, and a small
# value must not read as 0.
_SHORT, _LONG = 1e-3, 1e7


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
    """Return the unit that belongs to `keyword_value`."""
    return keyword.display_unit or keyword.unit
