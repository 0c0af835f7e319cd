"""The daily round: what a store needs once a day, done by the API beside its requests."""

from __future__ import annotations

import logging
from datetime import datetime

import sqlalchemy as sa

from database.retention.policy import read_ages
from database.retention.pruning import prune
from database.upkeep.partitions import extend
from solar.errors import FlarewatchError

_log = logging.getLogger(__name__)


def make_round(engine: sa.Engine, retention: str, *, now: datetime) -> None:
    """Let old rows go, and give the coming months of a divided store their partitions.

    Parameters
    ----------
    retention : as the setting FLARE_RETENTION says it
    """
    for pruned in prune(engine, read_ages(retention), now=now):
        if pruned.rows:
            _log.info("%s were let go", pruned)
    try:
        extend(engine, now=now)
    except FlarewatchError as error:
        # The account that serves may not change tables; what comes is stored all the same.
        _log.warning(
            "coming months have no partitions of their own (%s);"
            " run `flarewatch database partition` with an account that may change tables", error,
        )  # fmt: skip
