"""What the Explore page shows of a query: the records it found and what they amount to."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from app_dash.explore_query import ExploreQuery, Found, find
from database.engine import reading
from database.exploration import Selection, bounded
from database.exploration_figures import Distribution, KeywordStatistics, distribution, statistics
from database.models import ModelRow, list_models


@dataclass(frozen=True)
class ExploreView:
    """One look: `shown` is the part of the found selection that the figures cover."""

    found: Found
    shown: Selection
    distribution: Distribution
    statistics: list[KeywordStatistics]
    models: list[ModelRow]

    @property
    def is_limited(self) -> bool:
        """Tell whether the range holds more than a view covers."""
        return self.shown != self.found.selection


def look(engine: sa.Engine, query: ExploreQuery) -> ExploreView:
    """Ask the store for everything that the page shows but the table's rows."""
    with reading(engine) as connection:
        found = find(connection, query)
        shown = bounded(connection, found.selection)
        return ExploreView(
            found,
            shown,
            distribution(connection, shown),
            statistics(connection, shown),
            list_models(connection),
        )
