"""A recipe: the TOML file that says everything a training run depends on but the data."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model_training.features import HISTORY_FEATURES, KEYWORD_FEATURES
from solar.errors import InvalidInputError
from solar.flares import EVENTS


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FillChoice(_Strict):
    """Where region-days come from that the main rows leave out by construction.

    Those are days after an `event` and before none; only rows of this `licence` are read.
    """

    rows: str
    licence: str
    event: str


class DataChoice(_Strict):
    """Which rows are read; paths are relative to the data folder.

    `issue` says when a forecast is issued: at the ``record`` itself, or at the ``day-end``
    (23:48 TAI of the record's day, one row per region and day). The second is for sets
    that sample flaring regions at a fixed distance before the flare.
    """

    rows: str
    flares: str
    licence: str
    issue: Literal["record", "day-end"] = "record"
    fill: FillChoice | None = None


class SplitChoice(_Strict):
    """Which years are forecast from the rows before them, and when the test rows begin.

    Every choice rests on the validation years, each forecast by a model fitted before it.
    The model that serves is fitted on all rows before `test_from`. Borders are UTC midnights;
    `embargo_hours` is the gap left before each.
    """

    validation_years: tuple[int, ...] = Field(min_length=1)
    test_from: date
    embargo_hours: float = Field(default=24.0, ge=0)

    @model_validator(mode="after")
    def _years_precede_the_test(self) -> SplitChoice:
        years = self.validation_years
        if list(years) != sorted(set(years)):
            raise ValueError("validation_years must rise")
        if date(years[-1] + 1, 1, 1) > self.test_from:
            raise ValueError(f"validation year {years[-1]} ends after test_from {self.test_from}")
        return self


class LogisticRegressionChoice(_Strict):
    """L2-regularised logistic regression on signed-log features."""

    kind: Literal["logistic-regression"]
    inverse_penalty: float = Field(gt=0)


class GradientBoostingChoice(_Strict):
    """LightGBM trees."""

    kind: Literal["gradient-boosting"]
    trees: int = Field(gt=0, le=2000)
    learning_rate: float = Field(gt=0, le=1)
    leaves: int = Field(gt=1, le=256)
    rows_per_leaf: int = Field(gt=0)
    l2: float = Field(ge=0)
    features_per_tree: float = Field(gt=0, le=1)


_Member = Annotated[LogisticRegressionChoice | GradientBoostingChoice, Field(discriminator="kind")]


class BlendChoice(_Strict):
    """The mean of the probabilities of its members."""

    kind: Literal["blend"]
    members: tuple[_Member, ...] = Field(min_length=2)


Choice = LogisticRegressionChoice | GradientBoostingChoice | BlendChoice


class MissingChoice(_Strict):
    """How often inputs are hidden in a second copy of the training rows.

    The copy teaches the model what to do without them; `copy_weight` is its weight.
    `hidden_together` are keywords that some sources lack as a group.
    """

    copy_weight: float = Field(default=0.0, ge=0, le=1)
    keyword_share: float = Field(default=0.0, ge=0, lt=1)
    history_share: float = Field(default=0.0, ge=0, lt=1)
    hidden_together: tuple[str, ...] = ()
    together_share: float = Field(default=0.0, ge=0, lt=1)


class Recipe(_Strict):
    """One model to be trained."""

    name: str = Field(pattern=r"[a-z][a-z0-9-]*")
    version: str = Field(pattern=r"\d+\.\d+\.\d+")
    description: str
    seed: int = Field(ge=0)
    keywords: tuple[str, ...] = Field(min_length=1)
    history: tuple[str, ...] = ()
    min_events_train: int = Field(default=20, ge=1)
    min_events_validation: int = Field(default=10, ge=1)
    threshold_score: Literal["tss", "hss2", "csi"] = "tss"
    events: tuple[str, ...] = tuple(event.name for event in EVENTS)
    data: DataChoice
    split: SplitChoice
    missing: MissingChoice = Field(default_factory=MissingChoice)
    estimator: Annotated[Choice, Field(discriminator="kind")]

    @model_validator(mode="after")
    def _names_are_known(self) -> Recipe:
        known = {event.name for event in EVENTS} | {*KEYWORD_FEATURES, *HISTORY_FEATURES}
        strange = {*self.events, *self.features, *self.missing.hidden_together} - known
        if strange:
            raise ValueError(f"no such event or feature: {', '.join(sorted(strange))}")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        """The inputs of the model, in the order of its graph."""
        return self.keywords + self.history


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe; unknown keys are refused with their place in the file."""
    if not path.is_file():
        raise InvalidInputError(f"no recipe at {path}; see model_training/recipes")
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text("utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"{path.name} is not TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        )
        raise InvalidInputError(f"{path.name}: {faults}") from error


def midnight(day: date) -> datetime:
    """Return the UTC midnight at which a day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
