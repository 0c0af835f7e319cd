"""Reports of others: the bodies in which an agency's regions and forecasts come, and the page."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.contract.answers import TIME, Answer, RejectedRow
from app.contract.pages import Page
from app.contract.queries import EventName, PageQuery, WindowQuery
from app.contract.schemas import MAX_ROWS, Finite, NoaaAr, Strict
from app.contract.times import Time

SOURCE_PATTERN = r"^[A-Za-z0-9_.:\-]{1,40}$"
MODEL_PATTERN = r"^[a-z][a-z0-9\-]{0,47}@[A-Za-z0-9.\-]{1,15}$"

Longitude = Annotated[Finite, Field(ge=-180, le=180)]
Latitude = Annotated[Finite, Field(ge=-90, le=90)]
Probability = Annotated[Finite, Field(ge=0, le=1)]


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
    """Who reports."""

    source: str = Field(pattern=SOURCE_PATTERN, examples=["swpc"])


class ReportsBody(ReportsEnvelope):
    """Region reports; a known one is revised."""

    reports: list[RegionReport] = Field(min_length=1, max_length=MAX_ROWS)


class AgencyForecast(Strict):
    """Probabilities for the 24 h from ``valid_from``, of a region or, without one, of the disk.

    Each is that of a flare of at least the class; what the agency does not say is left out. A
    forecast of the disk begins at 00:00 UTC, where full-disk forecasts are scored.
    """

    noaa_ar: NoaaAr | None = None
    valid_from: Time
    issued_at: Time | None = Field(default=None, description="now, where it is not known")
    probabilities: dict[EventName, Probability | None] = Field(min_length=1)


class ForecastsEnvelope(Strict):
    """Under which name the agency is scored."""

    model: str = Field(pattern=MODEL_PATTERN, examples=["swpc@1"])


class ForecastsBody(ForecastsEnvelope):
    """An agency's forecasts, all regions of a day in one call; a known one is revised.

    A change that comes more than three hours after the window has begun is refused.
    """

    forecasts: list[AgencyForecast] = Field(min_length=1, max_length=MAX_ROWS)


class ReportsAnswer(Answer):
    """Rows by what became of them."""

    accepted: int
    duplicates: int
    revised: int
    rejected: list[RejectedRow]


class ReportsQuery(WindowQuery, PageQuery):
    """The reports of a stretch of time, on all regions or one."""

    noaa_ar: int | None = Field(default=None, ge=1, le=99_999)


class RegionReportItem(Answer):
    """A stored region report."""

    source: str
    noaa_ar: int
    observed_at: str = TIME
    lon_deg: float | None
    lat_deg: float | None
    area_msh: float | None
    spot_class: str | None
    mag_class: str | None
    spots: int | None
    received_at: str = TIME


class RegionReportsPage(Page):
    """Region reports in the order of time, number and source."""

    items: list[RegionReportItem]
