"""The request to the prediction API that answers with the rows of the Explore page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from app_dash.explore.column_filters import ColumnFilter
from app_dash.explore.query import ExploreQuery
from database.exploration.selection import Selection
from solar.flares import EVENTS
from solar.time import isoformat

PATH = "/api/v1/predictions"
# The most that the API gives at once; its `next_cursor` leads to the rest.
LIMIT = 10_000

_BY_COLUMN = {event.column: event for event in EVENTS}


@dataclass(frozen=True)
class ApiCall:
    """The addresses, one per region where regions are named, and the filters they leave out."""

    addresses: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def command(self) -> str:
        """The call as a line for a shell."""
        return "curl " + " ".join(f"'{address}'" for address in self.addresses)


def api_call(
    query: ExploreQuery, selection: Selection, *, regions: Sequence[int] | None, base: str
) -> ApiCall:
    """Write the call; `regions` are the region ids that the query names, None for all."""
    least, answered = _least(selection)
    asked: dict[str, Any] = {
        "model": selection.model_id,
        "from": isoformat(selection.window.start_at),
        "to": isoformat(selection.window.end_at),
        **least,
        "limit": LIMIT,
    }
    places: list[dict[str, Any]] = [{}]
    if regions is not None:
        places = [{"region": region_id} for region_id in regions]
    left_out = [one.label() for one in _unanswered(query, answered)]
    if query.rung:
        left_out.append(f"rung or reason “{query.rung}”")
    return ApiCall(
        tuple(f"{base}{PATH}?{urlencode(asked | place, safe=':@')}" for place in places),
        tuple(left_out),
    )


def _unanswered(query: ExploreQuery, answered: str) -> list[ColumnFilter]:
    """Return what is left of the filters when the lower limit of one column is asked for."""
    rest = [replace(one, low=None) if one.column == answered else one for one in query.filters]
    return [one for one in rest if one.low is not None or one.high is not None]


def _least(selection: Selection) -> tuple[dict[str, Any], str]:
    """Find the one least probability that the API can be asked for, and its table column."""
    if selection.event is not None:
        least = selection.min_probability
        return {"event": selection.event.name, "min_probability": least}, ""
    for limit in selection.limits:
        event = _BY_COLUMN.get(limit.column)
        if event is not None and limit.low is not None:
            return {"event": event.name, "min_probability": limit.low}, limit.column
    return {}, ""
