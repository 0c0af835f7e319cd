"""Schemas: what a request must look like; the values themselves are judged by `rules`."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from app.contract.times import Time
from solar.sharp import KEYWORDS, SERIES_PATTERN, UNSTATED_SERIES

MAX_ROWS = 5_000
CLASS_PATTERN = r"^[ABCMX][1-9]\d?(\.\d{1,2})?$"
SENDER_PATTERN = r"^[A-Za-z0-9_.:@\-]{1,64}$"

MAX_HARPNUM = 2**31 - 1
MAX_NOAA_AR = 99_999
MAX_ARS = 16

Finite = Annotated[float, Field(allow_inf_nan=False)]
NoaaAr = Annotated[int, Field(ge=1, le=MAX_NOAA_AR)]
Harpnum = Annotated[int, Field(ge=1, le=MAX_HARPNUM)]

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
    """A body in which every field is known and of its own type: "5" is not a number."""

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
    including this request; what never came is told from it. A request that is sent again
    carries the same number. ``spooled`` rows wait with the sender behind this request.
    """

    id: str = Field(pattern=SENDER_PATTERN)
    sequence: int | None = Field(default=None, ge=0, le=2**63 - 1)
    sent: int | None = Field(default=None, ge=0, le=2**62)
    spooled: int | None = Field(default=None, ge=0, le=2**62)


UNNAMED_SENDER = Sender(id="unnamed")


class Flare(Strict):
    """One observed flare; times are UTC, ``flux_scale`` the scale on which the class is given."""

    start: Time
    peak: Time
    end: Time | None = None
    goes_class: str = Field(pattern=CLASS_PATTERN, examples=["M1.4"])
    noaa_ar: NoaaAr | None = None
    harpnum: Harpnum | None = None
    flux_scale: Literal["operational_pre16", "true"]


class Span(BaseModel):
    """A half-open stretch of time."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=True)

    from_: Time = Field(alias="from")
    to: Time


class Envelope(Strict):
    """What stands around the rows of a batch."""

    sender: Sender = UNNAMED_SENDER


class ObservationsBody(Envelope):
    """A batch of observations: rows that can be used are stored, the others are listed."""

    observations: list[Observation] = Field(min_length=1, max_length=MAX_ROWS)


class WindowEnvelope(Strict):
    """What stands around the rows of a window."""

    flares: list[Flare] | None = Field(default=None, max_length=MAX_ROWS)


class WindowBody(WindowEnvelope):
    """Observations to forecast from; the newest of each region is scored, nothing is stored.

    With ``flares`` the flare history is taken from this list alone, else from the store.
    """

    observations: list[Observation] = Field(min_length=1, max_length=MAX_ROWS)


class FlaresEnvelope(Strict):
    """What stands around a flare list; ``covers``: no other flare happened then."""

    covers: Span | None = None
    source: str = Field(default="api", pattern=r"^[A-Za-z0-9_.:\-]{1,40}$")


class FlaresBody(FlaresEnvelope):
    """Flares as observed; a known one is revised. Without any, ``covers`` reports quiet."""

    flares: list[Flare] = Field(max_length=MAX_ROWS)


class XrayMinute(Strict):
    """The mean 1-8 Angstrom flux of one minute [W m-2]; null where it was not measured."""

    minute_at: Time
    flux_w_m2: float | None = Field(gt=0, le=0.1, allow_inf_nan=False, examples=[1.2e-6])


class XrayEnvelope(Strict):
    """Which satellite measured."""

    satellite: str = Field(pattern=r"^[A-Za-z0-9\-]{1,8}$", examples=["G16"])


class XrayBody(XrayEnvelope):
    """Minutes of X-ray flux; a known minute is replaced."""

    flux: list[XrayMinute] = Field(min_length=1, max_length=MAX_ROWS)


class AcknowledgeBody(Strict):
    """Who has taken note of an alert, and what there is to say about it."""

    by: str = Field(min_length=1, max_length=64, pattern=r"^\S(.*\S)?$", examples=["mk"])
    comment: str | None = Field(default=None, max_length=1000)
