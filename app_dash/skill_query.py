"""The state of the Skill page, and the question it puts to the API."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from pydantic import field_validator

from app_dash.components.range_picker import Preset, RangeQuery, window_of
from app_dash.region_numbers import read_numbers
from app_dash.skill_client import Question
from database.exploration import extent, find_regions
from database.models import live_model
from database.tables import regions
from solar.errors import InvalidInputError, NotFoundError
from solar.flares import event

FIELDS = ("start", "end", "region")
LIVE = "live"


class SkillQuery(RangeQuery):
    """Range, model (an empty one is the live one), event, scope, and one region or all."""

    range: Preset = "120d"
    model: str = ""
    event: str = "M1.0"
    scope: Literal["region", "disk"] = "region"
    region: str = ""

    @field_validator("event")
    @classmethod
    def _is_an_event(cls, name: str) -> str:
        return event(name).name

    @field_validator("region")
    @classmethod
    def _is_one_number(cls, text: str) -> str:
        found = read_numbers(text)
        if len(found) > 1:
            raise InvalidInputError("name one region, or none for all of them")
        return str(found[0]) if found else ""


def question(connection: sa.Connection, query: SkillQuery) -> Question:
    """Turn the query into a question; presets end with the model's newest record.

    Raises
    ------
    NotFoundError
        When nothing is stored of the model, or the region is unknown.
    """
    live = live_model(connection)
    names = [name for name in (query.model, live.model_id if live else "") if name]
    # An entrant stores no forecasts of its own: its range is the live model's.
    stored = next(filter(None, (extent(connection, name) for name in names)), None)
    if stored is None:
        raise NotFoundError("there are no stored forecasts to verify yet; choose another model")
    return Question(
        model_id=names[0],
        event=query.event,
        scope=query.scope,
        window=window_of(query, stored),
        region_id=_region(connection, query) if query.scope == "region" else None,
    )


def _region(connection: sa.Connection, query: SkillQuery) -> int | None:
    if not query.region:
        return None
    candidates = find_regions(connection, read_numbers(query.region))
    stored: int | None = connection.execute(
        sa.select(regions.c.region_id)
        .where(regions.c.region_id.in_(candidates))
        .order_by(regions.c.last_t_rec.desc())
        .limit(1)
    ).scalar()
    if stored is None:
        raise NotFoundError(f"no stored region has the HARP or NOAA number {query.region}")
    return stored
