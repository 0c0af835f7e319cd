"""Split configuration: the cases that a model is fitted on, decided on and tested on."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from model_training.recipe.config import Config, option

_TEN_YEARS_HOURS = 87_660
Year = Annotated[int, Field(ge=1900, le=2200)]
_EMBARGO = (
    "time between the end of a forecast window and the next part; at least the reach of the"
    " observation window and a horizon"
)


class RollingYearsConfig(Config):
    """Every validation year is forecast from the rows before it; the test comes after them.

    Every decision rests on the validation years, each forecast by a model fitted before it.
    The model that serves is fitted on all rows before `test_from`. Borders are UTC midnights.
    """

    kind: Literal["rolling-years"]
    validation_years: tuple[Year, ...] = Field(min_length=1, description="in rising order")
    test_from: date = Field(description="first day of the test")
    embargo_hours: float = option(24.0, _EMBARGO, unit="h", ge=24, le=_TEN_YEARS_HOURS)

    @model_validator(mode="after")
    def _years_precede_the_test(self) -> RollingYearsConfig:
        years = self.validation_years
        if list(years) != sorted(set(years)):
            raise ValueError("validation_years must rise")
        if date(years[-1] + 1, 1, 1) > self.test_from:
            raise ValueError(f"validation year {years[-1]} ends after test_from {self.test_from}")
        return self


class ChronologicalConfig(Config):
    """Training, validation and test rows follow each other; the fit sees the first alone."""

    kind: Literal["chronological"]
    validate_from: date = Field(description="first day of the validation rows")
    test_from: date = Field(description="first day of the test")
    embargo_hours: float = option(24.0, _EMBARGO, unit="h", ge=24, le=_TEN_YEARS_HOURS)

    @model_validator(mode="after")
    def _in_order(self) -> ChronologicalConfig:
        if self.validate_from >= self.test_from:
            raise ValueError("validate_from must be before test_from")
        return self


class FoldsConfig(Config):
    """Folds that the source made; one is the test, every other is forecast from the rest.

    Such folds share no region, but they share the time.
    """

    kind: Literal["folds"]
    test_fold: int = Field(description="the fold held out", ge=0, le=10**6)


class PartsConfig(Config):
    """Parts that the source made: fold 0 is for training, 1 for validation, 2 for the test."""

    kind: Literal["parts"]
    training_groups: int = option(
        0,
        "the training regions are cut into so many groups; each is forecast by a model fitted"
        " on the others, and calibration and threshold use these forecasts too;"
        " 0: they use the validation part alone",
        ge=0,
        le=50,
    )


class BlocksConfig(Config):
    """Blocks of time dealt to groups at random; one group is the test, as with folds.

    A region belongs to the block in which it is first seen, its later rows are left out, and
    so are rows whose observation and forecast windows, with the embargo, leave their block.
    """

    kind: Literal["blocks"]
    groups: int = option(5, "number of groups", ge=3, le=50)
    test_group: int = option(0, "the group held out", ge=0, le=49)
    block_days: float = option(54.0, "length of a block", unit="d", gt=2, le=36_525)
    embargo_hours: float = option(24.0, _EMBARGO, unit="h", ge=24, le=_TEN_YEARS_HOURS)

    @model_validator(mode="after")
    def _group_exists(self) -> BlocksConfig:
        if self.test_group >= self.groups:
            raise ValueError(f"test_group counts from 0 to {self.groups - 1}")
        return self


AnySplit = Annotated[
    RollingYearsConfig | ChronologicalConfig | FoldsConfig | PartsConfig | BlocksConfig,
    Field(discriminator="kind"),
]
