"""The wait for the store: what every process does at its start instead of dying."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import sqlalchemy as sa

from database.engine import reading
from solar.errors import StoreUnavailableError

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 10.0

_log = logging.getLogger(__name__)


def wait_for_store(
    engine: sa.Engine,
    *,
    patience_seconds: float = float("inf"),
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once the store answers, and say in the log that it is awaited.

    Raises
    ------
    StoreUnavailableError
        When it does not answer within `patience_seconds`, however long that is by default.
    """
    wait, waited = _FIRST_WAIT_SECONDS, 0.0
    while True:
        try:
            with reading(engine) as connection:
                connection.execute(sa.select(1))
        except StoreUnavailableError:
            wait = min(wait, patience_seconds - waited)
            if wait <= 0:
                raise
            _log.warning("the store does not answer yet; next try in %.1f s", wait)
            sleep(wait)
            waited += wait
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
        else:
            return
