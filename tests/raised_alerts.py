"""Alerts that were raised, and the notices that tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from database.alerts.alerts import Alert, alert_id
from database.engine import transact
from database.notifications import Notification, claim, enqueue

OPENED_AT = datetime(2014, 3, 29, 12, tzinfo=UTC)
NOW = datetime(2014, 3, 29, 12, 5, tzinfo=UTC)


def raised(region_id: int = 3894, **changes: Any) -> Alert:
    fields: dict[str, Any] = {
        "alert_id": alert_id("lstm@1.0.0", "M1.0", region_id, OPENED_AT),
        "region_id": region_id,
        "model_id": "lstm@1.0.0",
        "event": "M1.0",
        "state": "open",
        "severity": "R1",
        "threshold": 0.12,
        "off_threshold": 0.072,
        "opened_at": OPENED_AT,
        "opened_probability": 0.2,
        "peak_at": OPENED_AT,
        "peak_probability": 0.25,
        "last_probability": 0.23,
        "last_over_at": OPENED_AT,
        "raised_at": NOW,
        "changed_at": NOW,
    }
    return Alert(**(fields | changes))


def announce(
    engine: sa.Engine,
    *alerts: Alert,
    change: str = "opened",
    channels: Sequence[str] = ("webhook",),
) -> None:
    """Put a notice of each alert and channel into the outbox."""
    changes = [(alert, change) for alert in alerts or (raised(),)]
    transact(engine, lambda c: enqueue(c, changes, channels=channels, event_at=NOW, now=NOW))


def one_notice(
    engine: sa.Engine, alert: Alert | None = None, change: str = "opened"
) -> Notification:
    """Return the notice of an alert as its deliverer gets it."""
    announce(engine, alert or raised(), change=change)
    notice = transact(engine, lambda c: claim(c, "webhook", now=NOW))
    assert notice is not None
    return notice
