"""The state of the Explore page, and which stored predictions it selects."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from pydantic import field_validator

from app_dash.components.range_picker import RangeQuery, window_of
from app_dash.explore.column_filters import ColumnFilter, read_filters, write_filters
from app_dash.region.numbers import read_numbers
from database.exploration.records import Sort, extent, find_regions
from database.exploration.selection import Selection
from database.models import live_model
from solar.errors import InvalidInputError, NotFoundError
from solar.flares import Event, event
from solar.time import Window, isoformat

FIELDS = ("start", "end", "regions", "least")


class ExploreQuery(RangeQuery):
    """Range, regions (HARP or NOAA numbers), event with its least probability [%], model.

    An empty `event` takes every record, an empty `model` the live one. `where` limits columns
    of the table in its units, `rung` names a rung or a part of a reason, and `sort` the column
    that leads the table, behind a minus sign when it falls.
    """

    regions: str = ""
    event: str = ""
    least: float = 0.0
    model: str = ""
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
        return ",".join(str(number) for number in read_numbers(text))

    @field_validator("event")
    @classmethod
    def _is_an_event(cls, name: str) -> str:
        return event(name).name if name else ""

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
        """Fix the window, so that new records do not move what the table is paging through."""
        return self.changed(start=isoformat(window.start_at), end=isoformat(window.end_at))


def write_order(sort: Sort) -> str:
    """Write the order of the table as the address holds it."""
    return f"-{sort.column}" if sort.is_descending else sort.column


@dataclass(frozen=True)
class Found:
    """What a query means in this store; `stored` spans everything of the model."""

    selection: Selection
    stored: Window


def find(connection: sa.Connection, query: ExploreQuery) -> Found:
    """Turn the query into a selection of stored predictions.

    Raises
    ------
    NotFoundError
        When there is no model to choose, or the chosen one has no predictions.
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
        region_ids=find_regions(connection, read_numbers(query.regions)) if query.regions else None,
        event=event(query.event) if query.event else None,
        min_probability=query.least / 100,
        limits=tuple(one.limit() for one in query.filters),
        rung=query.rung,
    )
    return Found(selection, stored)


def _live(connection: sa.Connection) -> str:
    model = live_model(connection)
    if model is None:
        raise NotFoundError("no model is live and none was chosen; promote one first")
    return model.model_id
