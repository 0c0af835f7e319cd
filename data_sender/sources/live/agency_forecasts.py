"""Files of an agency's daily forecasts: percent of M and X flares on the days ahead, by issue."""

from __future__ import annotations

import logging
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_sender.sources.live.values import percent
from solar.errors import InvalidInputError
from solar.time import isoformat
from solar.windows import DAYS_AHEAD

logger = logging.getLogger(__name__)

# A forecast issued later has seen some of its first day.
_LATEST_HOUR = 3
_TIME_FIELDS = 5
_CLASSES = ("M1.0", "X1.0")
_FORM = "YYYY mm dd HH MM, then percent of M for each day ahead, then as many of X"

FORECASTS_HELP = """\
Send a file of an agency's daily full-disk forecasts, which are then scored beside the models. A
line is an issue: YYYY mm dd HH MM, then percent of M flares for each day ahead, then as many of X.
Days 1, 2 and 3 are sent; of the issues of a day, the first one before 03:00 UTC.

With --semantics exact, M is "of class M and no higher": stored, and no forecast of M1.0+.
--derived adds the entrant NAME@DATASET+derived with P(M1.0+) = 1 - (1 - M)(1 - X).

examples:
  flarewatch send forecasts SWPC_fcast.txt --model swpc@archive
  flarewatch send forecasts IFF_fcast.txt --model metoffice@archive
"""


def add_options(parser: ArgumentParser) -> None:
    """Add the options of ``flarewatch send forecasts``."""
    parser.add_argument("path", type=Path, metavar="FILE", help="the file to send")
    parser.add_argument(
        "--model", required=True, metavar="NAME@DATASET", help="the name that is scored"
    )
    parser.add_argument(
        "--semantics",
        choices=("exceed", "exact"),
        default="exceed",
        help="of at least the class, or of the class and no higher (default exceed)",
    )
    parser.add_argument(
        "--derived", action="store_true", help="add NAME@DATASET+derived, from exact ones"
    )


def read_agency_forecasts(path: Path, *, semantics: str) -> list[dict[str, Any]]:
    """Read the full-disk forecasts of days 1, 2 and 3 as the API takes them, in order of issue.

    The first issue of a day before 03:00 UTC counts; day 1 is that day. Text that is no percent
    is no forecast. Days further ahead have no window and are left out.

    Parameters
    ----------
    path : text, a line an issue: ``2014 01 01 00 59 60 60 60 60 20 20 20 20``, the form in which
        Murray et al. 2017 (doi 10.1002/2016SW001579) published those of the Met Office and SWPC

    Raises
    ------
    InvalidInputError
        When a line has another form; it is named.
    """
    rows: list[dict[str, Any]] = []
    days: set[datetime] = set()
    skipped = 0
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip():
            continue
        issued_at, values = _issue(path, number, line.split())
        day = issued_at.replace(hour=0, minute=0)
        if issued_at.hour >= _LATEST_HOUR or day in days:
            skipped += 1
            continue
        days.add(day)
        rows += _forecasts(day, issued_at, values, semantics=semantics)
    if not rows:
        raise InvalidInputError(f"{path} has no forecast; a line is: {_FORM}")
    logger.info("%s: %d days, %d later issues of a day left out", path, len(days), skipped)
    return rows


def _issue(path: Path, number: int, fields: list[str]) -> tuple[datetime, list[str]]:
    values = fields[_TIME_FIELDS:]
    try:
        year, month, day, hour, minute = map(int, fields[:_TIME_FIELDS])
        issued_at = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError as error:
        raise InvalidInputError(f"{path}, line {number}: {error}; a line is: {_FORM}") from error
    if not values or len(values) % 2:
        raise InvalidInputError(
            f"{path}, line {number}: {len(values)} values, not as many of M as of X; a line is:"
            f" {_FORM}"
        )
    return issued_at, values


def _forecasts(
    day: datetime, issued_at: datetime, values: list[str], *, semantics: str
) -> list[dict[str, Any]]:
    n_days = len(values) // 2
    rows = []
    for k, window in enumerate(DAYS_AHEAD[:n_days]):
        chances = (percent(values[k]), percent(values[n_days + k]))
        if any(p is not None for p in chances):
            row = {
                "valid_from": isoformat(day + window.latency),
                "window": window.name,
                "semantics": semantics,
                "issued_at": isoformat(issued_at),
                "probabilities": dict(zip(_CLASSES, chances, strict=True)),
            }
            rows.append(row)
    return rows
