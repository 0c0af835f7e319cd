"""The values of options: read from text, or refused with what is expected instead."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

from data_sender.journey import LARGEST_BATCH
from data_sender.sharding.shard import Auto, FixedShard, parse_shard
from solar.errors import InvalidInputError
from solar.sharp import SERIES_PATTERN


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
