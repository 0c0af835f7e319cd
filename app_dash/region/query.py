"""The address of a region's page: which region and range, as of when, drawn how."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

from pydantic import Field

from app_dash.shared.url_state import REGIONS_PATH, Query
from solar.errors import InvalidInputError
from solar.flares import Event, event

Range = Literal["24h", "3d", "5d", "passage"]
EventName = Literal["C1.0", "M1.0", "M5.0", "X1.0"]

SPANS: dict[Range, timedelta | None] = {
    "24h": timedelta(hours=24),
    "3d": timedelta(days=3),
    "5d": timedelta(days=5),
    "passage": None,
}
RANGE_LABELS: dict[Range, str] = {"24h": "24 h", "3d": "3 d", "5d": "5 d", "passage": "Passage"}
# The value of `models` that draws no model beside the issued forecasts.
LIVE_ONLY = "live"


class RegionQuery(Query):
    """The state of the page of one region.

    `models` names those drawn
    beside the issued forecasts: empty for all of them, `LIVE_ONLY` for none, else ids between
    commas. `window` [h] and `least` |r| are those of the keyword network.
    """

    range: Range = "5d"
    scale: Literal["log", "linear"] = "log"
    event: EventName = "M1.0"
    keywords: Literal["main", "all"] = "main"
    models: str = Field(default="", max_length=400)
    revision: Literal["issued", "latest"] = "issued"
    window: Literal["12", "24"] = "24"
    least: Literal["0.5", "0.7", "0.9"] = "0.7"
    why: Literal["now", "last", "day"] = "now"

    @property
    def definition(self) -> Event:
        """The event whose threshold and outcomes are drawn."""
        return event(self.event)

    def shown_models(self, model_ids: list[str]) -> list[str]:
        """Return those of the given models, none of them live, that are drawn."""
        if self.models == LIVE_ONLY:
            return []
        named = {name.strip() for name in self.models.split(",") if name.strip()}
        return [model_id for model_id in model_ids if not named or model_id in named]


class SearchQuery(Query):
    """The state of the list of regions: the number searched for."""

    q: int | None = Field(default=None, ge=1, le=99_999_999)


def region_of(pathname: str) -> int | None:
    """Return the region id of ``/regions/3721``, None for the list of regions."""
    tail = pathname.removeprefix(REGIONS_PATH).strip("/")
    if not tail:
        return None
    if not re.fullmatch(r"-?\d{1,9}", tail):
        raise InvalidInputError(
            f"{tail!r} is no region; write {REGIONS_PATH}/3721 with a HARP number"
        )
    return int(tail)


def address(region_id: int, query: RegionQuery) -> str:
    """Return the address of a region's page."""
    return f"{REGIONS_PATH}/{region_id}{query.search()}"
