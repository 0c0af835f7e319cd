"""Time: TAI as JSOC labels records every 720 s, UTC as everything else stores it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from solar.errors import InvalidInputError
from solar.sharp import CADENCE_SECONDS

# First UTC instant at which TAI - UTC has the given value [s]; IERS Bulletin C.
LEAP_SECONDS: tuple[tuple[datetime, int], ...] = tuple(
    (datetime(year, month, 1, tzinfo=UTC), offset)
    for year, month, offset in (
        (1972, 1, 10), (1972, 7, 11), (1973, 1, 12), (1974, 1, 13), (1975, 1, 14), (1976, 1, 15),
        (1977, 1, 16), (1978, 1, 17), (1979, 1, 18), (1980, 1, 19), (1981, 7, 20), (1982, 7, 21),
        (1983, 7, 22), (1985, 7, 23), (1988, 1, 24), (1990, 1, 25), (1991, 1, 26), (1992, 7, 27),
        (1993, 7, 28), (1994, 7, 29), (1996, 1, 30), (1997, 7, 31), (1999, 1, 32), (2006, 1, 33),
        (2009, 1, 34), (2012, 7, 35), (2015, 7, 36), (2017, 1, 37),
    )
)  # fmt: skip

# SHARP records are made every 720 s on the TAI clock.
SLOT = np.timedelta64(CADENCE_SECONDS, "s")

_UTC_STARTS = np.array([at.replace(tzinfo=None) for at, _ in LEAP_SECONDS], "datetime64[us]")
_OFFSETS = np.array([offset for _, offset in LEAP_SECONDS], "timedelta64[s]")
_TAI_STARTS = _UTC_STARTS + _OFFSETS
_TAI_LABEL = re.compile(r"(\d{4})\.(\d{2})\.(\d{2})_(\d{2}):(\d{2})(?::([0-5]\d(?:\.\d+)?))?_TAI")


@dataclass(frozen=True)
class Window:
    """A half-open stretch of time [start_at, end_at): the end belongs to the next one."""

    start_at: datetime
    end_at: datetime

    def __post_init__(self) -> None:
        for at in (self.start_at, self.end_at):
            _refuse_naive(at)
        if self.end_at <= self.start_at:
            raise InvalidInputError(
                f"the range is turned round: from {isoformat(self.start_at)} is not before"
                f" to {isoformat(self.end_at)}; exchange the two"
            )

    def __contains__(self, at: datetime) -> bool:
        return self.start_at <= at < self.end_at


def tai_to_utc(tai: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Convert TAI labels to UTC.

    Parameters
    ----------
    tai : (n,) datetime64, TAI clock reading as in T_REC

    Returns
    -------
    (n,) datetime64[us], UTC. NaT stays NaT. An instant inside a leap second, which UTC
    cannot name in this type, becomes the first instant after it.

    Raises
    ------
    InvalidInputError
        Before 1972, when TAI - UTC was not a whole number of seconds.
    """
    labels = np.asarray(tai, "datetime64[us]")
    steps = np.searchsorted(_TAI_STARTS, labels, side="right") - 1
    known = ~np.isnat(labels)
    if np.any(steps[known] < 0):
        raise InvalidInputError("TAI times before 1972 cannot be converted to UTC")
    utc: NDArray[np.datetime64] = labels - _OFFSETS[np.where(known, steps, 0)]
    following = _UTC_STARTS[np.minimum(steps + 1, len(_UTC_STARTS) - 1)]
    inside_leap_second = known & (steps + 1 < len(_UTC_STARTS)) & (utc >= following)
    return np.where(inside_leap_second, following, utc)


def utc_to_tai(utc: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Convert UTC instants (n,) to TAI labels (n,); NaT stays NaT, before 1972 is refused."""
    instants = np.asarray(utc, "datetime64[us]")
    steps = np.searchsorted(_UTC_STARTS, instants, side="right") - 1
    known = ~np.isnat(instants)
    if np.any(steps[known] < 0):
        raise InvalidInputError("UTC times before 1972 cannot be converted to TAI")
    tai: NDArray[np.datetime64] = instants + _OFFSETS[np.where(known, steps, 0)]
    return tai


def parse_time(text: str) -> datetime:
    """Read one time: ISO 8601 with ``Z`` or an offset, or JSOC's ``2014.03.01_00:00:00_TAI``.

    Returns
    -------
    A timezone-aware datetime in UTC.

    Raises
    ------
    InvalidInputError
        For anything else, a time without a zone above all: it could mean UTC or TAI.
    """
    label = _TAI_LABEL.fullmatch(text)
    if label:
        year, month, day, hour, minute = (int(part) for part in label.groups()[:5])
        try:
            tai = datetime(year, month, day, hour, minute, tzinfo=UTC)
        except ValueError as error:
            raise InvalidInputError(f"{text!r} is not a time: {error}") from error
        tai += timedelta(seconds=float(label.group(6) or 0))
        return to_datetime(tai_to_utc(np.array([tai.replace(tzinfo=None)], "datetime64[us]"))[0])
    try:
        at = datetime.fromisoformat(text)
        _refuse_naive(at)
        return at.astimezone(UTC)
    # A year 1 or 9999 with an offset can lie outside what a datetime holds in UTC.
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(
            f"{text!r} is not a time; write 2014-03-01T00:00:00Z or 2014.03.01_00:00:00_TAI"
        ) from error


def to_datetime(at: np.datetime64) -> datetime:
    """Turn a datetime64 in UTC into a timezone-aware datetime."""
    naive: datetime = at.astype("datetime64[us]").item()
    return naive.replace(tzinfo=UTC)


def to_datetime64(at: datetime) -> np.datetime64:
    """Turn a timezone-aware datetime into a datetime64[us] in UTC; naive ones are refused."""
    _refuse_naive(at)
    return np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us")


def duration(span: timedelta) -> str:
    """Write a length of time in its largest fitting unit: ``47 min``, ``11 h``, ``4,617 d``."""
    seconds = max(span.total_seconds(), 0)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:,.0f} d"


def isoformat(at: datetime) -> str:
    """Write a time as the interfaces show it, in UTC: ``2014-03-01T00:00:00Z``."""
    _refuse_naive(at)
    return at.astimezone(UTC).isoformat(timespec="auto").replace("+00:00", "Z")


def _refuse_naive(at: datetime) -> None:
    if at.tzinfo is None:
        raise InvalidInputError(f"{at.isoformat()} names no time zone; add Z for UTC")


def slot_before(at: datetime) -> datetime:
    """Return the last slot that is not after a time."""
    return _slot(at, ahead=np.timedelta64(0, "s"))


def slot_from(at: datetime, *, cadence: timedelta) -> datetime:
    """Return the first slot of a cadence that is not before a time.

    The slots of a cadence are counted from midnight TAI of 1970-01-01, so that they are the same
    wherever a stretch of time begins.
    """
    tai = _tai(at)
    ahead = (np.datetime64(0, "us") - tai) % np.timedelta64(cadence)
    return to_datetime(tai_to_utc(np.array([tai + ahead]))[0])


def is_slot_of(utc: NDArray[np.datetime64], cadence: timedelta) -> NDArray[np.bool_]:
    """Tell which UTC instants (n,) are slots of a cadence; NaT is none."""
    since_epoch = utc_to_tai(utc) - np.datetime64(0, "us")
    is_slot: NDArray[np.bool_] = since_epoch % np.timedelta64(cadence) == np.timedelta64(0, "us")
    return is_slot


def nearest_slot(at: datetime) -> datetime:
    """Return the slot nearest to a time; that of 00:00 UTC lies 34 to 37 s before it."""
    return _slot(at, ahead=SLOT // 2)


@lru_cache(maxsize=4096)
def nominal(at: datetime) -> datetime:
    """Return the time that people call a record by: 23:00 for that of 22:59:25 UTC.

    Records are made at full slots of TAI, which is ahead of UTC by half a minute; another time
    stays as it is.
    """
    named = to_datetime(nominal_times(np.array([to_datetime64(at)]))[0])
    return at if named == at else named


def nominal_times(times: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Return times (n,) in UTC as `nominal` returns one; NaT, and one before 1972, stay."""
    instants = np.asarray(times, "datetime64[us]")
    # No record is that old, and TAI - UTC was no whole number of seconds.
    known = np.where(instants < _UTC_STARTS[0], np.datetime64("NaT"), instants)
    tai = utc_to_tai(known)
    is_slot = (tai - np.datetime64(0, "us")) % SLOT == np.timedelta64(0, "us")
    return np.where(is_slot, tai, instants)


def tai_label(at: datetime) -> str:
    """Write a time as JSOC labels records: ``2014.03.01_00:00:00_TAI``."""
    text = str(np.datetime_as_string(_tai(at), unit="s"))
    return f"{text.replace('-', '.').replace('T', '_')}_TAI"


def _slot(at: datetime, *, ahead: np.timedelta64) -> datetime:
    # Slots are counted from midnight TAI, and 720 s divide the day.
    tai = _tai(at) + ahead
    since_epoch = tai - np.datetime64(0, "us")
    return to_datetime(tai_to_utc(np.array([tai - since_epoch % SLOT]))[0])


def _tai(at: datetime) -> np.datetime64:
    label: np.datetime64 = utc_to_tai(np.array([to_datetime64(at)]))[0]
    return label
