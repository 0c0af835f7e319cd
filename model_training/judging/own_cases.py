"""The own cases of a model: those of the data and the split that its recipe names.

A model made here holds its recipe; for one made elsewhere, a recipe says what it is scored on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from model_training.artefact.artifact import Artifact
from model_training.artefact.manifest import LeakAudit, Manifest
from model_training.data import leak_audit, loading
from model_training.data.dataset import Dataset
from model_training.data.split import Split, split
from model_training.fitting.forecaster import make_plan
from model_training.fitting.out_of_fold import forecast_folds, place_of
from model_training.journal import Journal
from model_training.judging import noise_test
from model_training.judging.evaluation import evidence_of_test, evidence_of_validation
from model_training.judging.evidence import Evidence
from model_training.recipe.data import WindowConfig
from model_training.recipe.recipe import Recipe
from solar.errors import InvalidInputError


@dataclass(frozen=True)
class OwnCases:
    """A model and its cases; the paths of the recipe start from `folder`."""

    model: Artifact
    recipe: Recipe
    folder: Path
    dataset: Dataset
    parts: Split

    def evidence(self, part: str, *, journal: Journal) -> tuple[Evidence, ...]:
        """Forecast the cases of ``test`` or ``validation`` with the model and the baselines.

        The validation cases of a model made here are forecast out of fold, which fits it again.
        """
        if part == "test":
            return evidence_of_test(self.model, self.parts.test, past=self.dataset)
        if self.model.manifest.made_by == "elsewhere":
            return evidence_of_test(
                self.model, self.parts.validation, past=self.dataset, part="validation"
            )
        journal.tell_parts([place_of(fold) for fold in self.parts.folds])
        pool = forecast_folds(
            self.recipe,
            self.parts,
            plan=make_plan(self.recipe, self.parts),
            flares=loading.flares_of(self.recipe.data, self.folder),
            journal=journal,
        )
        return evidence_of_validation(self.model, pool, past=self.dataset)


def load_own_cases(model: Artifact, recipe: Recipe, folder: Path, *, journal: Journal) -> OwnCases:
    """Read and split the data of a recipe again.

    Raises
    ------
    InvalidInputError
        When the data lack what the model looks at, or have windows of another length.
    """
    journal.turn_to("reading the data")
    dataset = loading.load(recipe.data, folder, window=recipe.window)
    _refuse_other_cases(model, dataset)
    parts = split(dataset, recipe.split, seed=recipe.seed)
    return OwnCases(model, recipe, folder, dataset, parts)


def own_recipe(manifest: Manifest) -> Recipe:
    """Return the recipe that made a model.

    Raises
    ------
    InvalidInputError
        When it was made elsewhere, or by a recipe that is none any more.
    """
    if manifest.made_by == "elsewhere":
        raise InvalidInputError(
            f"{manifest.model_id} was made elsewhere, so that its training cannot be audited; run"
            " `flarewatch evaluate FOLDER --recipe RECIPE.toml --record`"
        )
    try:
        return Recipe.model_validate(manifest.recipe)
    except ValidationError as error:
        raise InvalidInputError(
            f"{manifest.model_id} holds no usable recipe ({error.errors()[0]['msg']}); train it"
            " again"
        ) from error


def as_scored(recipe: Recipe, manifest: Manifest) -> Recipe:
    """Return a recipe with the windows that a model made elsewhere looks at."""
    window = WindowConfig(
        steps=manifest.window_length,
        cadence_hours=manifest.cadence_seconds / 3600,
        tolerance_hours=manifest.tolerance_seconds / 3600,
    )
    return recipe.model_copy(update={"window": window})


def audit_split(recipe: Recipe, folder: Path, *, journal: Journal) -> LeakAudit:
    """Split the data of a recipe again, check the parts, and try the recipe on noise."""
    journal.turn_to("reading the data")
    dataset = loading.load(recipe.data, folder, window=recipe.window)
    parts = split(dataset, recipe.split, seed=recipe.seed)
    journal.tell_parts([noise_test.PART])
    journal.turn_to("fitting on noise")
    noise = noise_test.run(recipe, parts, journal=journal)
    journal.turn_to(f"checking the parts of {len(dataset)} cases")
    return leak_audit.audit(
        recipe,
        parts,
        dataset=dataset,
        fitted_on=parts.train,
        calibrated_on=parts.validation,
        noise=noise,
    )


def _refuse_other_cases(model: Artifact, dataset: Dataset) -> None:
    absent = [name for name in model.feature_names if name not in dataset.names]
    if absent:
        raise InvalidInputError(
            f"the data set has no {', '.join(absent)}, which {model.model_id} looks at; choose"
            " another recipe"
        )
    if dataset.window_length != model.manifest.window_length:
        raise InvalidInputError(
            f"the data set has windows of {dataset.window_length} steps, {model.model_id} looks at"
            f" {model.manifest.window_length}; choose another recipe"
        )
