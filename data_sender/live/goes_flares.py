"""GOES flares as SWPC lists them: as they end, and again, edited, with their region."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from data_sender.live.records import Record, read_each, records
from data_sender.live.values import is_nothing, number, utc, utc_or_none
from solar.flares import FluxScale, full_noaa_number, peak_flux
from solar.time import isoformat

# One that still has no end then will not get one.
LONGEST_FLARE = timedelta(days=1)
FIRST_TRUE_SATELLITE = 16
_FIRST_TRUE_AT = datetime(2019, 12, 9, tzinfo=UTC)

# NOAA numbered region 11029 in October 2009 and 14529 in September 2026. Thousands are certain
# as long as the line through these is right to within 5,000.
_NUMBER, _NUMBERED_AT, _NUMBERS_A_YEAR = 11_029, datetime(2009, 10, 24, tzinfo=UTC), 207


@dataclass(frozen=True)
class GoesFlare:
    """One flare; `noaa_ar` is None where it is not told, `end_at` while it goes on."""

    start_at: datetime
    peak_at: datetime
    end_at: datetime | None
    goes_class: str
    satellite: int | None
    noaa_ar: int | None = None

    def body(self) -> dict[str, Any]:
        """Write the flare as the API takes it."""
        is_true = (
            self.start_at >= _FIRST_TRUE_AT
            if self.satellite is None
            else self.satellite >= FIRST_TRUE_SATELLITE
        )
        return {
            "start": isoformat(self.start_at),
            "peak": isoformat(self.peak_at),
            "end": None if self.end_at is None else isoformat(self.end_at),
            "goes_class": self.goes_class,
            "noaa_ar": self.noaa_ar,
            "flux_scale": (FluxScale.TRUE if is_true else FluxScale.OPERATIONAL).value,
        }


def whole_number(noaa_ar: int, at: datetime) -> int:
    """Restore the thousands that SWPC leaves out: 4529 in 2026 is AR 14529."""
    years = (at - _NUMBERED_AT) / timedelta(days=365.25)
    return full_noaa_number(noaa_ar, near=round(_NUMBER + _NUMBERS_A_YEAR * years))


def read_flares(content: Any, *, now: datetime) -> tuple[list[GoesFlare], datetime]:
    """Read the list of seven days in any order; tell also until when it is complete.

    A flare is listed from its onset on and can be told when it has ended. Until then the list
    is complete only up to its onset.
    """
    needed = ("begin_time", "max_time", "max_class", "end_time")
    found = records(content, "the flare list", needed=needed)
    read = read_each(found, _listed, "the flare list")
    open_since = [
        utc(one["begin_time"])
        for one in found
        if is_nothing(one.get("end_time")) and utc_or_none(one.get("begin_time")) is not None
    ]
    recent = [at for at in open_since if now - at < LONGEST_FLARE]
    flares = [one for one in read if one.end_at is not None or one.start_at not in recent]
    return _unique(flares), min([now, *recent])


def _listed(record: Record) -> GoesFlare | None:
    start_at = utc(record["begin_time"])
    if is_nothing(record["max_class"]) or is_nothing(record["max_time"]):
        return None
    return _flare(start_at, utc(record["max_time"]), utc_or_none(record["end_time"]),
                  str(record["max_class"]), record.get("satellite"))  # fmt: skip


def read_events(content: Any) -> list[GoesFlare]:
    """Read the X-ray flares of the edited events, which know the regions."""
    found = records(content, "the list of events", needed=("type", "begin_datetime"))
    xray = [one for one in found if one.get("type") == "XRA"]
    return _unique(read_each(xray, _edited, "the list of events"))


def _edited(record: Record) -> GoesFlare | None:
    goes_class, peak = record["particulars1"], record["max_datetime"]
    if is_nothing(goes_class) or is_nothing(peak):
        return None
    flare = _flare(utc(record["begin_datetime"]), utc(peak), utc_or_none(record["end_datetime"]),
                   str(goes_class), record.get("observatory"))  # fmt: skip
    region = number(record.get("region"))
    if math.isnan(region) or region <= 0:
        return flare
    return replace(flare, noaa_ar=whole_number(int(region), flare.start_at))


def _flare(
    start_at: datetime, peak_at: datetime, end_at: datetime | None, goes_class: str, satellite: Any
) -> GoesFlare:
    peak_flux(goes_class)
    digits = re.search(r"\d+", str(satellite))
    number_of = int(digits.group()) if digits else None
    return GoesFlare(start_at, peak_at, end_at, goes_class.strip().upper(), number_of)


def _unique(flares: Iterable[GoesFlare]) -> list[GoesFlare]:
    """Keep one of a flare that is listed twice: that of the higher class, whatever the order."""
    by_start: dict[datetime, GoesFlare] = {}
    for flare in sorted(flares, key=lambda f: (f.start_at, peak_flux(f.goes_class), f.peak_at)):
        by_start[flare.start_at] = flare
    return list(by_start.values())
