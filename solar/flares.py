"""Solar flares: GOES classes and their peak flux, and the events that a forecast is about."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from solar.errors import InvalidInputError, NotFoundError
from solar.windows import DAY, WINDOWS, ForecastWindow, forecast_window

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
    """What a forecast is about: a flare of at least a class that peaks within a window.

    `goes_class` is the class as an exceedance (``M1.0`` means M1.0+), `class_column` the stem of
    its database columns, `peak_flux_w_m2` its lower limit [W m-2].
    """

    goes_class: str
    class_column: str
    peak_flux_w_m2: float
    window: ForecastWindow = DAY

    @property
    def name(self) -> str:
        """The event as the interfaces write it: ``M1.0`` within 24 h, else ``M1.0/6h``."""
        return self.goes_class if self.window == DAY else f"{self.goes_class}/{self.window.name}"

    @property
    def column(self) -> str:
        """The stem of the database columns: ``m1``, or ``m1_6h``."""
        of_window = "" if self.window == DAY else f"_{self.window.name}"
        return f"{self.class_column}{of_window}"

    @property
    def label(self) -> str:
        """The event as people write it: ``M1.0+``, ``M1.0+ in 6 h``, ``M1.0+ on day 2``."""
        of_window = "" if self.window == DAY else f" {self.window.words}"
        return f"{self.goes_class}+{of_window}"

    def within(self, window: ForecastWindow) -> Event:
        """Return the same class of flare in another window."""
        return replace(self, window=window)


# From frequent to rare, so that probabilities must not rise along the tuple.
EVENTS: tuple[Event, ...] = (
    Event("C1.0", "c1", 1e-6),
    Event("M1.0", "m1", 1e-5),
    Event("M5.0", "m5", 5e-5),
    Event("X1.0", "x1", 1e-4),
)
# Every event in every window, window by window.
TARGETS: tuple[Event, ...] = tuple(e.within(window) for window in WINDOWS for e in EVENTS)
# The same without the first day, whose forecasts lie apart.
LEADS: tuple[Event, ...] = tuple(target for target in TARGETS if target.window != DAY)


def event(name: str) -> Event:
    """Find the event written ``M1.0`` or ``M1.0+``, and in another window ``M1.0/6h``."""
    goes_class, slash, window = name.partition("/")
    for candidate in EVENTS:
        if goes_class in (candidate.name, candidate.label):
            return candidate.within(forecast_window(window)) if slash else candidate
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
