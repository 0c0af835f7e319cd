"""What the API says of data sets, read once: the table, one with its question, its break-down."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from app_dash.lab.answers import Answer, Dataset, Owner


class DataFile(Answer):
    """A file of a data set."""

    name: str
    sha256: str = ""
    bytes: int = 0


class Series(Answer):
    """A feature over the steps of a window, None where it is missing."""

    name: str = ""
    values: tuple[float | None, ...] = ()


class Reading(Answer):
    """One of the answers to what a data set asks, with what the data look like when read so."""

    value: str
    label: str = ""
    detail: str = ""
    series: tuple[Series, ...] = ()


class Question(Answer):
    """What a data set asks, the likeliest answer first."""

    text: str = ""
    answers: tuple[Reading, ...] = ()


class FullDataset(Dataset):
    """All of a data set; files, layout and question are known on its own page."""

    owner: Owner = Owner()
    visibility: str = "private"
    description: str = ""
    licence: str = ""
    file_count: int = 0
    bytes: int = 0
    reason: str | None = None
    created_at: datetime | None = None
    files: tuple[DataFile, ...] = ()
    layout: dict[str, Any] | None = None
    question: Question | None = None
    described_by: str | None = None
    described_state: str | None = None
    made_of: Dataset | None = None
    children: tuple[Dataset, ...] = ()


class Range(Answer):
    """The extremes and quartiles of the known values of a feature."""

    minimum: float | None = None
    lower_quartile: float | None = None
    upper_quartile: float | None = None
    maximum: float | None = None


class Histogram(Answer):
    """Counts of values in equal parts of their range; `is_skewed` tells that `log` shows more."""

    linear: tuple[int, ...] = ()
    log: tuple[int, ...] | None = None
    is_skewed: bool = False


class Feature(Answer):
    """A feature of a data set; `missing` is the share of all steps."""

    name: str
    unit: str = ""
    spread: Range | None = None
    missing: float | None = None
    missing_by_year: dict[int, float] = Field(default_factory=dict)
    missing_by_part: tuple[float | None, ...] = ()
    histogram: Histogram | None = None


class Balance(Answer):
    """How many cases have an event, have none, and are unknown."""

    event: str
    events: int = 0
    none: int = 0
    unknown: int = 0
    regions: int | None = None


class RegionCases(Answer):
    """How many cases a region has; `largest` has the most."""

    least: int = 0
    median: float = 0
    most: int = 0
    largest: int = 0


class Sample(Answer):
    """How many records the histograms count, and how many cases are correlated."""

    records: int = 0
    cases: int = 0


class Overlap(Answer):
    """How many windows overlap another one; `shared` have a record in common."""

    cases: int = 0
    shared: int = 0
    overlapping: int = 0


Matrix = tuple[tuple[float | None, ...], ...]


class Lagged(Answer):
    """The correlation of each feature, a row, with each one some hours before, a column."""

    hours: float
    correlation: Matrix = ()


class Breakdown(Answer):
    """What was found in a data set; earlier versions found less."""

    cases: int = 0
    steps: int = 0
    records: int = 0
    regions: int = 0
    region_cases: RegionCases | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None
    cadence_hours: float | None = None
    features: tuple[Feature, ...] = ()
    events: tuple[Balance, ...] = ()
    balance_remark: str | None = None
    sample: Sample | None = None
    correlation_method: str = ""
    correlation: Matrix = ()
    lagged: tuple[Lagged, ...] = ()
    overlap: Overlap | None = None
    remarks: tuple[str, ...] = ()


class FoundAnswer(Answer):
    """What was found in a data set, None where nothing was yet."""

    breakdown: Breakdown | None = None
