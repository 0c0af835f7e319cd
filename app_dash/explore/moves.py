"""What a gesture on the Explore page asks for: a dragged range, a chosen bar, a column's filter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from app_dash.explore.column_filters import (
    ColumnFilter,
    filters_of_model,
    model_of,
    write_filters,
)
from app_dash.explore.query import ExploreQuery
from database.exploration.statistics import BIN_EDGES
from solar.flares import Event
from solar.time import isoformat

_START, _END, _WIDENED = "xaxis.range[0]", "xaxis.range[1]", "xaxis.autorange"


def dragged(query: ExploreQuery, moved: Mapping[str, Any] | None) -> ExploreQuery:
    """Make the dragged stretch of the overview the range; a double click widens it back.

    Back is to the preset, and from a preset to everything.
    """
    given = moved or {}
    if _START in given and _END in given:
        start, end = sorted(_minute(given[side]) for side in (_START, _END))
        end = max(end, start + timedelta(minutes=1))
        return query.changed(start=isoformat(start), end=isoformat(end))
    if given.get(_WIDENED):
        wider = query.range if query.is_custom else "all"
        return query.changed(start=None, end=None, range=wider)
    return query


def binned(query: ExploreQuery, event: Event, index: int) -> ExploreQuery:
    """Filter by one bar of an event's histogram; the bar that is the filter takes it away."""
    low, high = (round(100 * edge) for edge in BIN_EDGES[index : index + 2])
    bar = ColumnFilter(event.column, low, None if high == 100 else high)
    others = [one for one in query.filters if one.column != event.column]
    chosen = others if bar in query.filters else [*others, bar]
    return query.changed(where=write_filters(chosen))


def filter_model(query: ExploreQuery) -> dict[str, dict[str, Any]]:
    """Write a query's filters as the grid keeps them."""
    model = model_of(query.filters)
    if query.rung:
        model["rung"] = {"filterType": "text", "type": "contains", "filter": query.rung}
    if query.regions.isdecimal():
        number = int(query.regions)
        model["region_id"] = {"filterType": "number", "type": "equals", "filter": number}
    return model


def filtered(query: ExploreQuery, model: Mapping[str, Any] | None) -> ExploreQuery:
    """Take over the filters that the grid asks for; regions it does not name stay."""
    asked, known = dict(model or {}), filter_model(query)
    regions = query.regions
    if asked.get("region_id") != known.get("region_id"):
        regions = str(asked.get("region_id", {}).get("filter", ""))
    rung = str(asked.get("rung", {}).get("filter", ""))
    return query.changed(where=write_filters(filters_of_model(asked)), rung=rung, regions=regions)


def _minute(text: str) -> datetime:
    # The browser writes the time of the axis, which is UTC, without saying so.
    at = datetime.fromisoformat(text[:26]).replace(tzinfo=UTC)
    return (at + timedelta(seconds=30)).replace(second=0, microsecond=0)
