"""The choice of preparation: what stands in for missing values, and on which scale inputs are."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from model_training.choices.strict import Choice, option

Missing = Literal["learned", "drop", "mean", "linear", "last", "plugin"]
Scaling = Literal["none", "z-score", "min-max", "robust", "signed-log"]
Statistic = Literal[
    "last", "mean", "std", "weighted-mean", "first", "max", "min", "slope"
]  # fmt: skip


class PreparationChoice(Choice):
    """Steps that are fitted on training rows and become part of the graph."""

    missing: Missing = option(
        "learned",
        "learned: trees get NaN, others the training median and a flag of its own weight;"
        " drop: leave such rows out, and withhold the forecast when serving;"
        " mean: of the window's known values; linear: between known steps; last: the step before"
        " plugin: the `imputer` of another package"
        " (the last four end in the training median where the window has nothing to offer)",
    )
    imputer: str | None = option(None, "name of the plug-in that fills missing values")
    imputer_options: dict[str, Any] = option({}, "its options")
    limit_steps: int = option(
        5, "longest gap that linear and last may bridge", unit="steps", ge=1, le=1000
    )
    scaling: Scaling = option(
        "signed-log",
        "z-score: mean 0, deviation 1; min-max: 0 to 1; robust: median 0, quartile range 1;"
        " signed-log: asinh(x / smallest tenth), then z-score; all by training rows",
    )
    statistics: tuple[Statistic, ...] = option(
        ("last",), "what estimators of one row see of a window, in this order", min_length=1
    )

    @model_validator(mode="after")
    def _an_imputer_where_one_is_asked_for(self) -> PreparationChoice:
        if (self.missing == "plugin") != (self.imputer is not None):
            raise ValueError('an imputer is named with missing = "plugin", and only then')
        return self
