"""Chores: what the API does by itself between requests, in one thread of each worker."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask

from app.alerts.verdicts import Docket
from app.services import Services, services
from database.delivery.flow import rows_since
from database.drift.rollup import refresh_drift
from database.engine import named_lock, reading
from database.exploration.rollup import refresh_exploration
from database.maintenance.retention import run_daily_maintenance
from database.verification.rollup import refresh
from solar.errors import FlarewatchError

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
# So many days of a rollup at a time, lest the other chores wait for a whole replay's.
_DAYS_AT_ONCE = 60
# Where that many rows came over the last minute or two, ingest has the machine: then a chore
# does a little at a time, and all of them rest for nine times as long as it took.
_BUSY_ROWS = 30_000
_BUSY_SPAN = timedelta(minutes=1)
_DAYS_WHILE_BUSY = 3
_REST = 9.0
_docket = Docket()


@dataclass(frozen=True)
class Chore:
    """Work that is due again some time after it was done; if `sole`, one worker at a time."""

    name: str
    every_seconds: float
    work: Callable[[Services], object]
    sole: bool = False


def is_busy(given: Services) -> bool:
    """Tell whether rows are coming in at volume."""
    with reading(given.engine) as connection:
        return rows_since(connection, given.clock() - _BUSY_SPAN) >= _BUSY_ROWS


def days_at_once(given: Services) -> int:
    """Return how many days of a rollup are brought up to date in one turn."""
    return _DAYS_WHILE_BUSY if is_busy(given) else _DAYS_AT_ONCE


def verify(given: Services) -> None:
    """Bring the verification up to the forecasts and flares that have come."""
    refresh(given.engine, limit_days=days_at_once(given))


def count_drift(given: Services) -> None:
    """Count the days whose records or forecasts are new into the bins of the training set."""
    refresh_drift(given.engine, limit_days=days_at_once(given))


def count_exploration(given: Services) -> None:
    """Count what the forecasts of the days whose records are new amount to."""
    refresh_exploration(given.engine, limit_days=days_at_once(given))


def look_at_alerts(given: Services) -> None:
    """Close and judge the alerts by the records and flares that have come."""
    _docket.look(given.engine, given.watch, now=given.clock())


def make_daily_round(given: Services) -> None:
    """Let old rows go as FLARE_RETENTION says, and add the partitions of coming months."""
    run_daily_maintenance(given.engine, given.settings.retention, now=given.clock())


# What a later one reads an earlier one has written.
CHORES: tuple[Chore, ...] = (
    Chore("verification", 5.0, verify, sole=True),
    Chore("alerts", 5.0, look_at_alerts, sole=True),
    Chore("drift", 30.0, count_drift, sole=True),
    Chore("exploration", 5.0, count_exploration, sole=True),
    Chore("daily round", 86_400.0, make_daily_round, sole=True),
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
                    is_due = time.monotonic() >= due[chore] and not self._is_stopped.is_set()
                    if is_due and self._do(chore):
                        due[chore] = time.monotonic() + chore.every_seconds

    def stop(self) -> None:
        """End after the chore at hand; each of them is one transaction or safe to cut."""
        self._is_stopped.set()

    def _do(self, chore: Chore) -> bool:
        """Do a chore; tell whether it has had its turn."""
        given = services()
        try:
            if not chore.sole:
                chore.work(given)
                return True
            with named_lock(given.engine, "chores") as is_mine:
                if is_mine:
                    self._do_and_rest(chore, given)
                return is_mine
        except FlarewatchError as error:
            _log.warning("%s: %s", chore.name, error)
            return True

    def _do_and_rest(self, chore: Chore, given: Services) -> None:
        began = time.monotonic()
        chore.work(given)
        seconds = time.monotonic() - began
        # The turn is kept meanwhile, lest the other workers fill the rest.
        if is_busy(given):
            self._is_stopped.wait(_REST * seconds)
