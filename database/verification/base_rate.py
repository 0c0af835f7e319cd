"""The base rate: how often flares of an event occurred lately, on the disk and in a region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from database.flares.coverage import covered_windows
from database.flares.flares import flare_days
from database.verification.ten_day_blocks import Key, load_days
from solar.flares import Event
from solar.time import Window
from solar.truth import least_flux

SPANS_DAYS = (27, 120, 365)
_DAY = timedelta(days=1)
# A flare list that ends earlier tells nothing about the present.
_LATEST_END = 2 * _DAY


@dataclass(frozen=True)
class BaseRates:
    """The base rates up to the end of the UTC day `last`, None where they are not known.

    `disk` holds the share of days with such a flare anywhere on the Sun by length [d], and
    `region` the share of verified region-times of the shortest of them that had one.
    """

    last: date | None
    disk: Mapping[int, float | None]
    region: float | None

    @property
    def now(self) -> float | None:
        """The rate of the shortest span."""
        return self.disk[SPANS_DAYS[0]]


def base_rates(
    connection: sa.Connection, event: Event, model_id: str, *, now: datetime
) -> BaseRates:
    """Return the rates of whole UTC days before `now`; a rate needs a list complete for its days.

    Parameters
    ----------
    model_id : whose verified cases are the region-times
    """
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    covered = covered_windows(connection)
    ends = [min(_start_of_day(one.end_at), midnight) for one in covered if one.start_at < midnight]
    if not ends or max(ends) <= now - _LATEST_END:
        return BaseRates(None, dict.fromkeys(SPANS_DAYS), None)
    end_at = max(ends)
    disk = {
        n: _of_disk(connection, event, covered, Window(end_at - n * _DAY, end_at))
        for n in SPANS_DAYS
    }
    return BaseRates(
        (end_at - _DAY).date(), disk, _of_regions(connection, event, model_id, end_at=end_at)
    )


def _start_of_day(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time(), UTC)


def _of_disk(
    connection: sa.Connection, event: Event, covered: list[Window], days: Window
) -> float | None:
    if not any(one.start_at <= days.start_at and days.end_at <= one.end_at for one in covered):
        return None
    found = flare_days(connection, days, min_flux=least_flux(event.peak_flux_w_m2))
    return len(found) / ((days.end_at - days.start_at) // _DAY)


def _of_regions(
    connection: sa.Connection, event: Event, model_id: str, *, end_at: datetime
) -> float | None:
    """Return the rate among the cases whose 24 h had closed at the end."""
    last = (end_at - 2 * _DAY).date()
    key = Key(model_id, event.name, "region", "own")
    first = last - (SPANS_DAYS[0] - 1) * _DAY
    cases = load_days(connection, key, first=first, last=last, with_bins=False)
    n = cases.total("n")
    return cases.total("events") / n if n else None
