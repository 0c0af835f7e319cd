"""The consumer as a process: what ``flarewatch api consume`` puts together and runs."""

from __future__ import annotations

import gc
import logging

from app.alerts.alerting import watch_of
from app.scoring import load_lineup
from app.settings import ApiSettings
from app.stream.consumption import Consumption
from app.stream.intake import Intake
from app.stream.lag import LagReport
from app.stream.publication import Publication
from app.stream.stop import Stop
from app.stream.subscription import Subscription
from database.engine import create_engine

_log = logging.getLogger(__name__)


def consume(settings: ApiSettings) -> None:
    """Consume until SIGTERM or Ctrl-C; `preparation` has looked after everything else."""
    stop = Stop()
    stop.install()
    engine = create_engine(settings)
    lineup = load_lineup(settings.artifacts_dir)
    _spare_the_collector()
    try:
        Consumption(
            Intake(engine, lineup, watch_of(settings, lineup), settings),
            Subscription(settings), Publication(settings), LagReport(engine, settings), stop,
        ).run()  # fmt: skip
    finally:
        engine.dispose()
    _log.info("the consumer has left its group")


def _spare_the_collector() -> None:
    # As in the workers of the API: the numbers of a batch hang in no cycle.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000)
