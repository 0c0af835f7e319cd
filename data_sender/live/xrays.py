"""X-rays: the GOES 1-8 Angstrom flux, minute by minute, and the stretches that were measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from data_sender.live.bulletin import Bulletin, Note
from data_sender.live.records import Record, read_each, records
from data_sender.live.values import number, utc
from solar.time import Window, isoformat

LONG_CHANNEL = "0.1-0.8nm"
MINUTE = timedelta(minutes=1)
# Lists by the time they reach back, which is a little less than their name.
FILES: tuple[tuple[timedelta, str], ...] = (
    (timedelta(hours=5), "xrays-6-hour.json"),
    (timedelta(hours=22), "xrays-1-day.json"),
    (timedelta(hours=68), "xrays-3-day.json"),
    (timedelta(days=7), "xrays-7-day.json"),
)
# A flare would hardly hide in less.
LONGEST_GAP = timedelta(minutes=10)
_BRIGHTEST_W_M2 = 0.1


@dataclass(frozen=True)
class Minute:
    """The flux of a minute [W m-2], None where it was not measured, by the number of its GOES."""

    at: datetime
    flux: float | None
    satellite: int


def file_for(behind: timedelta | None) -> str:
    """Choose the shortest list that reaches back far enough; the longest for a beginning."""
    for reach, name in FILES:
        if behind is not None and behind <= reach:
            return name
    return FILES[-1][1]


def read_minutes(content: Any) -> list[Minute]:
    """Read an X-ray list in any order: the long channel, one satellite a minute.

    Where two have measured a minute, that counts which has most of the list.
    """
    found = records(content, "the X-ray list", needed=("time_tag", "satellite", "flux", "energy"))
    long_channel = [one for one in found if one.get("energy") == LONG_CHANNEL]
    read = read_each(long_channel, _minute, "the X-ray list")
    share = Counter(minute.satellite for minute in read)
    ordered = sorted(read, key=lambda m: (m.at, m.flux is not None, share[m.satellite]))
    return list({minute.at: minute for minute in ordered}.values())


def _minute(record: Record) -> Minute:
    flux = number(record["flux"])
    is_measured = not math.isnan(flux) and 0 < flux <= _BRIGHTEST_W_M2
    at = utc(record["time_tag"]).replace(second=0, microsecond=0)
    return Minute(at, flux if is_measured else None, int(record["satellite"]))


def bulletins(minutes: Iterable[Minute]) -> list[Bulletin]:
    """Say what was measured, each satellite for itself."""
    by_satellite: dict[int, list[Note]] = {}
    for minute in minutes:
        label = isoformat(minute.at)
        note = Note(label, {"minute_at": label, "flux_w_m2": minute.flux})
        by_satellite.setdefault(minute.satellite, []).append(note)
    return [
        Bulletin(f"X-rays {satellite}", "xray-flux", notes, {"satellite": f"G{satellite:02d}"})
        for satellite, notes in sorted(by_satellite.items())
    ]


def measured_stretches(minutes: Iterable[Minute]) -> list[Window]:
    """Return the stretches without a longer gap than one in which a flare could hide."""
    found: list[Window] = []
    for at in sorted(minute.at for minute in minutes if minute.flux is not None):
        if found and at - found[-1].end_at <= LONGEST_GAP:
            found[-1] = Window(found[-1].start_at, at + MINUTE)
        else:
            found.append(Window(at, at + MINUTE))
    return found
