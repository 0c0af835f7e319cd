"""Numbers, times and names as the pages write them; an absent value is a dash, never 0."""

from __future__ import annotations

from datetime import UTC, datetime

from solar.time import duration as duration
from solar.time import nominal

ABSENT = "–"
MINUS = "\u2212"
NARROW = "\u202f"

# A band wider than this says hardly more than that a flare may come or not.
_HARDLY_KNOWN = 0.4

_REFERENCE_LABELS = {
    "climatology-120d": "Climatology, 120 d",
    "climatology-365d": "Climatology, 365 d",
    "persistence": "Persistence",
    "plain-regression": "Plain regression",
}


def probability(value: float | None) -> str:
    """Write a probability (0 to 1) in percent: ``<0.1 %``, ``4.3 %``, ``35 %``, ``>99 %``."""
    figure = percent(value)
    return figure if value is None else f"{figure}{NARROW}%"


def percent(value: float | None) -> str:
    """Write a probability (0 to 1) in percent without the sign, which is set smaller."""
    if value is None:
        return ABSENT
    share = value * 100
    if share < 0.1:
        return "<0.1"
    if share > 99:
        return ">99"
    return f"{share:.1f}" if round(share, 1) < 10 else f"{share:.0f}"


def band_text(lower: float | None, upper: float | None) -> str:
    """Write the band of a probability: ``24 to 45 %``, or ``hardly known`` where it is wide."""
    if lower is None or upper is None:
        return ABSENT
    if upper - lower > _HARDLY_KNOWN:
        return "hardly known"
    return f"{percent(lower)} to {percent(upper)}{NARROW}%"


def points(change: float | None) -> str:
    """Write a change of probability in percentage points with its sign: ``+34``, ``−0.4``."""
    if change is None:
        return ABSENT
    share = change * 100
    figure = f"{abs(share):.1f}" if round(abs(share), 1) < 10 else f"{abs(share):.0f}"
    if float(figure) == 0:
        return "0.0"
    return f"{'+' if share > 0 else MINUS}{figure}"


def count(number: int) -> str:
    """Write a count with a comma between thousands."""
    return f"{number:,}"


def quantity(value: float | None) -> str:
    """Write a measured value with about four significant digits."""
    if value is None:
        return ABSENT
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 or size == 0 else 4
    return f"{value:,.{digits}f}".replace("-", MINUS)


def score_text(value: float | None, *, digits: int = 2) -> str:
    """Write a score with two decimals; undefined is a dash, never 0."""
    if value is None:
        return ABSENT
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        return text.removeprefix("-")
    return text.replace("-", MINUS)


def moment(at: datetime) -> str:
    """Write a time for running text: ``29 Mar 16:00`` (the column or heading says UTC).

    That of a record is its slot, as in the label of its source.
    """
    return nominal(at).astimezone(UTC).strftime("%-d %b %H:%M")


def date_moment(at: datetime) -> str:
    """Write a time with its year, as `moment` does: ``29 Mar 2014 16:00``."""
    return nominal(at).astimezone(UTC).strftime("%-d %b %Y %H:%M")


def position(lat_deg: float | None, lon_deg: float | None) -> str:
    """Write a Stonyhurst position: ``N10W33``."""
    if lat_deg is None or lon_deg is None:
        return ABSENT
    north = "N" if lat_deg >= 0 else "S"
    west = "W" if lon_deg >= 0 else "E"
    return f"{north}{abs(lat_deg):02.0f}{west}{abs(lon_deg):02.0f}"


def region_name(region_id: int, noaa_ars: tuple[int, ...]) -> str:
    """Name a region as forecasters do: by its NOAA numbers, else by its HARP number."""
    if noaa_ars:
        return " + ".join(str(number) for number in noaa_ars)
    return f"HARP {region_id}" if region_id > 0 else str(-region_id)


def model_label(model_id: str) -> str:
    """Name a model or reference forecast: the references in words, a model by name and version."""
    return _REFERENCE_LABELS.get(model_id, model_id.replace("@", " "))
