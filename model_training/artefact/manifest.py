"""The manifest: the description of an artefact, which is checked before it serves."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from model_training.artefact.calibration import Calibration
from model_training.artefact.reference import TrainingReference
from solar.bands import Band

GRAPH = "model.onnx"
# The two make the name of a folder, and with an @ the 64 letters of a key of the store.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
LONGEST_NAME = 48
LONGEST_VERSION = 15
MOST_FEATURES = 1000
_WEEK_SECONDS = 7 * 24 * 3600
# A forecast from 5,000 windows of so many numbers takes 2 GB.
MOST_INPUTS = 100_000


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that cannot be shown")
    return text


# What people call a feature, an event or a unit.
Label = Annotated[str, Field(max_length=100), AfterValidator(_printable)]
Exchanged = Literal["inputs", "outcomes"]
FileName = Annotated[str, Field(pattern=NAME_PATTERN, max_length=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Feature(_Strict):
    """One input of the graph, by name; its column is its place in the list.

    A ``keyword`` is read from the SHARP record and ``history`` from the flare list; an
    ``other`` feature is known to the data set of the model alone, which then cannot serve.
    """

    name: Label = Field(min_length=1)
    unit: Label
    kind: Literal["keyword", "history", "other"]


class SizeRatio(_Strict):
    """Counts of observed flares of a class, and of the reference class `of`, before `until`."""

    of: str
    until: str
    flares: int = Field(ge=0)
    reference_flares: int = Field(gt=0)

    @property
    def ratio(self) -> float:
        """The share of the flares of the reference class that are of the rarer class."""
        return self.flares / self.reference_flares


class EventModel(_Strict):
    """The model of one event, which may name its window; `column` is its place in the output.

    An event is ``fitted`` to cases of its own or, where these are too few, follows from
    another event by the ``size distribution`` of flares, with the counts in `size`. Without a
    `threshold` there is a probability and no yes or no.
    """

    name: Label = Field(validation_alias=AliasChoices("name", "event"))
    column: int = Field(ge=0, le=1000, validation_alias=AliasChoices("column", "output"))
    calibration: Calibration = Calibration(kind="identity")
    threshold: float | None = Field(default=None, ge=0, le=1)
    basis: Literal["fitted", "size distribution"] = "fitted"
    size: SizeRatio | None = None
    band: Band | None = None
    note: str | None = None


class Source(_Strict):
    """A file that was read, relative to the data folder; `rows` of it were used, if it has any."""

    file: str
    rows: int | None
    licence: str
    sha256: str


class Part(_Strict):
    """One part of the split: rows, regions, first and last t (UTC), events by name."""

    rows: int
    regions: int
    first_at: str
    last_at: str
    events: dict[str, int]
    unknown: dict[str, int]


class FoldRecord(_Strict):
    """Cases held out for validation, and what the model that forecast them was fitted on."""

    name: str
    train: Part
    held_out: Part


class SplitRecord(_Strict):
    """How the cases were divided; `choice` is the [split] of the recipe.

    The model of the graph is fitted on `train`; `validation` is the held-out cases of all
    `folds`. `left_out` cases belong to no part, `filled` were added by the loader, `rejected`
    were refused for their QUALITY.
    """

    choice: dict[str, object]
    left_out: int
    rejected: int
    filled: int
    train: Part
    folds: tuple[FoldRecord, ...]
    validation: Part
    test: Part


class Check(_Strict):
    """One question of the leak audit and its answer."""

    name: str
    passed: bool
    detail: str


class Score(_Strict):
    """A score with its 95 % block-bootstrap interval; null is undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


class NoiseTrial(_Strict):
    """The skill that a recipe finds in noise, for one event.

    `exchanged` are the values of all inputs, between cases, or the outcomes, between regions.
    The interval of `bss` is one at `level`; a trial that was not judged has neither, and a `note`
    that says why. Only skill whose whole interval lies above 0 fails.
    """

    exchanged: Exchanged
    event: Label
    n: int
    n_events: int
    bss: Score | None = None
    level: float | None = None
    note: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the interval reaches 0, or there is none."""
        return self.bss is None or self.bss.low is None or self.bss.low <= 0


class LeakAudit(_Strict):
    """The leak audit: passed only if every check is; `noise` is empty in manifests from before."""

    passed: bool
    checks: tuple[Check, ...]
    noise: tuple[NoiseTrial, ...] = ()


class EventScores(_Strict):
    """Scores of one entrant for one event on one set of cases."""

    n: int
    n_events: int
    n_unknown: int
    threshold: float | None
    scores: dict[str, Score]


# part -> entrant -> event; "model" is the model itself, the others are baselines.
ScoreBook = dict[str, dict[str, dict[str, EventScores]]]


class Evaluation(_Strict):
    """Scores and leak audit of a model made elsewhere, computed here on the cases of a recipe.

    It counts for the manifest whose sha256 is `manifest`, which names the graph in turn. `data`
    and `split` are those of `recipe`: two models are compared where both are the same.
    """

    manifest: str
    recipe: str
    data: dict[str, object]
    split: dict[str, object]
    part: Literal["validation", "test"]
    leak_audit: LeakAudit
    scores: dict[str, dict[str, EventScores]]


class Repaired(_Strict):
    """How the forecasts of validation were made consistent, as those that are served.

    `share` of the `n` cases were moved, and `share_far` of them by more than `far` in any of
    their probabilities.
    """

    n: int = Field(ge=0)
    share: float = Field(ge=0, le=1)
    share_far: float = Field(ge=0, le=1)
    far: float = Field(ge=0, le=1)


class Remote(_Strict):
    """Where a model answers that does not run here, and how long it may take [s].

    It receives ``features`` and ``inputs`` and returns ``probabilities`` (docs/own-models.md).
    """

    url: str = Field(pattern=r"^https?://[^\s/]+")
    # Ingest waits inside its transaction, which the store ends when it idles for ten seconds.
    timeout_seconds: float = Field(default=2.0, gt=0, le=4)


class Manifest(_Strict):
    """Everything a reader or a server needs to know about an artefact.

    A forecast at t looks at `window_length` records of its region: the one at t, and for every
    `cadence_seconds` before it the record that lies at most `tolerance_seconds` away. None is
    given when more than `max_missing_share` of the keyword values of the window are missing.
    `events` are forecast for the next 24 h, `targets` for other windows (``M1.0/6h``); those of
    format 2 may list all of them as targets, and format 1 knows no other window.
    With `remote` the model answers over HTTP and has no graph among its `files`.

    Evidence (`sources` to `reference`) is written by our training. A model that was ``made_by``
    elsewhere may lack it; what is None is not known. `scored_graph` is the sha256 of the graph
    that the evidence belongs to, `fitted_until` the time before which everything lies that the
    maker has used, the 24 h after the last case among it. `disk` is that of older models and is
    not used: one forecast of the full disk is for all models (`solar.full_disk`).
    """

    format: Literal[1, 2] = 1
    name: str = Field(pattern=NAME_PATTERN, max_length=LONGEST_NAME)
    version: str = Field(pattern=NAME_PATTERN, max_length=LONGEST_VERSION)
    made_by: Literal["flarewatch", "elsewhere"] = "flarewatch"
    description: str
    estimator: str
    stage: Literal["candidate", "shadow", "live"] = "candidate"
    horizon_hours: int
    window_length: int = Field(default=1, ge=1, le=10_000)
    cadence_seconds: int = Field(gt=0, le=_WEEK_SECONDS)
    tolerance_seconds: int = Field(default=0, ge=0, le=_WEEK_SECONDS)
    window_note: str | None = None
    # With more of them missing the imputer would invent the region.
    max_missing_share: float = Field(default=0.5, ge=0, le=1)
    events: tuple[EventModel, ...] = Field(min_length=1)
    targets: tuple[EventModel, ...] = ()
    features: tuple[Feature, ...] = Field(min_length=1, max_length=MOST_FEATURES)
    fitted_until: AwareDatetime | None = None
    scored_graph: str | None = None
    sources: tuple[Source, ...] | None = None
    split: SplitRecord | None = None
    leak_audit: LeakAudit | None = None
    parity: float | None = None
    scores: ScoreBook | None = None
    score_notes: dict[str, str] | None = None
    reference: TrainingReference | None = None
    disk: dict[str, object] | None = None
    repaired: Repaired | None = None
    remote: Remote | None = None
    recipe: dict[str, object] | None = None
    libraries: dict[str, str] | None = None
    files: dict[FileName, str] = Field(max_length=100)

    @property
    def model_id(self) -> str:
        """``name@version``, the key under which forecasts are stored."""
        return f"{self.name}@{self.version}"

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The inputs of the graph, in its order."""
        return tuple(feature.name for feature in self.features)

    @property
    def unsupplied(self) -> list[str]:
        """The inputs that no sender and no flare list brings; a model with any cannot serve."""
        return [feature.name for feature in self.features if feature.kind == "other"]

    @property
    def event_names(self) -> tuple[str, ...]:
        """What is forecast for the next 24 h, from the frequent to the rare."""
        return tuple(event.name for event in self.events)

    @property
    def all_targets(self) -> tuple[EventModel, ...]:
        """All that is forecast: the events of the next 24 h, then those of other windows."""
        return (*self.events, *self.targets)

    @model_validator(mode="before")
    @classmethod
    def _sort_targets(cls, content: object) -> object:
        """Move the targets of the next 24 h to the events."""
        if not isinstance(content, dict) or not isinstance(content.get("targets"), list):
            return content
        of_day = [one for one in content["targets"] if _is_of_first_day(one)]
        others = [one for one in content["targets"] if not _is_of_first_day(one)]
        return content | {"events": [*content.get("events", ()), *of_day], "targets": others}


def _is_of_first_day(target: object) -> bool:
    name = target.get("event", target.get("name")) if isinstance(target, dict) else None
    return isinstance(name, str) and "/" not in name
