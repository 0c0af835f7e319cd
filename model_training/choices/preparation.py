"""The choice of preparation: what stands in for missing values, and on which scale inputs are."""

from __future__ import annotations

from typing import Literal

from model_training.choices.strict import Choice, option

Missing = Literal["learned", "drop", "mean", "linear", "last"]
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
        " (all three end in the training median where the window has nothing to offer)",
    )
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
