"""Schemas of the answers of the API, as documented in /openapi.json."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

TIME = Field(examples=["2014-03-01T00:00:00Z"])


class Answer(BaseModel):
    """An answer; values that do not exist are null."""

    model_config = ConfigDict(extra="forbid")


class FaultAnswer(Answer):
    """One thing that is wrong, and where."""

    path: str
    message: str


class Problem(Answer):
    """Every error has this body; ``detail`` says what to do next."""

    title: str
    status: int
    detail: str
    errors: list[FaultAnswer]


class RejectedRow(Answer):
    """A row that is not stored: its index in the request, and why."""

    index: int
    errors: list[FaultAnswer]


class Prediction(Answer):
    """A forecast for [t_rec, valid_to); ``rung`` is its fallback level; null has a reason.

    Of another window than the next 24 h ``valid_to`` is its end, and ``raw`` is not stored.
    ``rung`` is null where the forecast of the next 24 h, which it belongs to, was deleted.
    """

    region: int
    t_rec: str = TIME
    valid_to: str = TIME
    model: str
    probabilities: dict[str, float | None]
    raw: dict[str, float | None]
    rung: Literal["full", "partial", "none"] | None
    reason: str | None
    imputed_share: float | None
    revision: int
    issued_at: str = TIME


class IngestAnswer(Answer):
    """``accepted`` rows are new, ``revised`` ones replaced what was stored."""

    accepted: int
    duplicates: int
    revised: int
    rejected: list[RejectedRow]
    predictions: int | list[Prediction]


class Lead(Answer):
    """The probability of an event in [valid_from, valid_to), and its band; null is not known."""

    window: str
    valid_from: str = TIME
    valid_to: str = TIME
    event: str
    p: float | None
    lower: float | None
    upper: float | None
    repaired: bool | None


class LeadMatrix(Answer):
    """Every event in every window, from one record; null where the model has no such window.

    ``repaired``: a probability was moved so that none contradicts another; in ``leads``, which one.
    """

    region: int
    t_rec: str = TIME
    model: str
    repaired: bool
    leads: list[Lead]


class PredictAnswer(Answer):
    """The forecasts of the newest row of each region.

    Only a model of other windows than the next 24 h has ``leads``, a matrix for each region.
    """

    predictions: list[Prediction]
    rejected: list[RejectedRow]
    leads: list[LeadMatrix] = []


class FlaresAnswer(Answer):
    """``repaired`` flares were stored after a repair, such as of a peak before the start."""

    accepted: int
    duplicates: int
    revised: int
    repaired: int
    rejected: list[RejectedRow]


class XrayAnswer(Answer):
    """Minutes of X-ray flux by what became of them."""

    accepted: int
    duplicates: int
    revised: int
    rejected: list[RejectedRow]


class SkillAnswer(BaseModel):
    """Contingency, scores with their intervals, reliability and ROC; undefined is null.

    ``days_waiting`` counts the days whose new forecasts or flares are not counted yet. ``band`` is
    null for the full disk and for a model without a band.
    """

    model: str
    event: str
    window: str
    scope: str
    days_waiting: int
    n: int
    n_events: int
    n_unknown: int
    coverage: float | None
    scores: dict[str, Any]
    band: dict[str, Any] | None
    message: str | None


class LeadSkillAnswer(BaseModel):
    """Brier skill with its interval in each window, for everyone with forecasts."""

    model: str
    event: str
    scope: str
    days_waiting: int
    entrants: list[dict[str, Any]]


class StrataAnswer(BaseModel):
    """Scores of kinds of cases apart; undefined is null."""

    model: str
    event: str
    window: str
    scope: str
    days_waiting: int
    threshold: dict[str, Any]
    first_flare: dict[str, Any]
    all_clear: dict[str, Any]
    longitude: list[dict[str, Any]]
    month: list[dict[str, Any]]
    latency: dict[str, float | None]


class Contribution(Answer):
    """What one feature adds to the log-odds, against its mean over the training set.

    ``error`` is the standard error from the sampling of orders; a missing ``value`` is null,
    and its contribution that of being missing.
    """

    feature: str
    label: str
    unit: str
    value: float | None
    reference: float | None
    contribution: float
    error: float | None


class Explained(Answer):
    """A forecast and what moved it: the contributions sum to log_odds - base_log_odds."""

    t_rec: str = TIME
    log_odds: float
    probability_raw: float
    contributions: list[Contribution]


class ExplanationAnswer(Explained):
    """The forecast is made again from what is stored by now; as issued it may have differed."""

    region: int
    model: str
    event: str
    base_log_odds: float
    issued_probability_raw: float | None
    previous: Explained | None


class Health(Answer):
    """The process is alive."""

    status: Literal["alive"]


class StatusCheck(Answer):
    """One line of the status; ``at`` is the newest time that it is about."""

    name: str
    state: Literal["ok", "late", "broken", "unknown", "none"]
    word: str
    detail: str
    at: str | None = TIME


class StatusAnswer(Answer):
    """Whether the service works; ``sun_now`` is event time in a replay, null when not known."""

    state: Literal["ok", "late", "broken"]
    headline: str
    note: str
    checked_at: str = TIME
    clock: Literal["wall", "replay"] | None
    sun_now: str | None = TIME
    checks: list[StatusCheck]


class Percentiles(Answer):
    """50, 95 and 99 % took no longer than this; null where nothing was timed."""

    p50: float | None
    p95: float | None
    p99: float | None


class FlowPoint(Answer):
    """What came in from ``at`` on; rows by what became of them, ``late`` among ``accepted``.

    ``processing_ms`` is the time from the receipt of a request to its commit, ``latency_s`` that
    from the record to its receipt, null where it exceeds 115 days, as in a replay.
    """

    at: str = TIME
    requests: int
    accepted: int
    duplicates: int
    revised: int
    late: int
    rejected: int
    predictions: int
    processing_ms: Percentiles
    latency_s: Percentiles


class RefusalAnswer(Answer):
    """A reason for which rows were refused, and the last case."""

    path: str
    reason: str
    n: int
    last_at: str = TIME
    last_sender: str
    example: str


class FlowAnswer(Answer):
    """What came in over a range of receipt, in buckets; ``senders`` holds the rows of each."""

    bucket_seconds: int
    points: list[FlowPoint]
    senders: dict[str, list[int]]
    rejections: list[RefusalAnswer]


class GrantedShard(Answer):
    """A shard to work on, and how far it has been delivered so far; null: not begun."""

    shard: int
    delivered: int
    through: str | None = TIME


class HeartbeatAnswer(Answer):
    """When the sender was heard, by the clock of the API."""

    sender: str
    last_seen_at: str = TIME


class LeaseAnswer(Answer):
    """What the replica may send, for ``expires_in_seconds`` from its request on.

    The replica gives up shards that are not in ``granted`` any more. Event time was ``event_at``
    ``elapsed_seconds`` ago, for all replicas. ``sent`` and ``sequence`` are the count that the API
    has of this sender.
    """

    generation: int
    starts_at: str = TIME
    event_at: str = TIME
    elapsed_seconds: float
    granted: list[GrantedShard]
    unfinished: int
    members: int
    expires_in_seconds: float
    sent: int
    sequence: int


class ReportsAnswer(Answer):
    """Rows by what became of them."""

    accepted: int
    duplicates: int
    revised: int
    rejected: list[RejectedRow]


class ClockAnswer(Answer):
    """The clock of the Sun; it passes at ``speed`` seconds in one, null as fast as records come."""

    mode: Literal["wall", "replay"]
    now: str = TIME
    speed: float | None
    state: Literal["playing", "paused"]
    version: int
    newest: str | None = TIME
    usual_step_s: float | None
    starts: str | None = TIME
    ends: str | None = TIME


class NowcastItem(Answer):
    """A flare seen in the X-rays, ``confirmed`` once the flare list has it as ``flare_id``.

    ``detected_at`` is the minute of the data that told it, ``end_known_at`` that which told its
    end. The class differs from the listed one by the share ``class_error``, the peak by
    ``peak_error_s``.
    """

    event_id: str
    satellite: str
    start_at: str = TIME
    detected_at: str = TIME
    peak_at: str = TIME
    end_at: str | None
    end_known_at: str | None
    goes_class: str
    peak_flux_w_m2: float
    r_scale: str | None
    background_w_m2: float
    flux_scale: str
    state: Literal["rising", "declining", "ended", "unfinished", "confirmed", "unconfirmed"]
    rule: Literal[1, 2]
    flare_id: str | None
    class_error: float | None
    peak_error_s: float | None
    reconciled_at: str | None
    revision: int


class NowcastAnswer(Answer):
    """The flux of the newest good minute up to ``now``, and the flare in progress."""

    now: str = TIME
    minute_at: str | None
    flux_w_m2: float | None
    goes_class: str | None = Field(alias="class")
    r_scale: Literal["R1", "R2", "R3", "R4", "R5"] | None
    satellite: str | None
    flux_scale: str | None
    state: Literal["no data", "quiet", "rising", "declining"]
    event: NowcastItem | None
    reason: str


class NowcastCountsAnswer(Answer):
    """Flares seen in the X-rays by what the list says, and listed ones that were not seen."""

    confirmed: int
    unconfirmed: int
    missed: int
