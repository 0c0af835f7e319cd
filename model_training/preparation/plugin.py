"""The imputer of another package: fitted on training windows, it must draw itself like ours."""

from __future__ import annotations

from model_training import plugins
from model_training.choices.preparation import PreparationChoice
from model_training.estimators.estimator import Inputs
from model_training.preparation.missing import fit_median
from model_training.preparation.step import Step, apply_all
from solar.errors import InvalidInputError


def fit_plugin(choice: PreparationChoice, windows: Inputs) -> tuple[Step, ...]:
    """Fit the imputer of a choice; what it leaves missing takes the training median.

    Raises
    ------
    InvalidInputError
        When it does not exist, refuses its options, is no `Step`, or changes the shape.
    """
    name = choice.imputer or ""
    fit = plugins.load(plugins.IMPUTERS, name)
    plugins.refuse_unknown_options(name, fit, choice.imputer_options, "windows")
    step: Step = fit(windows=windows, **choice.imputer_options)
    lacking = [method for method in ("apply", "draw", "names") if not hasattr(step, method)]
    if lacking:
        raise InvalidInputError(
            f"the imputer {name!r} returned {type(step).__name__}, which has no"
            f" {', '.join(lacking)}; docs/models.md says what a step is"
        )
    filled = apply_all((step,), windows)
    if filled.shape != windows.shape:
        raise InvalidInputError(
            f"the imputer {name!r} made windows of shape {filled.shape[1:]} from"
            f" {windows.shape[1:]}; an imputer fills values and leaves the rest as it is"
        )
    return step, fit_median(windows)
