"""The flare history that the store knows, as the features want it."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from app.scoring import known_history
from database.flares.coverage import covered_windows
from database.flares.flares import flare_history
from model_training.features import HISTORY_REACH, FlareHistory
from solar.time import Window, to_datetime


def stored_history(
    connection: sa.Connection, times: NDArray[np.datetime64]
) -> tuple[FlareHistory, NDArray[np.bool_]]:
    """Read the flares before any of `times`, and tell for which of them the list is complete."""
    window = Window(to_datetime(times.min()) - HISTORY_REACH, to_datetime(times.max()))
    flares = flare_history(connection, window)
    known = known_history(times, covered_windows(connection))
    return FlareHistory(flares.peak_at, flares.flux, flares.region_id), known
