"""What the API says of data sets, read once: the table, one with its question, its break-down."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app_dash.lab.answers import Answer, Dataset, Owner


class DataFile(Answer):
    """A file of a data set."""

    name: str
    sha256: str = ""
    bytes: int = 0


class Reading(Answer):
    """One of the answers to what a data set asks."""

    value: str
    label: str = ""
    detail: str = ""


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


class Range(Answer):
    """The least and the greatest known value of a feature."""

    minimum: float | None = None
    maximum: float | None = None


class Feature(Answer):
    """A feature of a data set; `missing` is the share of all steps."""

    name: str
    unit: str = ""
    spread: Range | None = None
    missing: float | None = None


class Balance(Answer):
    """How many cases have an event, have none, and are unknown."""

    event: str
    events: int = 0
    none: int = 0
    unknown: int = 0


class Breakdown(Answer):
    """What was found in a data set."""

    cases: int = 0
    steps: int = 0
    regions: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    cadence_hours: float | None = None
    features: tuple[Feature, ...] = ()
    events: tuple[Balance, ...] = ()
    remarks: tuple[str, ...] = ()


class FoundAnswer(Answer):
    """What was found in a data set, None where nothing was yet."""

    breakdown: Breakdown | None = None
