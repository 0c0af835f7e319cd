"""The answer to a skill question: the report of one forecast and of those beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A piece of the answer; what the pages do not show is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Score(Part):
    """A score with its interval; None is undefined, which is not 0."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Threshold(Part):
    """The probability from which a forecast counts as yes."""

    value: float | None = None
    source: str = "frozen"


class Contingency(Part):
    """The four outcomes at the threshold."""

    hits: int
    false_alarms: int
    misses: int
    correct_negatives: int


class ReliabilityBin(Part):
    """The forecasts of one probability bin and how often the event came."""

    low: float
    high: float
    n: int
    events: int
    mean_forecast: float | None = None
    observed: float | None = None
    wilson_low: float | None = None
    wilson_high: float | None = None


class RocPoint(Part):
    """Hit rate and false-alarm rate at one threshold."""

    threshold: float | None = None
    pod: float | None = None
    pofd: float | None = None


class CurvePoint(Part):
    """The yes/no scores when yes is p >= threshold."""

    threshold: float
    tss: float | None = None
    precision: float | None = None
    recall: float | None = None


class PrecisionRecallPoint(Part):
    """Precision over recall at one threshold."""

    threshold: float | None = None
    precision: float | None = None
    recall: float | None = None


class ValuePoint(Part):
    """Relative economic value for a user whose protection costs this share of the loss.

    `at_threshold` when acting on the threshold of the report, `at_cost_loss` when acting
    from p >= cost/loss on.
    """

    cost_loss: float
    at_threshold: float | None = None
    at_cost_loss: float | None = None


class DayCount(Part):
    """Cases and events of one UTC day."""

    day: date
    n: int
    events: int


class Interval(Part):
    """How the intervals were made."""

    level: float = 0.95
    method: str = ""
    resamples: int | None = None
    days: int | None = None


class Verification(Part):
    """One entrant's forecasts against what happened."""

    model: str
    threshold: Threshold | None = None
    n: int
    n_events: int
    n_unknown: int = 0
    n_withheld: int = 0
    coverage: float | None = None
    base_rate: float | None = None
    contingency: Contingency | None = None
    scores: Mapping[str, Score] = {}
    references: Mapping[str, str] = {}
    bss_against: Mapping[str, Score | None] = {}
    reliability: tuple[ReliabilityBin, ...] = ()
    roc: tuple[RocPoint, ...] = ()
    precision_recall: tuple[PrecisionRecallPoint, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    value: tuple[ValuePoint, ...] = ()
    interval: Interval | None = None
    message: str | None = None

    def score(self, name: str) -> Score:
        """Return a score by its name; one that the answer lacks is undefined."""
        return self.scores.get(name) or Score()


class SkillAnswer(Verification):
    """The asked model's verification, and the entrants' on the same cases.

    Whole UTC days of issue are scored, from `first_day` to the day before `end_day`.
    """

    event: str
    scope: Literal["region", "disk"]
    first_day: date = Field(alias="from")
    end_day: date = Field(alias="to")
    region: int | None = None
    days: tuple[DayCount, ...] = ()
    differences: Mapping[str, Mapping[str, Score]] = {}
    entrants: tuple[Verification, ...] = ()

    @property
    def all(self) -> tuple[Verification, ...]:
        """The asked model first, then every other entrant."""
        return (self, *(entrant for entrant in self.entrants if entrant.model != self.model))
