"""The skill report as the store returns it: one model, others on the same cases, strata."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from solar.flares import event as find_event


class ReportPart(BaseModel):
    """A part of the report; fields that the pages do not show are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Score(ReportPart):
    """A score with its interval; None is undefined, which is not 0."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Threshold(ReportPart):
    """The probability from which a forecast counts as yes."""

    value: float | None = None
    source: str = "frozen"


class Contingency(ReportPart):
    """The four outcomes at the threshold."""

    hits: int
    false_alarms: int
    misses: int
    correct_negatives: int


class ReliabilityBin(ReportPart):
    """The forecasts of one probability bin, and how often the event occurred."""

    low: float
    high: float
    n: int
    events: int
    mean_forecast: float | None = None
    observed: float | None = None
    wilson_low: float | None = None
    wilson_high: float | None = None


class RocPoint(ReportPart):
    """Hit rate and false-alarm rate at one threshold."""

    threshold: float | None = None
    pod: float | None = None
    pofd: float | None = None


class CurvePoint(ReportPart):
    """The yes/no scores when yes is p >= threshold."""

    threshold: float
    tss: float | None = None
    precision: float | None = None
    recall: float | None = None


class PrecisionRecallPoint(ReportPart):
    """Precision over recall at one threshold."""

    threshold: float | None = None
    precision: float | None = None
    recall: float | None = None


class ValuePoint(ReportPart):
    """Relative economic value at one cost/loss ratio.

    `at_threshold` when acting on the threshold of the report, `at_cost_loss` when acting
    from p >= cost/loss on.
    """

    cost_loss: float
    at_threshold: float | None = None
    at_cost_loss: float | None = None


class DayCount(ReportPart):
    """Cases and events of one UTC day."""

    day: date
    n: int
    events: int


class Interval(ReportPart):
    """How the intervals were computed."""

    level: float = 0.95
    method: str = ""
    resamples: int | None = None
    days: int | None = None


class BandBin(ReportPart):
    """The cases of one bin and their mean band; `inside` is None where it is not judged."""

    low: float
    high: float
    n: int
    mean_forecast: float | None = None
    observed: float | None = None
    lower: float | None = None
    upper: float | None = None
    inside: bool | None = None


class BandYear(ReportPart):
    """How many of the judged bins are inside the band in one year."""

    year: int
    inside: int
    judged: int


class BandCheck(ReportPart):
    """Whether what was observed lies inside the band of the model, by bins of probability."""

    kind: Literal["model", "calibration"]
    refits: int
    inside: int
    judged: int
    mean_width: float | None = None
    bins: tuple[BandBin, ...] = ()
    years: tuple[BandYear, ...] = ()


class Verification(ReportPart):
    """The verification of one model or reference forecast."""

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
        """Return a score by its name; a missing one is undefined."""
        return self.scores.get(name) or Score()


class SkillReport(Verification):
    """The verification of the model asked about, and of others on the same cases.

    Whole UTC days of issue are scored, from `first_day` to the day before `end_day`; of these
    `days_waiting` have new forecasts or flares that are not verified yet.
    """

    event: str
    scope: Literal["region", "disk"]
    first_day: date = Field(alias="from")
    end_day: date = Field(alias="to")
    region: int | None = None
    days_waiting: int = 0
    days: tuple[DayCount, ...] = ()
    differences: Mapping[str, Mapping[str, Score]] = {}
    band: BandCheck | None = None
    others: tuple[Verification, ...] = Field(default=(), alias="entrants")

    @property
    def label(self) -> str:
        """The event in words: ``M1.0+``, ``M1.0+ on day 2``."""
        return find_event(self.event).label

    @property
    def all(self) -> tuple[Verification, ...]:
        """The model asked about first, then the forecasts compared with it."""
        return (self, *(other for other in self.others if other.model != self.model))


class Stratum(ReportPart):
    """The scores of one part of the cases; `low` and `high` bound it, as numbers or days."""

    label: str
    low: float | str | None = None
    high: float | str | None = None
    n: int
    n_events: int
    n_unknown: int = 0
    base_rate: float | None = None
    scores: Mapping[str, Score] = {}

    def score(self, name: str) -> Score:
        """Return a score by its name; a missing one is undefined."""
        return self.scores.get(name) or Score()


class Latency(ReportPart):
    """How long after their data forecasts were issued, in seconds."""

    n: int = 0
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None


class AllClear(ReportPart):
    """The no forecasts taken as all clear: how many there were, and how often they were right."""

    n: int = 0
    n_missed: int = 0
    right: Score = Score()


class StrataReport(ReportPart):
    """Skill by strata; a stratum without cases has undefined scores."""

    first_flare: Stratum
    all_clear: AllClear
    longitude: tuple[Stratum, ...] = ()
    month: tuple[Stratum, ...] = ()
    latency: Latency = Latency()
