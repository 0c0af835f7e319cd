"""Verification without the rollup: every case of a store, found in its raw rows one by one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import sqlalchemy as sa
from disk_oracle import aggregate

from database.flares.coverage import covered_windows
from database.schema.forecast_tables import lead_forecasts
from database.schema.tables import flares, observations, predictions
from solar.flares import Event
from solar.time import Window
from solar.windows import DAY as FIRST_DAY

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Case:
    """`p` is None when withheld, `o` when nobody knows; `quiet` is None where history is not."""

    region: int
    t: datetime
    p: float | None
    o: bool | None
    persistence: float
    quiet: bool | None
    longitude: float | None

    @property
    def day(self) -> date:
        return self.t.date()


@dataclass(frozen=True)
class FlareList:
    """The flares of one class and above, and the stretches for which they are complete."""

    flares: list[tuple[datetime, int]]
    covered: list[Window]

    def came(self, start: datetime, end: datetime, region: int | None) -> bool:
        return any(start <= at < end and region in (None, owner) for at, owner in self.flares)

    def is_known(self, start: datetime, end: datetime, region: int | None) -> bool:
        complete = any(w.start_at <= start and end <= w.end_at for w in self.covered)
        return complete and not (region is not None and self.came(start, end, 0))

    def truth(self, start: datetime, end: datetime, region: int | None) -> bool | None:
        return self.came(start, end, region) if self.is_known(start, end, region) else None

    def was_quiet(self, t: datetime, region: int | None) -> bool | None:
        start = t - 3 * DAY
        if self.came(start, t, region):
            return False
        return True if self.is_known(start, t, region) else None


def raw_cases(connection: sa.Connection, event: Event, scope: str) -> dict[str, list[Case]]:
    """Return the cases of every model, by the definitions of docs/verification.md."""
    listed = _listed(connection, event)
    said = _region_forecasts(connection, event)
    if scope == "disk":
        known = [
            (r.peak_at, r.end_at or r.peak_at, r.peak_flux_w_m2)
            for r in connection.execute(sa.select(flares))
        ]
        covered = [(w.start_at, w.end_at) for w in listed.covered]
        said = {
            model: {
                (0, at): p if p is None else aggregate(event.name, p, at, known, covered)
                for (_, at), p in _products(rows).items()
            }
            for model, rows in said.items()
        }
    latency, validity = event.window.latency, event.window.validity
    where = {(r.region_id, r.t_rec): r.lon_fwt for r in connection.execute(sa.select(observations))}
    cases: dict[str, list[Case]] = defaultdict(list)
    for model, rows in said.items():
        for (region, t), p in rows.items():
            owner = region if scope == "region" else None
            cases[model].append(
                Case(region, t, p, listed.truth(t + latency, t + latency + validity, owner),
                     float(listed.came(t - validity, t, owner)), listed.was_quiet(t, owner),
                     where.get((region, t)))
            )  # fmt: skip
    return dict(cases)


def shared_cases(cases: dict[str, list[Case]]) -> set[tuple[int, datetime]]:
    """Return region and time of the cases on which every model of the day gave a probability."""
    given = {
        model: {(c.region, c.t) for c in rows if c.p is not None} for model, rows in cases.items()
    }
    days = {model: {t.date() for _, t in found} for model, found in given.items()}
    everything = set().union(*given.values())
    return {
        (region, t)
        for region, t in everything
        if all((region, t) in given[m] for m in cases if t.date() in days[m])
    }


def _listed(connection: sa.Connection, event: Event) -> FlareList:
    rows = connection.execute(sa.select(flares)).all()
    strong = [
        (row.peak_at, row.region_id or 0)
        for row in rows
        if row.peak_flux_w_m2 >= event.peak_flux_w_m2 * (1 - 1e-6)
    ]
    return FlareList(strong, covered_windows(connection))


Forecasts = dict[tuple[int, datetime], float | None]


def _region_forecasts(connection: sa.Connection, event: Event) -> dict[str, Forecasts]:
    said: dict[str, Forecasts] = defaultdict(dict)
    table = predictions if event.window == FIRST_DAY else lead_forecasts
    for row in connection.execute(sa.select(table).order_by(table.c.revision)):
        said[row.model_id][row.region_id, row.t_rec] = getattr(row, event.column)
    return dict(said)


def _products(rows: Forecasts) -> Forecasts:
    days = {t.date() for _, t in rows}
    combined: Forecasts = {}
    for day in sorted(days | {day + DAY for day in days}):
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        recent = {k: p for k, p in rows.items() if midnight - DAY / 4 < k[1] <= midnight}
        newest = {
            region: recent[region, t]
            for region, t in sorted(recent, key=lambda key: key[1])
            if recent[region, t] is not None
        }
        if recent:
            quiet = np.prod([1 - p for p in newest.values() if p is not None])
            combined[0, midnight] = float(1 - quiet) if newest else None
    return combined
