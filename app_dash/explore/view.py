"""What the Explore page shows of a query: the records it found and what they amount to."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from app_dash.explore.query import ExploreQuery, Found, find
from database.engine import reading
from database.exploration.records import bounded, known_regions
from database.exploration.rollup import SelectionSummary, summarise_days, summarise_records
from database.exploration.selection import Selection
from database.exploration.statistics import Bars, bars
from database.models import ModelRow, list_models


@dataclass(frozen=True)
class ExploreView:
    """One look: `shown` is the part of the found selection that the table covers.

    `is_whole` tells that the figures cover everything although the table does not. `regions`
    are those of the asked regions that the store has, None where all are meant.
    """

    found: Found
    shown: Selection
    amounts: SelectionSummary
    bars: Bars
    is_whole: bool
    models: list[ModelRow]
    regions: list[int] | None

    @property
    def is_limited(self) -> bool:
        """Tell whether the range holds more than the table covers."""
        return self.shown != self.found.selection


def look(engine: sa.Engine, query: ExploreQuery) -> ExploreView:
    """Ask the store for everything that the page shows but the table's rows."""
    with reading(engine) as connection:
        found = find(connection, query)
        selection, event = found.selection, query.main_event
        shown = bounded(connection, selection)
        is_rollup = shown != selection and not selection.is_filtered
        whole = summarise_days(connection, selection, event) if is_rollup else None
        amounts = whole or summarise_records(connection, shown, event)
        asked = selection.region_ids
        return ExploreView(
            found=found,
            shown=shown,
            amounts=amounts,
            bars=bars(amounts.times, selection.window, whole_days=whole is not None),
            is_whole=whole is not None,
            models=list_models(connection),
            regions=None if asked is None else known_regions(connection, asked),
        )
