"""Slots: the moments at which SHARP records are made, every 720 s on the TAI clock."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from solar.sharp import CADENCE_SECONDS
from solar.time import tai_to_utc, to_datetime, to_datetime64, utc_to_tai

SLOT = np.timedelta64(CADENCE_SECONDS, "s")


def slot_before(at: datetime) -> datetime:
    """Return the last slot that is not after a time."""
    return _slot(at, ahead=np.timedelta64(0, "s"))


def nearest_slot(at: datetime) -> datetime:
    """Return the slot nearest to a time; that of 00:00 UTC lies 34 to 37 s before it."""
    return _slot(at, ahead=SLOT // 2)


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
