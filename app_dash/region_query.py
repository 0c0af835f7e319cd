"""The address of a region's page: which region, which stretch of time, drawn how."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

from pydantic import Field

from app_dash.url_state import Query
from solar.errors import InvalidInputError
from solar.flares import Event, event

PATH = "/regions"
Range = Literal["24h", "3d", "5d", "passage"]
EventName = Literal["C1.0", "M1.0", "M5.0", "X1.0"]

SPANS: dict[Range, timedelta | None] = {
    "24h": timedelta(hours=24),
    "3d": timedelta(days=3),
    "5d": timedelta(days=5),
    "passage": None,
}
RANGE_LABELS: dict[Range, str] = {"24h": "24 h", "3d": "3 d", "5d": "5 d", "passage": "Passage"}


class RegionQuery(Query):
    """What the page of one region remembers in its address."""

    range: Range = "5d"
    scale: Literal["log", "linear"] = "log"
    event: EventName = "M1.0"
    keywords: Literal["main", "all"] = "main"

    @property
    def definition(self) -> Event:
        """The event whose threshold and outcomes are drawn."""
        return event(self.event)


class SearchQuery(Query):
    """What the list of regions remembers: the number searched for."""

    q: int | None = Field(default=None, ge=1, le=99_999_999)


def region_of(pathname: str) -> int | None:
    """Read the region of ``/regions/3721``, None for the list of regions."""
    tail = pathname.removeprefix(PATH).strip("/")
    if not tail:
        return None
    if not re.fullmatch(r"-?\d{1,9}", tail):
        raise InvalidInputError(f"{tail!r} is no region; write {PATH}/3721 with a HARP number")
    return int(tail)


def address(region_id: int, query: RegionQuery) -> str:
    """Write the address of a region's page."""
    return f"{PATH}/{region_id}{query.search()}"
