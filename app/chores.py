"""Chores: what the API does by itself between requests, in one thread of each worker."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Flask

from app.alerts.verdicts import Docket
from app.services import Services, services
from database.drift.refresh import refresh_drift
from database.exploration.days import refresh_exploration
from database.verification.skill import refresh
from solar.errors import FlarewatchError

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
# So many days of verification at a time, lest the other chores wait for a whole replay's.
_DAYS_AT_ONCE = 60
_docket = Docket()


@dataclass(frozen=True)
class Chore:
    """Work that is due again some time after it was done; every worker may do it at once."""

    name: str
    every_seconds: float
    work: Callable[[Services], object]


def verify(given: Services) -> None:
    """Bring the verification up to the forecasts and flares that have come."""
    refresh(given.engine, limit_days=_DAYS_AT_ONCE)


def count_drift(given: Services) -> None:
    """Count the days whose records or forecasts are new into the bins of the training set."""
    refresh_drift(given.engine, limit_days=_DAYS_AT_ONCE)


def count_exploration(given: Services) -> None:
    """Count what the forecasts of the days whose records are new amount to."""
    refresh_exploration(given.engine, limit_days=_DAYS_AT_ONCE)


def look_at_alerts(given: Services) -> None:
    """Close and judge the alerts by the records and flares that have come."""
    _docket.look(given.engine, given.watch, now=given.clock())


# What a later one reads an earlier one has written.
CHORES: tuple[Chore, ...] = (
    Chore("verification", 5.0, verify),
    Chore("alerts", 5.0, look_at_alerts),
    Chore("drift", 30.0, count_drift),
    Chore("exploration", 5.0, count_exploration),
)


class Housekeeper(threading.Thread):
    """The thread; a chore that fails is logged and due again, the others go on."""

    def __init__(self, app: Flask, chores: Sequence[Chore] = CHORES) -> None:
        super().__init__(name="chores", daemon=True)
        self._app = app
        self._chores = chores
        self._is_stopped = threading.Event()

    def run(self) -> None:
        """Do what is due until stopped."""
        due = dict.fromkeys(self._chores, 0.0)
        with self._app.app_context():
            while not self._is_stopped.wait(_PAUSE_SECONDS):
                for chore in self._chores:
                    if time.monotonic() >= due[chore]:
                        self._do(chore)
                        due[chore] = time.monotonic() + chore.every_seconds

    def stop(self) -> None:
        """End after the chore at hand; each of them is one transaction or safe to cut."""
        self._is_stopped.set()

    def _do(self, chore: Chore) -> None:
        try:
            chore.work(services())
        except FlarewatchError as error:
            _log.warning("%s: %s", chore.name, error)
