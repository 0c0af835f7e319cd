"""Schemas of request bodies; `app.ingest.validation` checks the values of observations."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from app.contract.times import Time
from solar.errors import NotFoundError
from solar.flares import EVENTS, TARGETS
from solar.flares import event as find_event
from solar.injected_faults import LARGEST_SEED, Kind
from solar.sharp import KEYWORDS, SERIES_PATTERN, UNSTATED_SERIES
from solar.windows import DAY, WINDOWS, forecast_window

MAX_ROWS = 5_000
CLASS_PATTERN = r"^[ABCMX][1-9]\d?(\.\d{1,2})?$"
SENDER_PATTERN = r"^[A-Za-z0-9_.:@\-]{1,64}$"
SOURCE_PATTERN = r"^[A-Za-z0-9_.:\-]{1,40}$"
LONGEST_VERSION = 15
MODEL_PATTERN = rf"^[a-z][a-z0-9\-]{{0,47}}@[A-Za-z0-9.\-]{{1,{LONGEST_VERSION}}}$"

MAX_HARPNUM = 2**31 - 1
MAX_NOAA_AR = 99_999
MAX_ARS = 16

Finite = Annotated[float, Field(allow_inf_nan=False)]
NoaaAr = Annotated[int, Field(ge=1, le=MAX_NOAA_AR)]
Harpnum = Annotated[int, Field(ge=1, le=MAX_HARPNUM)]
Longitude = Annotated[Finite, Field(ge=-180, le=180)]
Latitude = Annotated[Finite, Field(ge=-90, le=90)]
Probability = Annotated[Finite, Field(ge=0, le=1)]
ShardNumber = Annotated[str, Field(pattern=r"^\d{1,4}$")]
_EVENT_NAMES = [event.name for event in EVENTS]


def _event_name(text: str) -> str:
    # A plus sign in an address arrives as a space.
    name = text.strip(" +")
    if name not in _EVENT_NAMES:
        raise ValueError(f"no event {text!r}; choose one of {', '.join(_EVENT_NAMES)}")
    return name


EventName = Annotated[
    str, AfterValidator(_event_name), WithJsonSchema({"type": "string", "enum": _EVENT_NAMES})
]


def _target_name(text: str) -> str:
    goes_class, _, window = text.partition("/")
    try:
        named = find_event(_event_name(goes_class)).within(forecast_window(window or DAY.name))
    except NotFoundError as error:
        raise ValueError(str(error)) from error
    return named.name


# An event, or one with its window in the name.
TargetName = Annotated[
    str,
    AfterValidator(_target_name),
    WithJsonSchema({"type": "string", "enum": [target.name for target in TARGETS]}),
]


def _window_name(text: str) -> str:
    try:
        return forecast_window(text).name
    except NotFoundError as error:
        raise ValueError(str(error)) from error


WindowName = Annotated[
    str,
    AfterValidator(_window_name),
    WithJsonSchema({"type": "string", "enum": ["d1", *(window.name for window in WINDOWS)]}),
]


_KEYWORD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "description": "SHARP keywords; a value that is missing is null or left out",
    "properties": {
        keyword.name: {
            "type": ["number", "null"],
            "minimum": keyword.low,
            "maximum": keyword.high,
            "description": f"{keyword.description} [{keyword.unit}]",
        }
        for keyword in KEYWORDS
    },
}
Keywords = Annotated[dict[str, Finite | None], WithJsonSchema(_KEYWORD_SCHEMA)]


class Strict(BaseModel):
    """A body in which every field is known and has its type: "5" is not a number."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Observation(Strict):
    """One SHARP record. A region has a HARPNUM, NOAA numbers, or both; ``made_at`` is its DATE.

    ``quality`` is left out where the source has none; null is refused, because an unreadable
    QUALITY may hide an eclipse.
    """

    harpnum: Harpnum | None = None
    noaa_ars: Annotated[list[NoaaAr], Field(max_length=MAX_ARS)] = Field(default_factory=list)
    t_rec: Time
    series: str = Field(default=UNSTATED_SERIES, pattern=SERIES_PATTERN)
    made_at: Time | None = None
    quality: Finite = Field(default_factory=lambda: math.nan)
    lon_fwt: Finite | None = None
    lat_fwt: Finite | None = None
    keywords: Keywords


class Sender(Strict):
    """Who sends, and how far: the sequence number shows gaps.

    ``sent`` counts the rows that the sender has handed over since it first started, up to and
    including this request; lost rows are computed from it. A request that is sent again
    carries the same number. ``spooled`` rows wait with the sender behind this request.
    """

    id: str = Field(pattern=SENDER_PATTERN)
    sequence: int | None = Field(default=None, ge=0, le=2**63 - 1)
    sent: int | None = Field(default=None, ge=0, le=2**62)
    spooled: int | None = Field(default=None, ge=0, le=2**62)


UNNAMED_SENDER = Sender(id="unnamed")


class Flare(Strict):
    """One observed flare; times are UTC, ``flux_scale`` is the scale of the class."""

    start: Time
    peak: Time
    end: Time | None = None
    goes_class: str = Field(pattern=CLASS_PATTERN, examples=["M1.4"])
    noaa_ar: NoaaAr | None = None
    harpnum: Harpnum | None = None
    flux_scale: Literal["operational_pre16", "true"]


class Span(BaseModel):
    """A half-open range of time."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=True)

    from_: Time = Field(alias="from")
    to: Time


class ObservationsEnvelope(Strict):
    """A batch without its rows."""

    sender: Sender = UNNAMED_SENDER


class ObservationsBody(ObservationsEnvelope):
    """A batch of observations: rows that can be used are stored, the others are listed."""

    observations: list[Observation] = Field(min_length=1, max_length=MAX_ROWS)


class WindowEnvelope(Strict):
    """A window without its rows."""

    flares: list[Flare] | None = Field(default=None, max_length=MAX_ROWS)


class WindowBody(WindowEnvelope):
    """Observations to forecast from; the newest of each region is scored, nothing is stored.

    With ``flares`` the flare history is taken from this list alone, else from the store.
    """

    observations: list[Observation] = Field(min_length=1, max_length=MAX_ROWS)


class FlaresEnvelope(Strict):
    """A flare list without its rows; ``covers``: no other flare happened then."""

    covers: Span | None = None
    source: str = Field(default="api", pattern=r"^[A-Za-z0-9_.:\-]{1,40}$")


class FlaresBody(FlaresEnvelope):
    """Observed flares; a known one is revised. Without flares, ``covers`` reports quiet."""

    flares: list[Flare] = Field(max_length=MAX_ROWS)


class XrayMinute(Strict):
    """The mean 1-8 Angstrom flux of one minute [W m-2]; null where it was not measured."""

    minute_at: Time
    flux_w_m2: float | None = Field(gt=0, le=0.1, allow_inf_nan=False, examples=[1.2e-6])


class XrayEnvelope(Strict):
    """The satellite of the minutes."""

    satellite: str = Field(pattern=r"^[A-Za-z0-9\-]{1,8}$", examples=["G16"])


class XrayBody(XrayEnvelope):
    """Minutes of X-ray flux; a known minute is replaced."""

    flux: list[XrayMinute] = Field(min_length=1, max_length=MAX_ROWS)


class AcknowledgeBody(Strict):
    """The comment of an acknowledgement, which carries the name of whoever is signed in."""

    by: str | None = Field(default=None, deprecated=True, description="is ignored")
    comment: str | None = Field(default=None, max_length=1000)


class ShardProgress(Strict):
    """How far a shard is delivered: so many rows, and all of them up to ``through``."""

    delivered: int = Field(default=0, ge=0, le=2**62)
    through: Time | None = None
    finished: bool = False


class LeaseBody(Strict):
    """A request of a replica that shares a source: it joins, stays, reports progress or leaves.

    ``held`` names the shards it works on; a new replica leaves ``generation`` out and holds none.
    ``starts_at`` is the time of the first row; that of the first request of all replicas counts.
    With ``wants`` false the replica leaves. ``restart`` has everything delivered again, unless
    other replicas are at work.
    """

    sender: str = Field(pattern=SENDER_PATTERN)
    source: str = Field(pattern=SENDER_PATTERN)
    shards: int = Field(ge=1, le=1024)
    starts_at: Time
    generation: int | None = Field(default=None, ge=1, le=2**31 - 1)
    held: dict[ShardNumber, ShardProgress] = Field(default_factory=dict, max_length=1024)
    wants: bool = True
    restart: bool = False


class HeartbeatBody(Strict):
    """A sender is there, also while it has nothing to send; ``finished`` ends what it sends."""

    sender: Annotated[str, Field(pattern=SENDER_PATTERN)]
    finished: bool = False


class RegionReport(Strict):
    """How a region looked; the position is Stonyhurst with west positive, null is unknown."""

    noaa_ar: NoaaAr
    observed_at: Time
    lon_deg: Longitude | None = None
    lat_deg: Latitude | None = None
    area_msh: float | None = Field(default=None, ge=0, le=50_000, allow_inf_nan=False)
    spot_class: str | None = Field(default=None, pattern=r"^[A-Za-z]{1,8}$", examples=["Dkc"])
    mag_class: str | None = Field(default=None, pattern=r"^[A-Za-z\-]{1,16}$", examples=["BGD"])
    spots: int | None = Field(default=None, ge=0, le=10_000)


class ReportsEnvelope(Strict):
    """The agency that reports."""

    source: str = Field(pattern=SOURCE_PATTERN, examples=["swpc"])


class ReportsBody(ReportsEnvelope):
    """Region reports; a known one is revised."""

    reports: list[RegionReport] = Field(min_length=1, max_length=MAX_ROWS)


class AgencyForecast(Strict):
    """Probabilities for a window from ``valid_from``, of a region or, without one, of the disk.

    ``exceed``: of a flare of at least the class; ``exact``: of the class and no higher one.
    Classes without a forecast are left out. ``valid_from`` is the begin of the window itself: a
    day 2 issued for 1 March has that of 2 March. A forecast of the disk begins at 00:00 UTC,
    where full-disk forecasts are scored.
    """

    noaa_ar: NoaaAr | None = None
    valid_from: Time
    window: WindowName = DAY.name
    semantics: Literal["exceed", "exact"] = "exceed"
    issued_at: Time | None = Field(default=None, description="now, where it is not known")
    probabilities: dict[EventName, Probability | None] = Field(min_length=1)
    lower: dict[EventName, Probability | None] = Field(
        default_factory=dict, description="lower bounds, where the agency gives them"
    )
    upper: dict[EventName, Probability | None] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_consistent(self) -> AgencyForecast:
        if self.semantics == "exact" and self.probabilities.get("M5.0") is not None:
            raise ValueError("M5.0 has no exact sense; give C1.0, M1.0 and X1.0")
        for name in {*self.lower, *self.upper}:
            bounds = (self.lower.get(name), self.probabilities.get(name), self.upper.get(name))
            known = [p for p in bounds if p is not None]
            if bounds[1] is None or known != sorted(known):
                raise ValueError(f"{name} needs lower <= probability <= upper")
        return self


class ForecastsEnvelope(Strict):
    """The source and its dataset, ``source@dataset``: the name under which it is scored.

    ``derived`` adds another entrant, ``source@dataset+derived``, whose probabilities of at least
    the class are derived from exact ones.
    """

    model: str = Field(pattern=MODEL_PATTERN, examples=["swpc@1"])
    derived: bool = False


class ForecastsBody(ForecastsEnvelope):
    """An agency's forecasts, all regions of a day in one call; a known one is revised.

    A change that comes more than three hours after the time that the window is counted from is
    refused.
    """

    forecasts: list[AgencyForecast] = Field(min_length=1, max_length=MAX_ROWS)


class ClockBody(Strict):
    """An act that sets the clock of a replay: ``speed`` is for *speed*, ``to`` for *jump*.

    A jump with ``next`` instead goes to just before the next listed flare of that event.
    """

    action: Literal["play", "pause", "speed", "jump"]
    speed: Finite | None = None
    to: Time | None = None
    next: str | None = None
    if_version: int | None = None


class ReplayBody(Strict):
    """What a sender is about to replay: its first and last record, and the first one left."""

    sender: Annotated[str, Field(pattern=SENDER_PATTERN)]
    starts: Time
    ends: Time
    speed: Finite | None = None
    next: Time | None = None


class InjectedFaultBody(Strict):
    """A fault that a tester has injected; ``affected`` rows or flares of the source have it."""

    kind: Kind
    from_: Time = Field(alias="from")
    to: Time
    region: Harpnum | None = None
    amount: Finite | None = None
    seed: int = Field(ge=0, le=LARGEST_SEED)
    affected: int = Field(ge=0, le=2**62)


class FaultsBody(Strict):
    """The faults that a sender injects into a replay or a simulation; each is stored once."""

    sender: Sender
    faults: list[InjectedFaultBody] = Field(min_length=1, max_length=100)
