"""Options of a logistic regression: which penalty, and the solvers that know it."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from model_training.choices.strict import Choice, option

Penalty = Literal["l2", "l1", "none"]
Solver = Literal["lbfgs", "liblinear", "sag", "saga"]
_SOLVERS_OF: dict[Penalty, tuple[Solver, ...]] = {
    "l2": ("lbfgs", "liblinear", "sag", "saga"),
    "l1": ("liblinear", "saga"),
    "none": ("lbfgs", "sag", "saga"),
}


class RegressionOptions(Choice):
    """Options of a logistic regression."""

    penalty: Penalty = option("l2", "l2 shrinks weights, l1 drops some, none does neither")
    inverse_penalty: float = option(1.0, "C: the smaller, the stronger the penalty", gt=0, le=1e6)
    solver: Solver = option("lbfgs", "l1 needs liblinear or saga; none cannot use liblinear")
    max_iterations: int = option(5000, "of the solver", ge=1, le=100_000)

    @model_validator(mode="after")
    def _solver_knows_the_penalty(self) -> RegressionOptions:
        if self.solver not in _SOLVERS_OF[self.penalty]:
            allowed = ", ".join(_SOLVERS_OF[self.penalty])
            raise ValueError(f"penalty {self.penalty} needs one of the solvers {allowed}")
        return self
