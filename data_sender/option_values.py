"""The values of the sender's options: read from text, or refused with what would do."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import datetime, timedelta
from pathlib import Path

from data_sender.faulty_source import read_faults
from data_sender.replayer import LARGEST_BATCH
from data_sender.sharding.shard import Auto, FixedShard, parse_shard
from solar.errors import InvalidInputError
from solar.injected_faults import InjectedFault
from solar.sharp import CADENCE_SECONDS, SERIES_PATTERN
from solar.time import parse_time

LONGEST_SLICE = timedelta(days=31)
_SLOT = timedelta(seconds=CADENCE_SECONDS)
_LONGEST_CADENCE = timedelta(days=1)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def read_positive(text: str) -> float:
    """Read a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < 1e6:
        raise ArgumentTypeError(f"{text!r} is not a positive number")
    return number


def read_batch(text: str) -> int:
    """Read how many rows one call may carry."""
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_BATCH:
        raise ArgumentTypeError(f"{text!r} is not a number of rows from 1 to {LARGEST_BATCH}")
    return int(text)


def read_megabytes(text: str) -> int:
    """Read a size in whole MB."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number of MB")
    return int(text)


def read_shard(text: str) -> FixedShard | Auto:
    """Read which part of a source is sent."""
    try:
        return parse_shard(text)
    except InvalidInputError as error:
        raise ArgumentTypeError(str(error)) from error


def read_fault_file(text: str) -> tuple[InjectedFault, ...]:
    """Read the faults that a tester injects."""
    try:
        return read_faults(Path(text))
    except InvalidInputError as error:
        raise ArgumentTypeError(str(error)) from error


def read_series(text: str) -> str:
    """Read the name of a data series."""
    if not re.fullmatch(SERIES_PATTERN, text):
        raise ArgumentTypeError(f"{text!r}: use letters, digits, '.', '_' and '-', 48 at most")
    return text


def read_name(text: str) -> str:
    """Read the name of a sender."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text):
        raise ArgumentTypeError(f"{text!r}: use letters, digits, '.', '_' and '-', 64 at most")
    return text


def read_time(text: str) -> datetime:
    """Read a time with its zone."""
    try:
        return parse_time(text)
    except InvalidInputError as error:
        raise ArgumentTypeError(str(error)) from error


def read_seconds(text: str) -> float:
    """Read a number of seconds, a day at most."""
    return _read_between(text, 0.01, 86_400.0)


def read_slice(text: str) -> float:
    """Read the length of a slice [h], from one slot to 31 days."""
    return _read_between(text, CADENCE_SECONDS / 3600, LONGEST_SLICE / timedelta(hours=1))


def read_cadence(text: str) -> timedelta:
    """Read the time between two records of a region: ``6h``, ``96m``, ``1d``."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    cadence = int(match[1]) * _UNITS[match[2]] if match else timedelta()
    if not _SLOT <= cadence <= _LONGEST_CADENCE or cadence % _SLOT:
        raise ArgumentTypeError(
            f"{text!r} is not a multiple of 12 minutes up to a day; write 6h, 96m or 1d"
        )
    return cadence


def _read_between(text: str, low: float, high: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not low <= number <= high:
        raise ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
    return number
