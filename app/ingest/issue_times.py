"""Issue times: when the forecasts of a commit are issued, by the clock of the Sun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

import numpy as np

from app.ingest.outcomes import newest_of_rows
from database.clock.clock import Clock
from database.observations.records import Key
from solar.columns import Integers, Times
from solar.time import to_datetime, to_datetime64

_EVER = np.datetime64("9999-12-31", "us")


@dataclass(frozen=True)
class IssueTimes:
    """When forecasts are issued: `now`, which in a replay is event time.

    What a replay passes over at full speed or in a jump, the records up to `passed_to`, is issued
    as if it had been played: at the time of its record or, where that came late, of the newest
    record that its region had before, from `newest`. So a time that was passed over is as it was.
    """

    now: datetime
    passed_to: np.datetime64 | None = None
    newest: Mapping[int, datetime] = field(default_factory=dict)

    @classmethod
    def read(cls, clock: Clock | None, *, wall: datetime) -> Self:
        """Read the clock of the Sun; without one, and without a replay, it is that on the wall."""
        reading = None if clock is None else clock.reading()
        if clock is None or reading is None or not reading.is_replay or reading.event_at is None:
            return cls(wall)
        passed_to = _EVER if reading.speed is None else to_datetime64(reading.event_at)
        return cls(clock.now(), passed_to)

    def among(self, newest: Mapping[int, datetime]) -> Self:
        """Return these times where each region had such a newest record before."""
        return replace(self, newest=newest)

    def of(self, region_id: Integers, t_rec: Times) -> Times:
        """Return when the forecasts of some records (n,) are issued."""
        now = np.full(len(t_rec), to_datetime64(self.now))
        if self.passed_to is None:
            return now
        came_at = np.fmax(t_rec, newest_of_rows(region_id, self.newest))
        return np.where(t_rec <= self.passed_to, came_at, np.fmax(t_rec, now))

    def of_keys(self, keys: Sequence[Key]) -> dict[Key, datetime]:
        """Return when the forecasts of some records are issued, and replace those before them."""
        if self.passed_to is None:
            return dict.fromkeys(keys, self.now)
        region_id = np.array([key[0] for key in keys], np.int64)
        t_rec = np.array([to_datetime64(key[1]) for key in keys], "datetime64[us]")
        issued = map(to_datetime, self.of(region_id, t_rec))
        return dict(zip(keys, issued, strict=True))
