"""The address of the Explore page, the gestures that change it, and the predictions it selects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, Field, field_validator

from app_dash.explore.columns import (
    ColumnFilter,
    filters_of_model,
    model_of,
    read_filters,
    write_filters,
)
from app_dash.shared.range_picker import RangeQuery, window_of
from app_dash.shared.url_state import ModelName, TargetQuery, read_region_numbers
from database.exploration.records import Sort, extent, find_regions
from database.exploration.selection import Selection
from database.exploration.statistics import BIN_EDGES, N_BINS
from database.models import live_model
from solar.errors import InvalidInputError, NotFoundError
from solar.flares import Event, event
from solar.time import Window, isoformat

_START, _END, _WIDENED = "xaxis.range[0]", "xaxis.range[1]", "xaxis.autorange"


class ExploreQuery(TargetQuery, RangeQuery):
    """Range, regions (HARP or NOAA numbers), event with its least probability [%], window, model.

    An empty `event` takes every record, an empty `model` the live one. `where` limits columns
    of the table in its units, `rung` names a fallback level or a part of a reason, and `sort` the
    column that orders the table, with a minus sign if descending. The names of events and columns
    are those of 24 h in every `window`.
    """

    regions: str = ""
    event: str = ""
    least: float = 0.0
    model: ModelName = ""
    where: str = ""
    rung: str = ""
    sort: str = "-t_rec"

    @field_validator("where")
    @classmethod
    def _are_filters(cls, text: str) -> str:
        return write_filters(read_filters(text))

    @field_validator("sort")
    @classmethod
    def _is_a_column(cls, text: str) -> str:
        Sort(text.removeprefix("-"))
        return text

    @field_validator("regions")
    @classmethod
    def _are_numbers(cls, text: str) -> str:
        return ",".join(str(number) for number in read_region_numbers(text))

    @field_validator("least", mode="before")
    @classmethod
    def _is_a_percentage(cls, text: str | float) -> float:
        try:
            value = float(str(text).strip().rstrip("%") or 0)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 100:
            raise InvalidInputError(f"{text!r} is no probability; write percent from 0 to 100")
        return value

    @property
    def filters(self) -> tuple[ColumnFilter, ...]:
        """The filters of the table's columns."""
        return read_filters(self.where)

    @property
    def order(self) -> Sort:
        """The order of the table."""
        return Sort(self.sort.removeprefix("-"), is_descending=self.sort.startswith("-"))

    @property
    def main_event(self) -> Event:
        """The event whose probability the overview draws: the chosen one, or M1.0+."""
        return event(self.event or "M1.0")

    def resolved(self, window: Window) -> ExploreQuery:
        """Fix the window, so that new records do not shift the pages of the table."""
        return self.changed(start=isoformat(window.start_at), end=isoformat(window.end_at))


def write_order(sort: Sort) -> str:
    """Write the order of the table as in the address."""
    return f"-{sort.column}" if sort.is_descending else sort.column


@dataclass(frozen=True)
class ResolvedQuery:
    """The selection of a query in this store; `stored` spans all forecasts of the model."""

    selection: Selection
    stored: Window


def resolve(connection: sa.Connection, query: ExploreQuery) -> ResolvedQuery:
    """Turn the query into a selection of stored predictions.

    Raises
    ------
    NotFoundError
        When no model is live or chosen, or the model has no predictions.
    """
    model_id = query.model or _live(connection)
    stored = extent(connection, model_id)
    if stored is None:
        raise NotFoundError(
            f"{model_id} has no stored predictions yet. Start a sender (flarewatch send"
            " simulate), or choose another model."
        )
    selection = Selection(
        model_id,
        window_of(query, stored),
        region_ids=find_regions(connection, read_region_numbers(query.regions))
        if query.regions
        else None,
        event=event(query.event) if query.event else None,
        min_probability=query.least / 100,
        limits=tuple(item.limit() for item in query.filters),
        rung=query.rung,
        of=query.of,
    )
    return ResolvedQuery(selection, stored)


def _live(connection: sa.Connection) -> str:
    model = live_model(connection)
    if model is None:
        raise NotFoundError("no model is live and none was chosen; promote one first")
    return model.model_id


class Point(BaseModel):
    """A bar of a histogram, by its place."""

    pointNumber: int = Field(ge=0, lt=N_BINS)


class Click(BaseModel):
    """A click on a histogram."""

    points: list[Point] = Field(min_length=1)


def dragged(query: ExploreQuery, moved: Mapping[str, Any] | None) -> ExploreQuery:
    """Make the dragged part of the overview the range; a double click widens it.

    It widens to the preset, and from a preset to everything.
    """
    relayout = moved or {}
    if _START in relayout and _END in relayout:
        start, end = sorted(_minute(relayout[side]) for side in (_START, _END))
        end = max(end, start + timedelta(minutes=1))
        return query.changed(start=isoformat(start), end=isoformat(end))
    if relayout.get(_WIDENED):
        wider = query.range if query.is_custom else "all"
        return query.changed(start=None, end=None, range=wider)
    return query


def binned(query: ExploreQuery, event: Event, index: int) -> ExploreQuery:
    """Filter by one bar of an event's histogram, or remove the filter of that bar."""
    low, high = (round(100 * edge) for edge in BIN_EDGES[index : index + 2])
    bar = ColumnFilter(event.column, low, None if high == 100 else high)
    others = [item for item in query.filters if item.column != event.column]
    chosen = others if bar in query.filters else [*others, bar]
    return query.changed(where=write_filters(chosen))


def filter_model(query: ExploreQuery) -> dict[str, dict[str, Any]]:
    """Write a query's filters as the grid's filter model."""
    model = model_of(query.filters)
    if query.rung:
        model["rung"] = {"filterType": "text", "type": "contains", "filter": query.rung}
    if query.regions.isdecimal():
        number = int(query.regions)
        model["region_id"] = {"filterType": "number", "type": "equals", "filter": number}
    return model


def filtered(query: ExploreQuery, model: Mapping[str, Any] | None) -> ExploreQuery:
    """Apply the grid's filter model; keep the regions unless the grid changed them."""
    model, known = dict(model or {}), filter_model(query)
    regions = query.regions
    if model.get("region_id") != known.get("region_id"):
        regions = str(model.get("region_id", {}).get("filter", ""))
    rung = str(model.get("rung", {}).get("filter", ""))
    return query.changed(where=write_filters(filters_of_model(model)), rung=rung, regions=regions)


def _minute(text: str) -> datetime:
    # The browser writes the times of the axis, which are UTC, without a zone.
    try:
        at = datetime.fromisoformat(str(text)[:26]).replace(tzinfo=UTC)
        return (at + timedelta(seconds=30)).replace(second=0, microsecond=0)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(f"{str(text)[:40]!r} is no time on the axis; drag again") from error
