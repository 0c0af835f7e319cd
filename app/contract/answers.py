"""Answers: what leaves the API, as documented in /openapi.json."""

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
    """A row that was not taken: its place in the request, and why."""

    index: int
    errors: list[FaultAnswer]


class Prediction(Answer):
    """A forecast for [t_rec, valid_to); ``rung`` says what it stands on, null needs a reason."""

    region: int
    t_rec: str = TIME
    valid_to: str = TIME
    model: str
    probabilities: dict[str, float | None]
    raw: dict[str, float | None]
    rung: Literal["full", "partial", "none"]
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


class PredictAnswer(Answer):
    """The forecasts of the newest row of each region."""

    predictions: list[Prediction]
    rejected: list[RejectedRow]


class FlaresAnswer(Answer):
    """``repaired`` flares were taken after mending, such as a peak before the start."""

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
    """Contingency, scores with their intervals, reliability and ROC; undefined is null."""

    model: str
    event: str
    scope: str
    n: int
    n_events: int
    n_unknown: int
    coverage: float | None
    scores: dict[str, Any]
    message: str | None


class StrataAnswer(BaseModel):
    """Scores of kinds of cases apart; undefined is null."""

    model: str
    event: str
    scope: str
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


class Ready(Answer):
    """The store answers with the right schema and a model is live."""

    status: Literal["ready"]
    model: str
    shadows: list[str]
