"""What the status is judged by: the facts that the store tells, and how the store answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from solar.clock import Reading

RECORDS = "SHARP records"
REPLAY_RUNS = "a replay runs"
HEARTBEAT_LASTS = timedelta(seconds=150)
# Sources are late after two usual steps, and forecasts are missing after three.
LATE_STEPS, SILENT_STEPS = 2, 3


@dataclass(frozen=True)
class Source:
    """What comes from outside at a usual step; `newest_at` is None before the first of it."""

    name: str
    newest_at: datetime | None
    step: timedelta

    def age(self, now: datetime) -> timedelta | None:
        """Return the age by the clock of the Sun; what is valid later has none yet."""
        return None if self.newest_at is None else max(now - self.newest_at, timedelta(0))

    def is_late(self, now: datetime) -> bool:
        """Tell whether more than two usual steps have passed without anything new."""
        age = self.age(now)
        return age is not None and age > LATE_STEPS * self.step


@dataclass(frozen=True)
class Facts:
    """What the store tells at `read_at` on the wall, when for the Sun it is `sun_now`.

    Parameters
    ----------
    sources : the records come first
    forecast_at : the record of the newest forecast of the live model
    waiting, stuck, failed : notifications to be sent; waiting for too long; given up lately
    active, silent : senders heard of a moment ago, and those that have stopped without an end
    """

    read_at: datetime
    sun_now: datetime
    clock: Reading
    sources: tuple[Source, ...]
    model_id: str | None
    forecast_at: datetime | None
    waiting: int
    stuck: int
    failed: int
    ingest_at: datetime | None
    active: int
    silent: int

    @property
    def records(self) -> Source:
        """The source that forecasts are made from."""
        return self.sources[0]

    @property
    def is_forecasting(self) -> bool:
        """Tell whether the live model has forecast one of the last records."""
        if self.forecast_at is None:
            return False
        return self.sun_now - self.forecast_at <= SILENT_STEPS * self.records.step


@dataclass(frozen=True)
class Look:
    """How the store answered: its facts now or, while it is away, the last that are known.

    Parameters
    ----------
    at : the time of the look on the wall
    away_since : the first question without an answer; None while the store answers
    reason : why there was none
    seconds : how long the last answer took
    """

    at: datetime
    facts: Facts | None
    away_since: datetime | None = None
    reason: str = ""
    seconds: float | None = None

    @property
    def is_answered(self) -> bool:
        """Tell whether the facts are those of now."""
        return self.facts is not None and self.away_since is None


@dataclass(frozen=True)
class Heartbeat:
    """What the last round of the heartbeat did: ``beating``, ``silent``, ``off`` or ``unknown``.

    The round was at `noted_at`; `last_at` is the last one that beat.
    """

    state: str = "unknown"
    reason: str = ""
    last_at: datetime | None = None
    noted_at: datetime | None = None

    def is_recent(self, now: datetime) -> bool:
        """Tell whether the round was one of the last; there is one a minute."""
        return self.noted_at is not None and now - self.noted_at <= HEARTBEAT_LASTS


def reason_for_silence(facts: Facts, *, in_replay: bool) -> str | None:
    """Return why the heartbeat must be silent, None where all is well.

    Parameters
    ----------
    in_replay : whether it beats in a replay too
    """
    if facts.clock.is_replay and not in_replay:
        return REPLAY_RUNS
    if facts.records.newest_at is None:
        return "no record yet"
    if facts.records.is_late(facts.sun_now):
        return "records are late"
    if not facts.is_forecasting:
        return "no forecast lately"
    if facts.stuck or facts.failed:
        return "notifications are stuck"
    return None
