"""The flare list as forecasts need it: the flares of some days, and where it is complete.

A process keeps what it has read until the list changes, in whatever process.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from database.flares.coverage import covered_windows
from database.flares.flares import FlarePhases, flare_phases
from database.schema.tables import flare_list_version
from database.version_cache import VersionCache, read_version
from solar.time import Window

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class FlareList:
    """Flares with their phases, and the stretches in which no flare is missing."""

    flares: FlarePhases
    covered: list[Window]


# Records of now and those of some replays, each with the four weeks before it.
_recent: VersionCache[Window, FlareList] = VersionCache(most=8)


def flare_list(connection: sa.Connection, window: Window) -> FlareList:
    """Return the flares that peak in a window, widened to whole UTC days."""
    version = read_version(connection, flare_list_version)
    days = Window(_midnight(window.start_at), _midnight(window.end_at) + _DAY)
    known = _recent.get(days, version=version)
    if known is None:
        known = FlareList(flare_phases(connection, days), covered_windows(connection))
        _recent.put(days, known, version=version)
    return known


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
