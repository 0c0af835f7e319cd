"""Solar regions: SWPC's daily summary of each numbered region, and its flare probabilities."""

from __future__ import annotations

import logging
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from data_sender.live.bulletin import Bulletin, Note
from data_sender.live.goes_flares import whole_number
from data_sender.live.records import Record, read_each, records
from data_sender.live.values import is_nothing, number, percent, utc
from solar.time import isoformat

logger = logging.getLogger(__name__)

SOURCE, MODEL = "swpc", "swpc@1"
# SWPC's classes as the events that they are scored as: of at least this class.
_EVENTS = {"c": "C1.0", "m": "M1.0", "x": "X1.0"}
_LOCATION = re.compile(r"([NS])(\d{1,2})([EW])(\d{1,3})")
_DAY = timedelta(days=1)
_SPOT_CLASS, _MAG_CLASS = re.compile(r"[A-Za-z]{1,8}"), re.compile(r"[A-Za-z\-]{1,16}")


def read_regions(content: Any) -> list[Bulletin]:
    """Read the region summary in any order: reports for the day, forecasts for the next one.

    The regions of a day are forecast together, because several may lie in one HARP.
    """
    found = records(content, "the region summary", needed=("observed_date", "region"))
    reports = read_each(found, _report, "the region summary")
    forecasts = read_each(found, _forecast, "the region summary")
    return [
        Bulletin("regions", "region-reports", reports, {"source": SOURCE}),
        Bulletin("region forecasts", "agency-forecasts", forecasts, {"model": MODEL}),
    ]


def read_probabilities(content: Any) -> list[Bulletin]:
    """Read the full-disk probabilities in any order: those of the first day, by its date."""
    found = records(content, "the probabilities", needed=("date", "m_class_1_day"))
    notes = read_each(found, _disk_forecast, "the probabilities")
    return [Bulletin("disk forecasts", "agency-forecasts", notes, {"model": MODEL})]


def _report(record: Record) -> Note:
    day, noaa_ar = _day_and_number(record)
    lat, lon = _position(record)
    item = {
        "noaa_ar": noaa_ar,
        "observed_at": isoformat(day),
        "lon_deg": lon,
        "lat_deg": lat,
        "area_msh": _at_least_zero(record.get("area")),
        "spot_class": _word(record.get("spot_class"), _SPOT_CLASS),
        "mag_class": _word(record.get("mag_class"), _MAG_CLASS),
        "spots": None if (n := _at_least_zero(record.get("number_spots"))) is None else int(n),
    }
    return Note(f"{noaa_ar} {day:%Y-%m-%d}", item)


def _forecast(record: Record) -> Note | None:
    day, noaa_ar = _day_and_number(record)
    said = {event: percent(record.get(f"{c}_flare_probability")) for c, event in _EVENTS.items()}
    if all(p is None for p in said.values()):
        return None
    valid_from = isoformat(day + _DAY)
    item = {"noaa_ar": noaa_ar, "valid_from": valid_from, "probabilities": said}
    return Note(f"{noaa_ar} {valid_from}", item, group=valid_from)


def _disk_forecast(record: Record) -> Note | None:
    said = {event: percent(record.get(f"{c}_class_1_day")) for c, event in _EVENTS.items()}
    if all(p is None for p in said.values()):
        return None
    valid_from = isoformat(_midnight(utc(record["date"])))
    return Note(f"disk {valid_from}", {"valid_from": valid_from, "probabilities": said})


def _day_and_number(record: Record) -> tuple[datetime, int]:
    day = _midnight(utc(record["observed_date"]))
    region = number(record["region"])
    if not 0 < region < 100_000:
        raise ValueError(f"{record['region']!r} is no region number")
    return day, whole_number(int(region), day)


def _position(record: Record) -> tuple[float | None, float | None]:
    """Return latitude and longitude with west positive.

    The text says which side it is; the number alone has east positive in this feed.
    """
    match = _LOCATION.match("" if is_nothing(record.get("location")) else str(record["location"]))
    if match:
        north, lat, east, lon = match.groups()
        return (
            float(lat) * (1 if north == "N" else -1),
            float(lon) * (1 if east == "W" else -1) + 0.0,
        )
    lat_deg, lon_deg = number(record.get("latitude")), number(record.get("longitude"))
    if not (abs(lat_deg) <= 90 and abs(lon_deg) <= 180):
        return None, None
    return lat_deg, 0.0 - lon_deg


def _at_least_zero(value: Any) -> float | None:
    found = number(value)
    return None if math.isnan(found) or found < 0 else found


def _word(value: Any, form: re.Pattern[str]) -> str | None:
    word = "" if is_nothing(value) else str(value).strip()
    return word if form.fullmatch(word) else None


def _midnight(at: datetime) -> datetime:
    return datetime(at.year, at.month, at.day, tzinfo=UTC)
