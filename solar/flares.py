"""Solar flares: GOES classes and their peak flux, and the events that a forecast is about."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from solar.errors import InvalidInputError, NotFoundError

HORIZON = timedelta(hours=24)
# A flare without an end for so long will not get one; one that lasts longer has a wrong start.
LONGEST_FLARE = timedelta(days=1)
# The operational classes of the GOES satellites from this one on are those of the true flux.
FIRST_TRUE_SATELLITE = 16
# A flare list that ends so little before a time still covers the history of that time.
LIST_MAY_LAG = timedelta(hours=6)

_DECADES = {"A": 1e-8, "B": 1e-7, "C": 1e-6, "M": 1e-5, "X": 1e-4}
_CLASS = re.compile(r"([ABCMX])(\d+(?:\.\d+)?)")


class FluxScale(StrEnum):
    """The scale of a GOES class; the two must not meet in one score.

    Before GOES-16 the operational 1-8 Angstrom flux was 0.7 of the true one (NOAA, 2022).
    """

    OPERATIONAL = "operational_pre16"
    TRUE = "true"


@dataclass(frozen=True)
class Event:
    """What a forecast is about: a flare of at least this class peaking within the horizon.

    `name` is the exceedance definition as the interfaces write it (``M1.0`` means M1.0+),
    `column` the stem of the database columns, `peak_flux_w_m2` the lower limit [W m-2].
    """

    name: str
    column: str
    peak_flux_w_m2: float

    @property
    def label(self) -> str:
        """The definition as people write it: ``M1.0+``."""
        return f"{self.name}+"


# From frequent to rare, so that probabilities must not rise along the tuple.
EVENTS: tuple[Event, ...] = (
    Event("C1.0", "c1", 1e-6),
    Event("M1.0", "m1", 1e-5),
    Event("M5.0", "m5", 5e-5),
    Event("X1.0", "x1", 1e-4),
)


def event(name: str) -> Event:
    """Find the event definition written ``M1.0`` or ``M1.0+``."""
    for candidate in EVENTS:
        if name in (candidate.name, candidate.label):
            return candidate
    raise NotFoundError(f"no event {name!r}; choose one of {', '.join(e.name for e in EVENTS)}")


def peak_flux(goes_class: str) -> float:
    """Return the peak 1-8 Angstrom flux [W m-2] that a GOES class such as ``X1.7`` names."""
    match = _CLASS.fullmatch(goes_class.strip().upper())
    if not match:
        raise InvalidInputError(f"{goes_class!r} is not a GOES class; write it like C3.4 or X10")
    return float(f"{float(match.group(2)) * _DECADES[match.group(1)]:.6g}")


def goes_class(peak_flux_w_m2: float) -> str:
    """Write a peak flux [W m-2] as a GOES class, with one decimal and no upper end to X.

    The decimals are cut off, not rounded: 9.96e-6 W m-2 is C9.9 and no M1.0+ event.
    """
    if not 0 < peak_flux_w_m2 < float("inf"):
        raise InvalidInputError(f"a peak flux of {peak_flux_w_m2} W/m2 has no GOES class")
    for letter in "XMCBA":
        # Six digits first, or 3.4e-6 / 1e-6 = 3.3999... would be cut to 3.3.
        level = math.floor(round(peak_flux_w_m2 / _DECADES[letter], 6) * 10 + 1e-6) / 10
        if level >= 1 or letter == "A":
            return f"{letter}{level:.1f}"
    raise AssertionError("unreachable: the loop ends at A")


def full_noaa_number(noaa_ar: int, *, near: int) -> int:
    """Restore the thousands that SWPC drops: region 4529 seen near 14500 is AR 14529.

    The number with the given last four digits that lies closest to `near` is returned;
    a number of five digits is already whole.
    """
    if noaa_ar >= 10_000:
        return noaa_ar
    thousands = near - near % 10_000
    candidates = (thousands - 10_000 + noaa_ar, thousands + noaa_ar, thousands + 10_000 + noaa_ar)
    return min((c for c in candidates if c > 0), key=lambda c: abs(c - near))
