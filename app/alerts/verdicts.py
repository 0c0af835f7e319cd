"""Verdicts: the alerts closed and judged by what has come since they were raised."""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from app.alerts.alerting import Watch
from database.alerts.outcomes import judge, judgement_inputs
from database.engine import reading, transact
from database.notifications import enqueue

_REST = 19


def judge_alerts(engine: sa.Engine, watch: Watch, *, now: datetime) -> int:
    """Close and judge alerts by what is known now, and return how many have changed."""
    return transact(engine, partial(_judge, watch=watch, now=now))


def _judge(connection: sa.Connection, *, watch: Watch, now: datetime) -> int:
    changes = judge(connection, model_id=watch.model_id, rules=watch.rules, now=now)
    enqueue(connection, changes, channels=watch.channels, now=now)
    return len(changes)


class Docket:
    """Has the alerts judged again whenever something that bears on them has changed.

    Over ten years a judgement takes some tenths of a second: while records stream in, it
    rests so long that no more than a twentieth of the time goes into it.
    """

    def __init__(self) -> None:
        self._judged: tuple[Any, ...] | None = None
        self._rests_until = 0.0

    def look(self, engine: sa.Engine, watch: Watch, *, now: datetime) -> int:
        """Judge if there is anything new, and return how many alerts have changed."""
        began = time.monotonic()
        if began < self._rests_until:
            return 0
        with reading(engine) as connection:
            state = (str(engine.url), *judgement_inputs(connection, now=now))
        if state == self._judged:
            return 0
        changed = judge_alerts(engine, watch, now=now)
        self._judged = state
        ended = time.monotonic()
        self._rests_until = ended + _REST * (ended - began)
        return changed
