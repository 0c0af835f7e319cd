"""The options of the live sources, and what ``--help`` says about them."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime

from data_sender.live.jsoc import SERIES
from solar.errors import InvalidInputError
from solar.sharp import CADENCE_SECONDS
from solar.time import parse_time

JSOC = """\
Send SHARP records from JSOC: what was published since the last time, then, every 12 minutes,
what is new. Near-real-time records go under their NOAA numbers (docs/live-sources.md).

Without a position and --from it begins two days back, with definitive records 45 days. With
--to it ends there; when JSOC cannot be read then, the exit status is 5.

examples:
  flarewatch send jsoc --series both
  flarewatch send jsoc --series definitive --from 2014-03-01T00:00:00Z \\
    --to 2014-04-01T00:00:00Z
"""
SWPC = """\
Send what NOAA SWPC publishes: GOES flares and X-ray flux, the region summary, and its own flare
probabilities, which are then scored beside the models (docs/live-sources.md).
"""


def add_jsoc(parser: ArgumentParser) -> None:
    """Add the options of ``jsoc``."""
    parser.add_argument("--from", dest="start", type=_time, metavar="ISO", help="first time")
    parser.add_argument("--to", dest="end", type=_time, metavar="ISO", help="end there")
    parser.add_argument(
        "--series", choices=sorted(SERIES), default="both", help="which records (default both)"
    )
    parser.add_argument("--url", metavar="URL", help="instead of FLARE_JSOC_URL")
    parser.add_argument(
        "--slice-hours", type=_slice, default=24.0, metavar="HOURS",
        help="stretch of time in one question (default 24)",
    )  # fmt: skip
    _add_pace(parser, every=float(CADENCE_SECONDS))


def add_swpc(parser: ArgumentParser) -> None:
    """Add the options of ``swpc``."""
    parser.add_argument("--url", metavar="URL", help="instead of FLARE_SWPC_URL")
    parser.add_argument("--once", action="store_true", help="read every product once, then end")
    _add_pace(parser, every=60.0)


def _add_pace(parser: ArgumentParser, *, every: float) -> None:
    parser.add_argument(
        "--every", type=_seconds, default=every, metavar="SECONDS",
        help=f"how often the source is asked for what is new (default {every:.0f})",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="SECONDS",
        help="how long an answer may take (default 60)",
    )  # fmt: skip


def _time(text: str) -> datetime:
    try:
        return parse_time(text)
    except InvalidInputError as error:
        raise ArgumentTypeError(str(error)) from error


def _seconds(text: str) -> float:
    return _between(text, 0.01, 86_400.0)


def _slice(text: str) -> float:
    return _between(text, CADENCE_SECONDS / 3600, 24 * 31)


def _between(text: str, low: float, high: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not low <= number <= high:
        raise ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
    return number
