"""Facts of the status in which all is well, and a look at a store that tells them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from solar.clock import Reading
from solar.status.checks import OK, Check, Status, judge
from solar.status.facts import RECORDS, Facts, Heartbeat, Look, Source

NOW = datetime(2026, 11, 29, 2, 10, 24, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
API = Check("API", OK, "up", "11 ms")
OFF = Heartbeat("off", "not set up")


def source(name: str, age: timedelta, step: timedelta) -> Source:
    return Source(name, NOW - age, step)


def facts(**changes: Any) -> Facts:
    values: dict[str, Any] = {
        "read_at": NOW,
        "sun_now": NOW,
        "clock": Reading(),
        "sources": (
            source(RECORDS, 9 * MINUTE, 12 * MINUTE),
            source("X-rays, GOES-19", MINUTE, 5 * MINUTE),
            source("Region reports", timedelta(hours=26), timedelta(days=1)),
        ),
        "model_id": "blend@2.0.0",
        "forecast_at": NOW - 9 * MINUTE,
        "waiting": 0,
        "stuck": 0,
        "failed": 0,
        "ingest_at": NOW - timedelta(seconds=2),
        "active": 2,
        "silent": 0,
    }
    return Facts(**(values | changes))


def answered(**changes: Any) -> Look:
    return Look(NOW, facts(**changes), seconds=0.003)


def away(known: Facts | None) -> Look:
    return Look(NOW + 5 * MINUTE, known, NOW + MINUTE, "the store does not answer")


def judged(look: Look, heartbeat: Heartbeat = OFF, api: Check = API) -> Status:
    return judge(look, heartbeat=heartbeat, has_channels=True, api=api)


def check_of(status: Status, name: str) -> Check:
    return next(check for check in status.checks if check.name.startswith(name))
