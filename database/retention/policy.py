"""The policy: how long the rows of each table are kept, and which time tells their age."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from database.alerts.notices import DRY_RUN, SENT
from database.delivery.flow import HOURS, MINUTES, SPANS
from database.retention.limits import COUNTED
from database.tables import (
    ingest_flow,
    notices,
    observation_conflicts,
    observations,
    predictions,
    region_reports,
    rejections,
    shard_members,
    stream_partitions,
    superseded_predictions,
    xray_flux,
)
from solar.errors import InvalidInputError

KEEP = "keep"
_AGE = re.compile(r"(\d{1,4})([dmy])")
_MONTHS_A_YEAR = 12


@dataclass(frozen=True)
class Shelf:
    """Rows that are let go alike.

    Parameters
    ----------
    at : the column that tells their age
    age : how long they are kept when nobody says otherwise
    each : a column that stands before `at` in the index by which they are found
    only : which rows of the table they are; None is all
    """

    name: str
    table: sa.Table
    at: sa.Column[datetime]
    age: str = KEEP
    each: sa.Column[Any] | None = None
    only: sa.ColumnElement[bool] | None = None

    @property
    def is_counted(self) -> bool:
        """Tell whether rollups are made from these rows."""
        return self.name in COUNTED


_span = ingest_flow.c.span_seconds
_is_told = notices.c.state.in_((SENT, DRY_RUN))

# Flares and the rollups of verification are not here: they are small, and all scores need them.
SHELVES: tuple[Shelf, ...] = (
    Shelf("observations", observations, observations.c.t_rec),
    Shelf("predictions", predictions, predictions.c.t_rec, each=predictions.c.model_id),
    Shelf(
        "superseded_predictions", superseded_predictions, superseded_predictions.c.t_rec,
        each=superseded_predictions.c.model_id,
    ),
    Shelf("observation_conflicts", observation_conflicts, observation_conflicts.c.lost_at),
    Shelf("region_reports", region_reports, region_reports.c.observed_at),
    Shelf("xray_flux", xray_flux, xray_flux.c.minute_at),
    Shelf(MINUTES, ingest_flow, ingest_flow.c.start_at, "30d", _span, _span.in_(SPANS[:2])),
    Shelf(HOURS, ingest_flow, ingest_flow.c.start_at, "2y", _span, _span == SPANS[2]),
    Shelf("rejections", rejections, rejections.c.hour_at, "1y"),
    Shelf("notices", notices, notices.c.created_at, "1y", only=_is_told),
    Shelf("shard_members", shard_members, shard_members.c.seen_at, "7d"),
    Shelf("stream_partitions", stream_partitions, stream_partitions.c.seen_at, "30d"),
)  # fmt: skip
_NAMES = ", ".join(shelf.name for shelf in SHELVES)


def read_ages(text: str) -> dict[str, str]:
    """Read ``observations=24m,rejections=1y`` over the defaults: the age of every shelf.

    Raises
    ------
    InvalidInputError
        For a name that is no shelf, and an age that is neither days, months, years nor keep.
    """
    ages = {shelf.name: shelf.age for shelf in SHELVES}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, age = (part.strip() for part in entry.partition("="))
        if name not in ages:
            raise InvalidInputError(f"no retention for {name!r}; there is one for {_NAMES}")
        if age != KEEP and not _AGE.fullmatch(age):
            raise InvalidInputError(
                f"{name} cannot be kept for {age!r}; write 30d, 24m, 2y, or {KEEP}"
            )
        ages[name] = age
    return ages


def kept_from(ages: Mapping[str, str], now: datetime) -> list[tuple[Shelf, datetime]]:
    """Return the UTC midnight from which on rows are kept, for each shelf that is pruned."""
    return [
        (shelf, _midnight_before(ages[shelf.name], now))
        for shelf in SHELVES
        if ages[shelf.name] != KEEP
    ]


def _midnight_before(age: str, now: datetime) -> datetime:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    found = _AGE.fullmatch(age)
    if found is None:
        raise InvalidInputError(f"{age!r} is no age; write 30d, 24m or 2y")
    count, unit = int(found[1]), found[2]
    if unit == "d":
        return midnight - timedelta(days=count)
    months = midnight.year * _MONTHS_A_YEAR + midnight.month - 1
    months -= count * (_MONTHS_A_YEAR if unit == "y" else 1)
    # The first of that month, so that whole months go at once.
    return midnight.replace(year=months // _MONTHS_A_YEAR, month=months % _MONTHS_A_YEAR + 1, day=1)
