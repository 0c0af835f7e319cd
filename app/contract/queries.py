"""Queries: the parameters of each address."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypeVar

from flask import request
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from werkzeug.datastructures import MultiDict

from app.contract.problems import Fault, RequestError, faults_of, field_names
from app.contract.schemas import SENDER_PATTERN, EventName, TargetName, WindowName
from app.contract.times import EARLIEST_AT, LATEST_AT, Time
from database.alerts.alerts import STATES
from solar.flares import EVENTS
from solar.flares import event as find_event
from solar.time import Window
from solar.windows import DAY
from solar.windows import forecast_window as find_window

MAX_LIMIT = 10_000

Query = TypeVar("Query", bound=BaseModel)
RegionId = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]
GoesClass = Annotated[str, Field(pattern=r"^[ABCMX][1-9]\d?(\.\d{1,2})?$", examples=["M1.0"])]
# MySQL compares names by their bytes and refuses characters that no name has. The plus sign of
# a derived entrant arrives as a space where it was not written %2B.
ModelName = Annotated[
    str,
    BeforeValidator(lambda text: text.replace(" ", "+") if isinstance(text, str) else text),
    Field(pattern=r"^[!-~]{1,64}$"),
]


def _alert_states(text: str) -> str:
    states = [name for name in text.split(",") if name]
    if unknown := sorted(set(states) - set(STATES)):
        raise ValueError(f"no state {unknown[0]!r}; choose among {', '.join(STATES)}")
    return ",".join(states)


# Several are written with commas between them.
AlertStates = Annotated[
    str,
    AfterValidator(_alert_states),
    WithJsonSchema(
        {"type": "string", "pattern": f"^(({'|'.join(STATES)})(,({'|'.join(STATES)})){{0,5}})?$"}
    ),
]


class UrlQuery(BaseModel):
    """A query in which every parameter is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class KnownQuery(UrlQuery):
    """What was known of the Sun at a time."""

    at: Time | None = Field(
        default=None, description="answer with what was known of the Sun then, not now"
    )


class PageQuery(UrlQuery):
    """A listing, page by page."""

    limit: Limit = Field(default=1_000, description="rows in one answer")
    cursor: str | None = Field(default=None, description="next_cursor of the answer before")


class WindowQuery(KnownQuery):
    """A half-open range of time [from, to); a side that is left out is unbounded."""

    from_: Time | None = Field(default=None, alias="from")
    to: Time | None = None

    @property
    def window(self) -> Window:
        """The range; one that ends before it starts is refused."""
        return Window(self.from_ or EARLIEST_AT, self.to or LATEST_AT)


class ListQuery(WindowQuery, PageQuery):
    """A listing of a range of time, for all regions or one."""

    region: RegionId | None = Field(default=None, description="HARPNUM; -NOAA number without one")


class TableQuery(ListQuery):
    """A listing that is also available as a file."""

    format: Literal["json", "csv", "parquet"] = "json"


class ForecastQuery(UrlQuery):
    """The window of the forecasts that are meant."""

    forecast_window: WindowName = Field(
        default=DAY.name, alias="window", description="of the forecast; d1 is 24h"
    )


class PredictionsQuery(TableQuery, ForecastQuery):
    """Forecasts of one model, or of all."""

    model: ModelName = Field(default="live", description="name@version, `live`, or `all`")
    as_of: Time | None = Field(default=None, description="answer with what was known at that time")
    event: EventName | None = Field(
        default=None, description="only forecasts of it, of `min_probability` and above"
    )
    min_probability: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)


class LeadsQuery(KnownQuery):
    """The region whose matrix is wanted, as of a time."""

    region: RegionId = Field(description="HARPNUM; -NOAA number without one")
    model: ModelName = Field(default="live", description="name@version, or `live`")


class FlaresQuery(ListQuery):
    """Flares of a class and above, by the time of their peak."""

    min_class: GoesClass | None = None


class NowcastQuery(UrlQuery):
    """The time at which something was known; the present one if not given."""

    at: Time | None = Field(default=None, description="answer with what was known at that time")


class NowcastEventsQuery(WindowQuery, PageQuery, NowcastQuery):
    """Flares seen in the X-rays, by the time of their start."""


class NowcastCountsQuery(WindowQuery, NowcastQuery):
    """Flares by the time of their peak, of a class and above."""

    min_class: GoesClass = "M1.0"


class AlertsQuery(ListQuery):
    """Alerts by the time of their opening, the newest first."""

    state: AlertStates = Field(default="", description="open, acknowledged, closed, or several")
    event: EventName | None = None
    forecast_window: WindowName | None = Field(
        default=None, alias="window", description="of the event; of one without it, 24h"
    )

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the events in their windows; empty is all."""
        if self.event is None and self.forecast_window is None:
            return ()
        window = find_window(self.forecast_window or DAY.name)
        classes = EVENTS if self.event is None else (find_event(self.event),)
        return tuple(event.within(window).name for event in classes)


class StrataQuery(WindowQuery):
    """Whose skill, for which event, over which time."""

    event: TargetName
    forecast_window: WindowName = Field(
        default=DAY.name, alias="window", description="of the forecast; d1 is 24h"
    )
    model: ModelName = Field(
        default="live", description="name@version, `live`, or the name of an entrant"
    )
    threshold: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    scope: Literal["region", "disk"] = "region"

    @model_validator(mode="after")
    def _names_one_window(self) -> Self:
        named = find_event(self.event).window.name
        is_given = "forecast_window" in self.model_fields_set
        if "/" in self.event and is_given and self.forecast_window != named:
            raise ValueError(f"{self.event} is not of window {self.forecast_window}; give one")
        return self

    @property
    def target(self) -> str:
        """The name of the event in its window: ``M1.0``, ``M1.0/d2``."""
        if "/" in self.event:
            return self.event
        return find_event(self.event).within(find_window(self.forecast_window)).name


class SkillQuery(StrataQuery):
    """The same, for all cases of the model, those of one region, or those that all models share."""

    region: RegionId | None = None
    cases: Literal["own", "shared"] = "own"


class LeadSkillQuery(WindowQuery):
    """Whose skill in each window, for which event, over which time."""

    event: EventName
    model: ModelName = Field(default="live", description="name@version or `live`")
    scope: Literal["region", "disk"] = "region"


class ExplanationQuery(ForecastQuery):
    """Which forecast is explained, and how much older the one beside it is."""

    region: RegionId
    at: Time | None = Field(default=None, description="of its newest record up to then")
    model: ModelName = Field(
        default="live", description="name@version of a serving model, or `live`"
    )
    event: EventName = "M1.0"
    hours_back: float = Field(default=1.0, gt=0, le=648, description="to the forecast before")


class IngestQuery(UrlQuery):
    """The form of the answer to a batch, and its sender where the body cannot name it."""

    return_: Literal["counts", "predictions"] = Field(default="counts", alias="return")
    sender: str | None = Field(default=None, pattern=SENDER_PATTERN, description="for Arrow")
    sequence: int | None = Field(default=None, ge=0, le=2**63 - 1, description="for Arrow")
    sent: int | None = Field(
        default=None, ge=0, le=2**62, description="for Arrow: rows handed over so far"
    )
    spooled: int | None = Field(
        default=None, ge=0, le=2**62, description="for Arrow: rows that wait with the sender"
    )


class ReportsQuery(WindowQuery, PageQuery):
    """The reports of a range of time, on all regions or one."""

    noaa_ar: int | None = Field(default=None, ge=1, le=99_999)


class FlowQuery(UrlQuery):
    """A range of receipt times [from, to); the last 24 h by default."""

    from_: Time | None = Field(default=None, alias="from")
    to: Time | None = None

    def window(self, now: datetime) -> Window:
        """The range; one that ends before it starts is refused."""
        end_at = self.to or now
        return Window(self.from_ or end_at - timedelta(days=1), end_at)


class NoQuery(UrlQuery):
    """No parameters."""


class StatusQuery(UrlQuery):
    """In which form the status is wanted; without it what the header Accept says."""

    format: Literal["html", "json", "text"] | None = Field(
        None, description="html is a page for people, which asks again by itself."
    )


def read_query(kind: type[Query]) -> Query:
    """Read the query of the current request."""
    return check_query(kind, request.args)


def check_query(kind: type[Query], parameters: MultiDict[str, str]) -> Query:
    """Check the parameters of a query.

    Raises
    ------
    RequestError
        When one is unknown, cannot be read, or is there twice.
    """
    values: dict[str, Any] = parameters.to_dict()
    repeated = sorted(name for name, values in parameters.lists() if len(values) > 1)
    if repeated:
        faults = [Fault(name, "is given more than once") for name in repeated]
        raise RequestError("the query cannot be used; see errors", faults=faults)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = faults_of(error, fields=field_names(kind))
        raise RequestError("the query cannot be used; see errors", faults=faults) from error
