"""The clock: what time it is for the Sun that the store shows, today's or that of a replay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from solar.errors import InvalidInputError
from solar.time import isoformat
from solar.windows import DAY

WALL, REPLAY = "wall", "replay"
FASTEST = 86_400.0


@dataclass(frozen=True)
class Reading:
    """The clock as it was set last; in a replay event time was `event_at` at `wall_at`.

    From then on it passes at `speed` [s of event time in 1 s]: 0 is paused, and None is the time
    of the newest record, `newest`. After a pause it plays at `speed_before`. It stops a day after
    `ends_at`, the last record of what is replayed, when the outcome of each forecast is known.
    """

    mode: str = WALL
    event_at: datetime | None = None
    wall_at: datetime | None = None
    speed: float | None = 1.0
    speed_before: float | None = None
    version: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    newest: datetime | None = None

    @property
    def is_replay(self) -> bool:
        """Whether the Sun of the store has a time of its own."""
        return self.mode == REPLAY

    @property
    def is_paused(self) -> bool:
        """Whether event time stands still."""
        return self.speed == 0

    def now(self, wall: datetime) -> datetime:
        """Return what time it is for the Sun when the clock on the wall shows `wall`.

        A wall clock that was put back does not put event time back.
        """
        if self.event_at is None or self.wall_at is None or not self.is_replay:
            return wall
        if self.speed is None:
            return max(self.event_at, self.newest or self.event_at)
        passed = max(0.0, (wall - self.wall_at).total_seconds()) * self.speed
        if self.ends_at is None:
            return self.event_at + timedelta(seconds=passed)
        most = (self.ends_at + DAY.validity - self.event_at).total_seconds()
        return self.event_at + timedelta(seconds=min(passed, max(0.0, most)))


def mode_header(clock: Reading) -> dict[str, str]:
    """Return the header of an export, so that nobody takes a replay for the present."""
    return {"Flarewatch-Mode": "historical"} if clock.is_replay else {}


def check_speed(speed: float) -> None:
    """Refuse a speed at which no clock runs; 0 is a pause.

    Raises
    ------
    InvalidInputError
        When it is negative, faster than a day in a second, or no number.
    """
    if not math.isfinite(speed) or not 0 <= speed <= FASTEST:
        raise InvalidInputError(
            f"speed {speed} is none; give 0 to {FASTEST:.0f} seconds of event time in a second,"
            " or null for as fast as records come in"
        )


def check_jump(to: datetime, *, now: datetime, ends_at: datetime | None) -> None:
    """Refuse a time to which a replay cannot jump: nothing that was played is played again.

    Raises
    ------
    InvalidInputError
        When it lies before now or after the last record.
    """
    if to < now:
        raise InvalidInputError(
            f"{isoformat(to)} is before {isoformat(now)}, where the replay is; open a page with"
            f" at={isoformat(to)} to see that time"
        )
    if ends_at is not None and to > ends_at:
        raise InvalidInputError(f"{isoformat(to)} is after the last record, {isoformat(ends_at)}")
