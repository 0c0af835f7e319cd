"""An announcement: what a notice says of a change of an alert, in the JSON that is signed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from database.regions.regions import noaa_numbers
from database.tables import regions
from solar.time import isoformat

if TYPE_CHECKING:
    from database.alerts.alert import Alert


def announcement(
    alert: Alert, change: str, *, notice_id: str, noaa_ars: Sequence[int], now: datetime
) -> str:
    """Write one announcement; `now` is the time of the change.

    The id of the notice stands inside, because what is not signed cannot tell a copy apart.
    """
    body: dict[str, Any] = {
        "notice_id": notice_id,
        "alert_id": alert.alert_id,
        "change": change,
        "changed_at": isoformat(now),
        "region": alert.region_id,
        "noaa_ars": list(noaa_ars),
        "model": alert.model_id,
        "event": alert.event,
        "severity": alert.severity,
        "state": alert.state,
        "probability": alert.last_probability,
        "threshold": alert.threshold,
        "opened_at": isoformat(alert.opened_at),
        "opened_probability": alert.opened_probability,
        "peak_at": isoformat(alert.peak_at),
        "peak_probability": alert.peak_probability,
        "closed_at": None if alert.closed_at is None else isoformat(alert.closed_at),
        "outcome": alert.outcome,
        "outcome_class": alert.outcome_class,
    }
    return json.dumps(body, allow_nan=False, separators=(",", ":"))


def noaa_ars_of(connection: sa.Connection, region_ids: Iterable[int]) -> dict[int, list[int]]:
    """Return the NOAA numbers that each region is known to carry."""
    wanted = set(region_ids)
    query = sa.select(regions.c.region_id, regions.c.noaa_ars).where(
        regions.c.region_id.in_(sorted(wanted))
    )
    named = {-region_id: region_id for region_id in wanted if region_id < 0}
    numbers = {region_id: [noaa_ar] for noaa_ar, region_id in named.items()}
    return numbers | {
        region_id: noaa_numbers(text) for region_id, text in connection.execute(query)
    }
