"""Retention: how long the rows of each table are kept, and the deletion of older ones, daily."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from database.clock.clock import read_clock
from database.delivery.flow import HOURS, MINUTES, SPANS
from database.drift.rollup import refresh_drift
from database.engine import reading, transact
from database.exploration.rollup import refresh_exploration
from database.maintenance.partitions import drop_partitions_before, extend_partitions
from database.notifications import DRY_RUN, SENT
from database.rollup_days import COUNTED, note_limit
from database.schema.forecast_tables import lead_forecasts
from database.schema.lab_tables import datasets, experiments, runs
from database.schema.people_tables import invitations, login_failures, sessions
from database.schema.tables import (
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
from database.verification.rollup import refresh
from solar.errors import FlarewatchError, InvalidInputError

KEEP = "keep"
# Not so old that a calendar has no such day.
_AGE = re.compile(r"(\d{1,4}(?=[dm])|\d{1,3}(?=y))([dmy])")
_MONTHS_A_YEAR = 12
# At most so many rows are locked by one transaction, unless more rows share one time.
ROWS_PER_STEP = 2_000
# Between two steps other users have the store for as long as the step took, but not longer.
_LONGEST_PAUSE_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetentionRule:
    """The rows of a table that are kept equally long.

    Parameters
    ----------
    at : the column that holds their time
    age : how long they are kept by default
    each : a column that precedes `at` in the index by which they are found
    only : which rows of the table they are; None is all
    of_sun : whether `at` is a time of the Sun, which a replay has of its own
    like : another rule, whose age it has unless it is given one
    """

    name: str
    table: sa.Table
    at: sa.Column[datetime]
    age: str = KEEP
    each: sa.Column[Any] | None = None
    only: sa.ColumnElement[bool] | None = None
    of_sun: bool = False
    like: str | None = None

    @property
    def is_counted(self) -> bool:
        """Tell whether rollups are made from these rows."""
        return self.name in COUNTED


_span = ingest_flow.c.span_seconds
_names_it = runs.c.dataset_ids.contains(datasets.c.dataset_id)
_is_used = sa.exists().where(runs.c.deleted_at.is_(None), runs.c.kind != "describe", _names_it)
_is_delivered = notices.c.state.in_((SENT, DRY_RUN))

# Flares and the rollup of verification have no rule: they are small, and all scores need them.
RETENTION_RULES: tuple[RetentionRule, ...] = (
    RetentionRule("observations", observations, observations.c.t_rec, of_sun=True),
    RetentionRule(
        "predictions",
        predictions,
        predictions.c.t_rec,
        each=predictions.c.model_id,
        of_sun=True,
    ),
    RetentionRule(
        "superseded_predictions",
        superseded_predictions,
        superseded_predictions.c.t_rec,
        each=superseded_predictions.c.model_id,
        of_sun=True,
    ),
    RetentionRule(
        "lead_forecasts",
        lead_forecasts,
        lead_forecasts.c.t_rec,
        each=lead_forecasts.c.model_id,
        of_sun=True,
        like="predictions",
    ),
    RetentionRule("observation_conflicts", observation_conflicts, observation_conflicts.c.lost_at),
    RetentionRule("region_reports", region_reports, region_reports.c.observed_at, of_sun=True),
    RetentionRule("xray_flux", xray_flux, xray_flux.c.minute_at, of_sun=True),
    RetentionRule(MINUTES, ingest_flow, ingest_flow.c.start_at, "30d", _span, _span.in_(SPANS[:2])),
    RetentionRule(HOURS, ingest_flow, ingest_flow.c.start_at, "2y", _span, _span == SPANS[2]),
    RetentionRule("rejections", rejections, rejections.c.hour_at, "1y"),
    RetentionRule("notices", notices, notices.c.created_at, "1y", only=_is_delivered),
    RetentionRule("shard_members", shard_members, shard_members.c.seen_at, "7d"),
    RetentionRule("stream_partitions", stream_partitions, stream_partitions.c.seen_at, "30d"),
    RetentionRule("sessions", sessions, sessions.c.expires_at, "7d"),
    RetentionRule("invitations", invitations, invitations.c.expires_at, "30d"),
    RetentionRule("login_failures", login_failures, login_failures.c.at, "7d"),
    # Of the trash of the Lab. Runs go before the data sets that they have read.
    RetentionRule("trash_experiments", experiments, experiments.c.deleted_at, "7d"),
    RetentionRule("trash_runs", runs, runs.c.deleted_at, "7d"),
    RetentionRule("trash_datasets", datasets, datasets.c.deleted_at, "7d", only=~_is_used),
)
_NAMES = ", ".join(rule.name for rule in RETENTION_RULES)


@dataclass(frozen=True)
class Pruned:
    """The rows of a rule that were deleted, or would be."""

    name: str
    kept_from: datetime
    rows: int
    partitions: int = 0

    def __str__(self) -> str:
        whole = f", {self.partitions} whole months of them at once" if self.partitions else ""
        return f"{self.name}: {self.rows} rows before {self.kept_from:%Y-%m-%d}{whole}"


def read_ages(text: str) -> dict[str, str]:
    """Read ``observations=24m,rejections=1y`` over the defaults: the age of every rule.

    Raises
    ------
    InvalidInputError
        For a name without a rule, and an age that is neither days, months, years nor keep.
    """
    ages = {rule.name: rule.age for rule in RETENTION_RULES}
    given: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, age = (part.strip() for part in entry.partition("="))
        if name not in ages:
            raise InvalidInputError(
                f"no retention for {name!r}; FLARE_RETENTION and --table know {_NAMES}"
            )
        if age != KEEP and not _AGE.fullmatch(age):
            raise InvalidInputError(
                f"{name} cannot be kept for {age!r}; write 30d, 24m, 2y, or {KEEP}"
                " in FLARE_RETENTION or --table"
            )
        given[name] = age
    ages |= given
    liked = {r.name: ages[r.like] for r in RETENTION_RULES if r.like and r.name not in given}
    return ages | liked


def kept_from(
    ages: Mapping[str, str], now: datetime, sun_now: datetime
) -> list[tuple[RetentionRule, datetime]]:
    """Return the UTC midnight from which on rows are kept, for each rule that prunes.

    `sun_now` is the time of the Sun, which in a replay is not that on the wall.
    """
    return [
        (rule, _midnight_before(ages[rule.name], sun_now if rule.of_sun else now))
        for rule in RETENTION_RULES
        if ages[rule.name] != KEEP
    ]


def _midnight_before(age: str, now: datetime) -> datetime:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match = _AGE.fullmatch(age)
    if match is None:
        raise InvalidInputError(f"{age!r} is no age; write 30d, 24m or 2y")
    count, unit = int(match[1]), match[2]
    if unit == "d":
        return midnight - timedelta(days=count)
    months = midnight.year * _MONTHS_A_YEAR + midnight.month - 1
    months -= count * (_MONTHS_A_YEAR if unit == "y" else 1)
    # The first of that month, so that whole months are deleted at once.
    return midnight.replace(year=months // _MONTHS_A_YEAR, month=months % _MONTHS_A_YEAR + 1, day=1)


def run_daily_maintenance(engine: sa.Engine, retention: str, *, now: datetime) -> None:
    """Delete old rows, and give the coming months of a partitioned store their partitions.

    Parameters
    ----------
    retention : the value of the setting FLARE_RETENTION
    """
    for pruned in prune(engine, read_ages(retention), now=now):
        if pruned.rows:
            _log.info("%s were deleted", pruned)
    try:
        extend_partitions(engine, now=now)
    except FlarewatchError as error:
        # The account that serves may not change tables; new rows are stored all the same.
        _log.warning(
            "coming months have no partitions of their own (%s);"
            " run `flarewatch database partition` with an account that may change tables",
            error,
        )


def prune(
    engine: sa.Engine, ages: Mapping[str, str], *, now: datetime, is_dry_run: bool = False
) -> list[Pruned]:
    """Delete what is older than `ages` says, in steps; safe to interrupt and repeat.

    The rollups of verification, drift and exploration keep their counts: they are brought up to
    date before the rows that they are counted from are deleted, and the days of those rows are
    not counted again.
    """
    with reading(engine) as connection:
        sun_now = read_clock(connection).now(now)
    due = kept_from(ages, now, sun_now)
    if is_dry_run:
        return [Pruned(rule.name, at, _count(engine, rule, at)) for rule, at in due]
    for rule, at in due:
        if _count(engine, rule, at, most=1):
            if rule.is_counted:
                _refresh_rollups(engine)
            transact(engine, partial(note_limit, rule=rule.name, kept_from=at))
    return [_prune(engine, rule, at) for rule, at in due]


def _refresh_rollups(engine: sa.Engine) -> None:
    for refresh_rollup in (refresh, refresh_drift, refresh_exploration):
        refresh_rollup(engine)


def _count(engine: sa.Engine, rule: RetentionRule, at: datetime, *, most: int | None = None) -> int:
    rows = sa.select(rule.at).where(rule.at < at)
    if rule.only is not None:
        rows = rows.where(rule.only)
    with reading(engine, seconds=None) as connection:
        query = sa.select(sa.func.count()).select_from(rows.limit(most).subquery())
        return connection.execute(query).scalar_one()


def _prune(engine: sa.Engine, rule: RetentionRule, at: datetime) -> Pruned:
    rows, partitions = _drop_partitions(engine, rule, at)
    with reading(engine, seconds=None) as connection:
        conditions = list(_conditions(connection, rule))
    for condition in conditions:
        rows += _delete(engine, rule, sa.and_(condition, rule.at < at))
    return Pruned(rule.name, at, rows, partitions)


def _drop_partitions(engine: sa.Engine, rule: RetentionRule, at: datetime) -> tuple[int, int]:
    if "t_rec" not in rule.table.c or rule.at is not rule.table.c.t_rec:
        return 0, 0
    try:
        return drop_partitions_before(engine, rule.table, at)
    except FlarewatchError as error:
        # Not every account may change a table, and a long reader is not worth waiting for.
        _log.info("months of %s are deleted row by row: %s", rule.table.name, error)
        return 0, 0


def _conditions(connection: sa.Connection, rule: RetentionRule) -> Iterator[sa.ColumnElement[bool]]:
    """Divide the rows of a rule by the first column of their index."""
    only = sa.true() if rule.only is None else rule.only
    if rule.each is None:
        yield only
        return
    following = sa.select(sa.func.min(rule.each)).where(only)
    value: Any = connection.execute(following).scalar()
    while value is not None:
        yield sa.and_(only, rule.each == value)
        value = connection.execute(following.where(rule.each > value)).scalar()


def _delete(engine: sa.Engine, rule: RetentionRule, condition: sa.ColumnElement[bool]) -> int:
    rows = 0
    while True:
        began = time.monotonic()
        deleted = transact(engine, partial(_delete_oldest, rule=rule, condition=condition))
        if not deleted:
            return rows
        rows += deleted
        time.sleep(min(time.monotonic() - began, _LONGEST_PAUSE_SECONDS))


def _delete_oldest(
    connection: sa.Connection, *, rule: RetentionRule, condition: sa.ColumnElement[bool]
) -> int:
    # Up to a time rather than a number of rows, which is the same in every dialect.
    oldest = sa.select(rule.at).where(condition).order_by(rule.at).limit(1)
    until = connection.execute(oldest.offset(ROWS_PER_STEP)).scalar()
    first = connection.execute(oldest).scalar()
    if until is not None:
        condition = sa.and_(condition, rule.at < until if first != until else rule.at <= until)
    return connection.execute(rule.table.delete().where(condition)).rowcount if first else 0
