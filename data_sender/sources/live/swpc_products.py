"""SWPC's products, read: GOES flares, X-ray flux, solar regions and flare probabilities."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from data_sender.sources.live.sent_state import FeedItem, FeedUpdate
from data_sender.sources.live.values import (
    Record,
    checked_records,
    is_missing,
    number,
    percent,
    read_records,
    utc,
    utc_or_none,
)
from solar.flares import FIRST_TRUE_SATELLITE, LONGEST_FLARE, FluxScale, full_noaa_number, peak_flux
from solar.time import Window, isoformat
from solar.windows import DAY, DAYS_AHEAD, ForecastWindow

SOURCE, MODEL = "swpc", "swpc@1"

_FIRST_TRUE_AT = datetime(2019, 12, 9, tzinfo=UTC)
# NOAA numbered region 11029 in October 2009 and 14529 in September 2026. Thousands are certain
# as long as the line through these is right to within 5,000.
_NUMBER, _NUMBERED_AT, _NUMBERS_A_YEAR = 11_029, datetime(2009, 10, 24, tzinfo=UTC), 207

LONG_CHANNEL = "0.1-0.8nm"
MINUTE = timedelta(minutes=1)
# Lists by the time they reach back, which is a little less than their name.
XRAY_FILES: tuple[tuple[timedelta, str], ...] = (
    (timedelta(hours=5), "xrays-6-hour.json"),
    (timedelta(hours=22), "xrays-1-day.json"),
    (timedelta(hours=68), "xrays-3-day.json"),
    (timedelta(days=7), "xrays-7-day.json"),
)
# A flare would hardly be missed in less.
LONGEST_XRAY_GAP = timedelta(minutes=10)
_BRIGHTEST_W_M2 = 0.1

# SWPC's classes as the events that they are scored as: of at least this class.
_EVENTS = {"c": "C1.0", "m": "M1.0", "x": "X1.0"}
_LOCATION = re.compile(r"([NS])(\d{1,2})([EW])(\d{1,3})")
_DAY = timedelta(days=1)
_SPOT_CLASS, _MAG_CLASS = re.compile(r"[A-Za-z]{1,8}"), re.compile(r"[A-Za-z\-]{1,16}")


@dataclass(frozen=True)
class GoesFlare:
    """One flare; `noaa_ar` is None where it is unknown, `end_at` while the flare lasts."""

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


def full_number_at(noaa_ar: int, at: datetime) -> int:
    """Restore the thousands that SWPC leaves out: 4529 in 2026 is AR 14529."""
    years = (at - _NUMBERED_AT) / timedelta(days=365.25)
    return full_noaa_number(noaa_ar, near=round(_NUMBER + _NUMBERS_A_YEAR * years))


def read_flares(content: Any, *, now: datetime) -> tuple[list[GoesFlare], datetime]:
    """Read the list of seven days in any order; return also until when it is complete.

    A flare is listed from its onset on and can be sent when it has ended. Until then the list
    is complete only up to its onset.
    """
    needed = ("begin_time", "max_time", "max_class", "end_time")
    records = checked_records(content, "the flare list", needed=needed)
    listed = read_records(records, _listed, "the flare list")
    open_since = [
        utc(record["begin_time"])
        for record in records
        if is_missing(record.get("end_time")) and utc_or_none(record.get("begin_time")) is not None
    ]
    recent = [at for at in open_since if now - at < LONGEST_FLARE]
    flares = [one for one in listed if one.end_at is not None or one.start_at not in recent]
    return _unique(flares), min([now, *recent])


def _listed(record: Record) -> GoesFlare | None:
    start_at = utc(record["begin_time"])
    if is_missing(record["max_class"]) or is_missing(record["max_time"]):
        return None
    return _goes_flare(
        start_at,
        utc(record["max_time"]),
        utc_or_none(record["end_time"]),
        str(record["max_class"]),
        record.get("satellite"),
    )


def read_events(content: Any) -> list[GoesFlare]:
    """Read the X-ray flares of the edited events, which name the regions."""
    records = checked_records(content, "the list of events", needed=("type", "begin_datetime"))
    xray = [record for record in records if record.get("type") == "XRA"]
    return _unique(read_records(xray, _edited, "the list of events"))


def _edited(record: Record) -> GoesFlare | None:
    goes_class, peak = record["particulars1"], record["max_datetime"]
    if is_missing(goes_class) or is_missing(peak):
        return None
    flare = _goes_flare(
        utc(record["begin_datetime"]),
        utc(peak),
        utc_or_none(record["end_datetime"]),
        str(goes_class),
        record.get("observatory"),
    )
    region = number(record.get("region"))
    if math.isnan(region) or region <= 0:
        return flare
    return replace(flare, noaa_ar=full_number_at(int(region), flare.start_at))


def _goes_flare(
    start_at: datetime, peak_at: datetime, end_at: datetime | None, goes_class: str, satellite: Any
) -> GoesFlare:
    peak_flux(goes_class)
    digits = re.search(r"\d+", str(satellite))
    satellite_number = int(digits.group()) if digits else None
    return GoesFlare(start_at, peak_at, end_at, goes_class.strip().upper(), satellite_number)


def _unique(flares: Iterable[GoesFlare]) -> list[GoesFlare]:
    """Keep one of a flare that is listed twice: that of the higher class, whatever the order."""
    by_start: dict[datetime, GoesFlare] = {}
    for flare in sorted(flares, key=lambda f: (f.start_at, peak_flux(f.goes_class), f.peak_at)):
        by_start[flare.start_at] = flare
    return list(by_start.values())


@dataclass(frozen=True)
class XrayMinute:
    """The flux of a minute [W m-2], None where it was not measured, and the number of its GOES."""

    at: datetime
    flux: float | None
    satellite: int


def xray_file_for(behind: timedelta | None) -> str:
    """Choose the shortest list that reaches back far enough; the longest at the beginning."""
    for reach, name in XRAY_FILES:
        if behind is not None and behind <= reach:
            return name
    return XRAY_FILES[-1][1]


def read_minutes(content: Any) -> list[XrayMinute]:
    """Read an X-ray list in any order: the long channel, one satellite a minute.

    Where two have measured a minute, the one with most of the list counts.
    """
    records = checked_records(
        content, "the X-ray list", needed=("time_tag", "satellite", "flux", "energy")
    )
    long_channel = [record for record in records if record.get("energy") == LONG_CHANNEL]
    minutes = read_records(long_channel, _xray_minute, "the X-ray list")
    share = Counter(minute.satellite for minute in minutes)
    ordered = sorted(minutes, key=lambda m: (m.at, m.flux is not None, share[m.satellite]))
    return list({minute.at: minute for minute in ordered}.values())


def _xray_minute(record: Record) -> XrayMinute:
    flux = number(record["flux"])
    is_measured = not math.isnan(flux) and 0 < flux <= _BRIGHTEST_W_M2
    # SWPC's own spelling: what was counted then were electrons.
    is_measured = is_measured and record.get("electron_contaminaton") is not True
    at = utc(record["time_tag"]).replace(second=0, microsecond=0)
    return XrayMinute(at, flux if is_measured else None, int(record["satellite"]))


def xray_updates(minutes: Iterable[XrayMinute]) -> list[FeedUpdate]:
    """Make an update of the measured minutes for each satellite."""
    by_satellite: dict[int, list[FeedItem]] = {}
    for minute in minutes:
        label = isoformat(minute.at)
        item = FeedItem(label, {"minute_at": label, "flux_w_m2": minute.flux})
        by_satellite.setdefault(minute.satellite, []).append(item)
    return [
        FeedUpdate(f"X-rays {satellite}", "xray-flux", items, {"satellite": f"G{satellite:02d}"})
        for satellite, items in sorted(by_satellite.items())
    ]


def measured_stretches(minutes: Iterable[XrayMinute]) -> list[Window]:
    """Return the stretches without a gap long enough to miss a flare."""
    stretches: list[Window] = []
    for at in sorted(minute.at for minute in minutes if minute.flux is not None):
        if stretches and at - stretches[-1].end_at <= LONGEST_XRAY_GAP:
            stretches[-1] = Window(stretches[-1].start_at, at + MINUTE)
        else:
            stretches.append(Window(at, at + MINUTE))
    return stretches


def read_regions(content: Any) -> list[FeedUpdate]:
    """Read the region summary in any order: reports for the day, forecasts for the next one.

    The regions of a day are forecast together, because several may lie in one HARP.
    """
    records = checked_records(content, "the region summary", needed=("observed_date", "region"))
    reports = read_records(records, _report, "the region summary")
    forecasts = read_records(records, _forecast, "the region summary")
    return [
        FeedUpdate("regions", "region-reports", reports, {"source": SOURCE}),
        FeedUpdate("region forecasts", "agency-forecasts", forecasts, {"model": MODEL}),
    ]


def read_probabilities(content: Any) -> list[FeedUpdate]:
    """Read the full-disk probabilities in any order: those of three days, by the first one."""
    records = checked_records(content, "the probabilities", needed=("date", "m_class_1_day"))
    by_record = read_records(records, _disk_forecasts, "the probabilities")
    forecasts = [item for items in by_record for item in items]
    return [FeedUpdate("disk forecasts", "agency-forecasts", forecasts, {"model": MODEL})]


def _report(record: Record) -> FeedItem:
    day, noaa_ar = _day_and_number(record)
    lat, lon = _position(record)
    body = {
        "noaa_ar": noaa_ar,
        "observed_at": isoformat(day),
        "lon_deg": lon,
        "lat_deg": lat,
        "area_msh": _at_least_zero(record.get("area")),
        "spot_class": _class_name(record.get("spot_class"), _SPOT_CLASS),
        "mag_class": _class_name(record.get("mag_class"), _MAG_CLASS),
        "spots": None if (n := _at_least_zero(record.get("number_spots"))) is None else int(n),
    }
    return FeedItem(f"{noaa_ar} {day:%Y-%m-%d}", body)


def _forecast(record: Record) -> FeedItem | None:
    day, noaa_ar = _day_and_number(record)
    chances = {event: percent(record.get(f"{c}_flare_probability")) for c, event in _EVENTS.items()}
    if all(p is None for p in chances.values()):
        return None
    valid_from = isoformat(day + _DAY)
    body = {"noaa_ar": noaa_ar, "valid_from": valid_from, "probabilities": chances}
    return FeedItem(f"{noaa_ar} {valid_from}", body, group=valid_from)


def _disk_forecasts(record: Record) -> list[FeedItem]:
    days = enumerate(DAYS_AHEAD, start=1)
    items = (_disk_forecast(record, number=number, window=window) for number, window in days)
    return [item for item in items if item is not None]


def _disk_forecast(record: Record, *, number: int, window: ForecastWindow) -> FeedItem | None:
    chances = {
        event: percent(record.get(f"{c}_class_{number}_day")) for c, event in _EVENTS.items()
    }
    if all(p is None for p in chances.values()):
        return None
    valid_from = isoformat(_midnight(utc(record["date"])) + window.latency)
    body = {"valid_from": valid_from, "probabilities": chances}
    if window == DAY:
        return FeedItem(f"disk {valid_from}", body)
    return FeedItem(f"disk {window.name} {valid_from}", body | {"window": window.name})


def _day_and_number(record: Record) -> tuple[datetime, int]:
    day = _midnight(utc(record["observed_date"]))
    region = number(record["region"])
    if not 0 < region < 100_000:
        raise ValueError(f"{record['region']!r} is no region number")
    return day, full_number_at(int(region), day)


def _position(record: Record) -> tuple[float | None, float | None]:
    """Return latitude and longitude with west positive.

    The text names the side; the number alone has east positive in this feed.
    """
    match = _LOCATION.match("" if is_missing(record.get("location")) else str(record["location"]))
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
    parsed = number(value)
    return None if math.isnan(parsed) or parsed < 0 else parsed


def _class_name(value: Any, form: re.Pattern[str]) -> str | None:
    text = "" if is_missing(value) else str(value).strip()
    return text if form.fullmatch(text) else None


def _midnight(at: datetime) -> datetime:
    return datetime(at.year, at.month, at.day, tzinfo=UTC)
