"""Schemas of the listings of the API, page by page, and of their items."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from app.contract.answers import TIME, Answer, NowcastItem, Prediction
from solar.injected_faults import Kind


class Page(Answer):
    """A page of a listing; ``next_cursor`` is null on the last one."""

    next_cursor: str | None


class PredictionsPage(Page):
    """Forecasts in the order of time, region and model."""

    items: list[Prediction]


class RecordVersion(Answer):
    """One version of a record of a region at one time; ``made_at`` is its DATE."""

    region: int
    t_rec: str = TIME
    series: str
    made_at: str | None
    quality: int | None
    lon_fwt: float | None
    lat_fwt: float | None
    keywords: dict[str, float | None]
    sender: str
    received_at: str = TIME


class ObservationItem(RecordVersion):
    """The current version of a SHARP record."""

    revision: int


class ObservationsPage(Page):
    """Observations in the order of time and region."""

    items: list[ObservationItem]


class ConflictItem(RecordVersion):
    """A superseded version of a record; ``revision`` is null if it never was the current one."""

    revision: int | None
    reason: Literal["near-real-time", "older DATE", "same DATE", "came before"]
    lost_at: str = TIME


class ConflictsPage(Page):
    """Superseded versions in the order of time and region."""

    items: list[ConflictItem]


class RegionItem(Answer):
    """An active region and where it was last seen."""

    region: int
    harpnum: int | None
    noaa_ars: list[int]
    series: str
    first_t_rec: str = TIME
    last_t_rec: str = TIME
    last_lon_fwt: float | None
    last_lat_fwt: float | None
    last_area_acr: float | None


class RegionsPage(Page):
    """Regions by number."""

    items: list[RegionItem]


class FlareItem(Answer):
    """An observed flare, the region it is assigned to, and why."""

    id: str
    start: str = TIME
    peak: str = TIME
    end: str | None
    goes_class: str
    peak_flux_w_m2: float
    flux_scale: str
    noaa_ar: int | None
    harpnum: int | None
    region: int | None
    assignment: str
    satellite: str | None
    source: str
    repairs: str | None
    revision: int


class FlaresPage(Page):
    """Flares by the time of their peak."""

    items: list[FlareItem]


class ModelItem(Answer):
    """A registered model with its whole manifest.

    ``made_by`` is ``flarewatch`` or ``elsewhere``. Of a model made elsewhere ``evaluation`` holds
    the scores and leak audit made here, and ``unaudited`` why it serves without them. What the
    maker left out is null in the manifest.
    """

    model: str
    name: str
    version: str
    stage: str
    made_by: str
    unaudited: str | None
    evaluation: dict[str, Any] | None
    thresholds: dict[str, float | None]
    registered_at: str = TIME
    manifest: dict[str, Any]


class ModelsPage(Page):
    """Models, the live one first."""

    items: list[ModelItem]


class SenderItem(Answer):
    """A sender and what became of its rows: sent = accepted + duplicates + revised + rejected
    + lost.

    ``sent`` and ``lost`` are null for a sender that does not say how much it has sent.
    ``late`` are those of the accepted rows that came after a newer one of their region;
    ``spooled`` rows wait with the sender, by its last request, and are not among ``sent`` yet.
    Of a sender that fell silent, ``taken_over_by`` names the replicas that go on with its shards.
    """

    sender: str
    state: Literal["active", "finished", "silent", "taken over"]
    first_seen_at: str = TIME
    last_seen_at: str = TIME
    finished_at: str | None = TIME
    taken_over_by: list[str]
    last_sequence: int | None
    sent: int | None
    accepted: int
    duplicates: int
    revised: int
    rejected: int
    late: int
    spooled: int | None
    lost: int | None


class SendersPage(Page):
    """Senders by name."""

    items: list[SenderItem]


class AlertItem(Answer):
    """An alert; ``opened_at`` to ``closed_at`` are times of data, ``raised_at`` of the clock.

    A missed flare is a closed alert with the outcome ``missed``, opened at its peak. ``event`` is
    ``M1.0``, of another ``window`` than 24h ``M1.0/6h``.
    """

    id: str
    region: int
    model: str
    event: str
    window: str
    state: Literal["open", "acknowledged", "closed"]
    severity: str
    threshold: float
    off_threshold: float
    opened_at: str = TIME
    opened_probability: float | None
    peak_at: str = TIME
    peak_probability: float | None
    last_probability: float | None
    last_over_at: str = TIME
    raised_at: str = TIME
    changed_at: str = TIME
    acknowledged_at: str | None
    acknowledged_by: str | None
    comment: str | None
    closed_at: str | None
    outcome: Literal["confirmed", "false alarm", "missed", "unknown"] | None
    outcome_class: str | None
    outcome_at: str | None


class AlertsPage(Page):
    """Alerts, the newest first."""

    items: list[AlertItem]


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


class NowcastEventsPage(Page):
    """Flares seen in the X-rays, by the time of their start."""

    items: list[NowcastItem]


class InjectedFaultItem(Answer):
    """A fault of a test, and what the product has said of it by now.

    ``to`` is null while the fault goes on. ``said_at`` is the first time of the Sun at which
    something was said, ``within_s`` how long after ``from``; both are null where nothing was, or
    where what was said is a count of received rows.
    """

    fault: str
    sender: str
    kind: Kind
    from_: str = Field(alias="from", examples=["2014-03-01T00:00:00Z"])
    to: str | None = TIME
    region: int | None
    amount: float | None
    seed: int
    affected: int
    first_seen_at: str = TIME
    said: list[str]
    said_at: str | None = TIME
    within_s: float | None


class FaultsPage(Page):
    """Injected faults that have begun, in the order of their beginning."""

    items: list[InjectedFaultItem]
