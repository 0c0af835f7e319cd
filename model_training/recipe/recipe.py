"""A recipe: the TOML file that says everything a training run depends on but the data."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from model_training.artefact.manifest import LONGEST_NAME, LONGEST_VERSION, MOST_FEATURES
from model_training.recipe.config import Config, option
from model_training.recipe.data import AnyData, WindowConfig
from model_training.recipe.estimators import HAZARD_EDGES_HOURS, AnyEstimator, members_of
from model_training.recipe.split import AnySplit
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.windows import DAY

LARGEST_BYTES = 2**20
_LARGEST_NUMBER = 1e15
_DEEPEST = 20
_MOST_FAULTS = 10
_SHOWN = 300
_DAY_HOURS = DAY.validity.total_seconds() / 3600


class MissingnessConfig(Config):
    """Missingness augmentation: how often inputs are missing in a copy of the training rows.

    The copy teaches the model what to do without them.
    """

    copy_weight: float = option(0.0, "weight of the copy; 0: no copy", ge=0, le=1)
    keyword_share: float = option(0.0, "chance that a keyword is hidden", ge=0, lt=1)
    history_share: float = option(0.0, "chance that the flare history is hidden", ge=0, lt=1)
    hidden_together: tuple[str, ...] = option((), "keywords that a source lacks as a group")
    together_share: float = option(0.0, "chance that this group is hidden", ge=0, lt=1)


class BandConfig(Config):
    """The band of each probability: how far it moves when the model is fitted on other days.

    Stretches of 27 days of the training and validation cases are drawn with replacement.
    """

    kind: Literal["none", "model", "calibration"] = option(
        "none", "what is fitted again: nothing, the model, or its calibration alone if it is dear"
    )
    refits: int = option(60, "how often it is fitted again", ge=20, le=1000)


class RepeatConfig(Config):
    """One run for each value of one key of the recipe, such as the fold held out."""

    key: str = Field(description="where the value goes, such as split.test_fold")
    values: tuple[int, ...] = Field(min_length=2, max_length=1000, description="one run each")

    @model_validator(mode="after")
    def _one_run_each(self) -> RepeatConfig:
        if len(set(self.values)) < len(self.values):
            raise ValueError("values stand once each")
        return self


class Recipe(Config):
    """One model to be trained."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]*$", max_length=LONGEST_NAME, description="of the model"
    )
    version: str = Field(
        pattern=r"^\d+\.\d+\.\d+$", max_length=LONGEST_VERSION, description="of the model"
    )
    description: str = Field(description="one sentence for the model card")
    seed: int = Field(
        ge=0, le=2**31 - 1, description="every random choice of the run follows from it"
    )
    keywords: tuple[str, ...] = Field(max_length=MOST_FEATURES, description="inputs by name")
    history: tuple[str, ...] = option((), "inputs on the flares before t, by name")
    events: tuple[str, ...] = option(
        tuple(event.name for event in EVENTS), "what is forecast", min_length=1
    )
    min_events_train: int = option(
        20, "events in every fit, or the event is derived", ge=1, le=10**9
    )
    min_events_validation: int = option(
        10, "events in validation, or it is derived", ge=1, le=10**9
    )
    calibration: Literal["choose", "identity", "platt", "beta", "isotonic"] = option(
        "choose", "the map from raw to calibrated; choose: the best out of fold in validation"
    )
    max_missing_share: float = option(
        0.5,
        "share of missing inputs, flare history aside, beyond which nothing is forecast",
        ge=0,
        le=1,
    )
    threshold_score: Literal["tss", "hss2", "csi"] = option("tss", "what the threshold maximises")
    threshold_span: float = option(
        0.0,
        "smooths that score, whose peak can be luck where events are few: each threshold gets the"
        " mean over the thresholds whose share of yes forecasts differs by this much at most",
        ge=0,
        le=0.5,
    )
    data: AnyData = Field(description="which files are read, and how they are laid out")
    window: WindowConfig = option(WindowConfig(), "how many records before t are looked at")
    split: AnySplit = Field(description="which cases are for training, validation and test")
    hiding: MissingnessConfig = option(
        MissingnessConfig(), "inputs hidden in a copy of the training rows"
    )
    estimator: AnyEstimator = Field(description="what learns")
    band: BandConfig = option(BandConfig(), "the band of each probability")
    repeat: RepeatConfig | None = option(None, "one run for each value of a key")

    @model_validator(mode="after")
    def _names_are_known(self) -> Recipe:
        known = tuple(event.name for event in EVENTS)
        strange = set(self.events) - set(known)
        if strange:
            raise ValueError(f"no such event: {', '.join(sorted(strange))}")
        # A rarer event is never likelier than the one before it: the order is part of the model.
        if self.events != tuple(name for name in known if name in self.events):
            raise ValueError(f"events stand once each, in the order {', '.join(known)}")
        if not self.features or len(set(self.features)) < len(self.features):
            raise ValueError("keywords and history name at least one input, and none twice")
        looked_at = {
            name
            for member in members_of(self.estimator)
            for name in (*(member.inputs or ()), *getattr(member, "rising", ()))
        }
        foreign = sorted(looked_at - set(self.features))
        if foreign:
            raise ValueError(f"the estimator looks at {', '.join(foreign)}, no input of the recipe")
        unused = set(self.hiding.hidden_together) - set(self.keywords)
        if unused:
            raise ValueError(f"hiding.hidden_together: {', '.join(sorted(unused))} is no keyword")
        return self

    @model_validator(mode="after")
    def _copies_are_no_events(self) -> Recipe:
        augmentations = [member.augmentation for member in members_of(self.estimator)]
        if self.hiding.copy_weight and any(
            augmentation is not None and augmentation.kind != "undersample"
            for augmentation in augmentations
        ):
            raise ValueError(
                "hiding makes copies of events, which synthetic events must not be made from:"
                " choose hiding.copy_weight = 0 or no smote and timegan"
            )
        return self

    @model_validator(mode="after")
    def _embargo_covers_the_window(self) -> Recipe:
        reach = (self.window.steps - 1) * self.window.cadence_hours
        embargo = getattr(self.split, "embargo_hours", None)
        if embargo is not None and embargo < reach + self.horizon_hours:
            raise ValueError(
                f"split.embargo_hours must be at least {reach + self.horizon_hours:g}: the reach of"
                " the window and a horizon"
            )
        return self

    @property
    def horizon_hours(self) -> float:
        """How long after t the outcomes reach that the estimator learns from."""
        hazard = any(member.kind == "hazard" for member in members_of(self.estimator))
        return HAZARD_EDGES_HOURS[-1] if hazard else _DAY_HOURS

    @property
    def features(self) -> tuple[str, ...]:
        """The inputs of the model, in the order of its graph."""
        return self.keywords + self.history

    @property
    def embargo_hours(self) -> float | None:
        """The embargo of the split, or None where the source made the parts."""
        return getattr(self.split, "embargo_hours", None)

    def repeats(self) -> list[Recipe]:
        """Return the recipe of every run: itself, or one for each value of `repeat`."""
        if self.repeat is None:
            return [self]
        *path, last = self.repeat.key.split(".")
        return [self._with(path, last, value) for value in self.repeat.values]

    def _with(self, path: list[str], last: str, value: int) -> Recipe:
        plain: dict[str, Any] = self.model_dump(mode="json", exclude={"repeat"})
        place = plain
        for part in path:
            place = place.get(part, {}) if isinstance(place, dict) else {}
        if not isinstance(place, dict) or last not in place:
            raise InvalidInputError(f"{self.name}: repeat.key names no key of the recipe: {last}")
        place[last] = value
        plain["name"] = f"{self.name}-{last.replace('_', '-')}-{value}"
        try:
            return Recipe.model_validate(plain)
        except ValidationError as error:
            raise InvalidInputError(
                f"{self.name}: repeat.values: {value} does not suit"
                f" {'.'.join([*path, last])}: {error.errors()[0]['msg']}"
            ) from error


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe; unknown keys are refused with their place in the file."""
    if not path.is_file():
        raise InvalidInputError(f"no recipe at {path}; see model_training/recipes")
    return parse_recipe(_read_text(path), name=path.name)


def parse_recipe(text: str, *, name: str) -> Recipe:
    """Check the text of a recipe, called `name` in messages, which name the place of each fault.

    Raises
    ------
    InvalidInputError
        When it is no recipe; its cause is the ValidationError where TOML could be read.
    """
    try:
        return Recipe.model_validate(_parse_toml(text, name))
    except ValidationError as error:
        faults = [
            f"{'.'.join(str(part)[:_SHOWN] for part in fault['loc'])}: {fault['msg'][:_SHOWN]}"
            for fault in error.errors(include_input=False, include_url=False)
        ]
        more = f"; and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        raise InvalidInputError(f"{name}: {'; '.join(faults[:_MOST_FAULTS])}{more}") from error


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise _too_large(path.name)
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path.name} is not UTF-8 text; save it as such") from error
    except OSError as error:
        raise _no_toml(path.name, error) from error


def _parse_toml(text: str, name: str) -> dict[str, Any]:
    if len(text) > LARGEST_BYTES:
        raise _too_large(name)
    try:
        document = tomllib.loads(text)
        _refuse_extremes(name, document)
    except RecursionError as error:
        raise _too_deep(name) from error
    except ValueError as error:
        # A number of thousands of digits is a ValueError, as what is no TOML is.
        raise _no_toml(name, error) from error
    return document


def _refuse_extremes(name: str, document: dict[str, Any]) -> None:
    """Refuse tables in tables without end, and numbers that no option can mean."""
    level: list[Any] = [document]
    for _ in range(_DEEPEST):
        if not level:
            return
        parts = [part for part in level if isinstance(part, dict | list)]
        for number in (item for item in level if isinstance(item, int | float)):
            if not abs(number) <= _LARGEST_NUMBER:
                shown = f"{number:g}" if isinstance(number, float) else f"{str(number)[:20]}…"
                raise InvalidInputError(f"{name} holds the number {shown}; no option takes it")
        level = [
            item for part in parts for item in (part.values() if isinstance(part, dict) else part)
        ]
    raise _too_deep(name)


def _too_large(name: str) -> InvalidInputError:
    return InvalidInputError(f"{name} is larger than {LARGEST_BYTES >> 20} MiB, which is no recipe")


def _no_toml(name: str, error: Exception) -> InvalidInputError:
    reason = " ".join(str(error).split())[:_SHOWN]
    return InvalidInputError(f"{name} is not TOML: {reason}")


def _too_deep(name: str) -> InvalidInputError:
    return InvalidInputError(
        f"{name} has tables or lists within each other, more than {_DEEPEST} deep; no recipe"
        " needs them"
    )


def midnight(day: date) -> datetime:
    """Return the UTC midnight at which a day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
