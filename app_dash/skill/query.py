"""The address of the Skill page, and the request that it makes to the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from pydantic import Field, field_validator

from app_dash.shared.range_picker import Preset, RangeQuery, window_of
from app_dash.shared.url_state import ModelName, TargetQuery, read_region_numbers
from database.exploration.records import extent, find_regions
from database.models import live_model
from database.schema.tables import regions
from solar.errors import InvalidInputError, NotFoundError
from solar.flares import Event
from solar.flares import event as find_event
from solar.time import Window, isoformat
from solar.windows import DAY


class SkillQuery(TargetQuery, RangeQuery):
    """Range, model (empty: the live one), event, window, scope, cases, and one region or all.

    `threshold` None is the frozen one. `cl` is the cost/loss ratio, None the threshold in use.
    The other fields choose how the same numbers are drawn.
    """

    range: Preset = "120d"
    model: ModelName = ""
    event: str = "M1.0"
    scope: Literal["region", "disk"] = "region"
    cases: Literal["own", "shared"] = "own"
    region: str = ""
    threshold: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    cl: float | None = Field(default=None, gt=0, lt=1, allow_inf_nan=False)
    bins: Literal["bins", "corp"] = "bins"
    curve: Literal["roc", "pr"] = "roc"
    by: Literal["tss", "bss", "auc", "recall"] = "tss"

    @field_validator("region")
    @classmethod
    def _is_one_number(cls, text: str) -> str:
        numbers = read_region_numbers(text)
        if len(numbers) > 1:
            raise InvalidInputError("name one region, or none for all of them")
        return str(numbers[0]) if numbers else ""

    @property
    def target(self) -> Event:
        """The event in its window."""
        return find_event(self.event).within(self.of)


@dataclass(frozen=True)
class SkillRequest:
    """Which forecasts to verify: model, event, scope, and window of issue times.

    `event` names an event in its window, such as ``M1.0`` or ``M1.0/d2``.
    """

    model_id: str
    event: str
    scope: Literal["region", "disk"]
    window: Window
    cases: Literal["own", "shared"] = "own"
    region_id: int | None = None
    threshold: float | None = None

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the API call; None is left out."""
        event = find_event(self.event)
        parameters = {
            "model": self.model_id,
            "event": event.goes_class,
            "window": None if event.window == DAY else event.window.name,
            "scope": self.scope,
            "from": isoformat(self.window.start_at),
            "to": isoformat(self.window.end_at),
            "region": self.region_id,
            "threshold": self.threshold,
            "cases": self.cases,
        }
        return {name: str(value) for name, value in parameters.items() if value is not None}


def skill_request(connection: sa.Connection, query: SkillQuery) -> SkillRequest:
    """Turn the query into a request; presets end with the model's newest record.

    Raises
    ------
    NotFoundError
        When nothing is stored of the model, or the region is unknown.
    """
    live = live_model(connection)
    names = [name for name in (query.model, live.model_id if live else "") if name]
    # A reference forecast is not stored: its range is the live model's.
    stored = next(filter(None, (extent(connection, name) for name in names)), None)
    if stored is None:
        raise NotFoundError(
            "There are no stored forecasts to verify yet. Start a sender (flarewatch send"
            " simulate), or choose another model."
        )
    return SkillRequest(
        model_id=names[0],
        event=query.target.name,
        scope=query.scope,
        window=window_of(query, stored),
        cases=query.cases,
        region_id=_region(connection, query) if query.scope == "region" else None,
        threshold=query.threshold,
    )


def _region(connection: sa.Connection, query: SkillQuery) -> int | None:
    if not query.region:
        return None
    candidates = find_regions(connection, read_region_numbers(query.region))
    stored: int | None = connection.execute(
        sa.select(regions.c.region_id)
        .where(regions.c.region_id.in_(candidates))
        .order_by(regions.c.last_t_rec.desc())
        .limit(1)
    ).scalar()
    if stored is None:
        raise NotFoundError(f"no stored region has the HARP or NOAA number {query.region}")
    return stored
