"""The outlook of agencies: what each says of the full disk today, tomorrow and the day after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.agencies.forecasts import DISK, EXCEED, NONE, Probabilities
from database.models import agencies
from database.schema.forecast_tables import agency_forecasts
from solar.flares import EVENTS, Event
from solar.windows import DAY, DAYS_AHEAD, ForecastWindow, forecast_window


@dataclass(frozen=True)
class Outlook:
    """The newest forecast of an agency whose first day has begun.

    `probabilities` are by window, in the order of `EVENTS`. A window that has ended is left out.
    """

    model_id: str
    issued_at: datetime
    probabilities: Mapping[ForecastWindow, Probabilities]

    def of(self, event: Event, window: ForecastWindow) -> float | None:
        """Return the probability of at least the class in a window, None where none is given."""
        return self.probabilities.get(window, NONE)[EVENTS.index(event)]


def current_outlooks(connection: sa.Connection, *, now: datetime) -> list[Outlook]:
    """Return the outlook of each agency that has one, by name; exact probabilities are left out."""
    table, last = agency_forecasts.c, DAYS_AHEAD[-1]
    rows = connection.execute(
        sa.select(
            table.model_id,
            table.window_name,
            table.valid_from,
            table.issued_at,
            *(table[event.column] for event in EVENTS),
        ).where(
            table.model_id.in_(sorted(agencies(connection))),
            table.valid_from > now - DAY.validity,
            table.valid_from <= now + last.latency,
            table.region_id == DISK,
            table.window_name.in_([window.name for window in DAYS_AHEAD]),
            table.semantics == EXCEED,
            table.issued_at <= now,
        )
    ).all()
    begun: dict[str, dict[datetime, list[sa.Row[Any]]]] = defaultdict(dict)
    for row in rows:
        t = row.valid_from - forecast_window(row.window_name).latency
        if t <= now:
            begun[row.model_id].setdefault(t, []).append(row)
    return [_outlook(name, by_time[max(by_time)]) for name, by_time in sorted(begun.items())]


def _outlook(model_id: str, rows: list[sa.Row[Any]]) -> Outlook:
    by_window = {
        forecast_window(row.window_name): tuple(row._mapping[event.column] for event in EVENTS)
        for row in rows
    }
    return Outlook(model_id, max(row.issued_at for row in rows), by_window)
