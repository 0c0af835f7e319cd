"""A training run: from a recipe and the data folder to a graph, its manifest and its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import orjson

from model_training.artefact import graph
from model_training.artefact.artifact import MANIFEST, Artifact
from model_training.artefact.inference import GraphInference
from model_training.artefact.manifest import GRAPH, EventModel, LeakAudit, Manifest
from model_training.data import leak_audit, loading
from model_training.data.dataset import Dataset
from model_training.data.split import Split, split
from model_training.features import FlareHistory
from model_training.fitting import forecaster, refits
from model_training.fitting.decisions import decide, decide_targets
from model_training.fitting.forecaster import Forecaster, make_plan
from model_training.fitting.out_of_fold import (
    OutOfFold,
    calibrated_as_served,
    forecast_folds,
    place_of,
)
from model_training.journal import Journal
from model_training.judging import noise_test
from model_training.judging.evaluation import (
    PLAIN,
    REFERENCE,
    ReferenceForecasts,
    evidence_of_test,
    evidence_of_validation,
)
from model_training.judging.evidence import Evidence
from model_training.judging.judgement import manifest_scores
from model_training.recipe.estimators import members_of
from model_training.recipe.recipe import Recipe
from model_training.run_manifest import Run, describe
from solar.errors import ArtifactError, InvalidInputError

PARITY_LIMIT = 1e-5
_PARITY_HIDDEN_SHARE = 0.3
_PARITY_CASES = 4096
_FINAL, _SCORING = "final", "scoring"


@dataclass(frozen=True)
class TrainingResult:
    """The result of a run, not yet written: an artefact and its evidence."""

    recipe: Recipe
    manifest: Manifest
    audit: LeakAudit
    graph: bytes
    evidence: tuple[Evidence, ...]
    parts: Split
    out_of_fold: OutOfFold

    def write(self, folder: Path) -> Path:
        """Write the artefact to ``folder/NAME-VERSION`` and return that path."""
        target = folder / f"{self.manifest.name}-{self.manifest.version}"
        target.mkdir(parents=True, exist_ok=True)
        (target / GRAPH).write_bytes(self.graph)
        text = orjson.dumps(self.manifest.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
        (target / MANIFEST).write_bytes(text + b"\n")
        return target


@dataclass(frozen=True)
class FittedRecipe:
    """A fitted recipe: out-of-fold forecasts, the final model, and the decisions."""

    out_of_fold: OutOfFold
    final: Forecaster
    events: tuple[EventModel, ...]
    targets: tuple[EventModel, ...]


def train(recipe: Recipe, folder: Path, *, journal: Journal | None = None) -> TrainingResult:
    """Test the recipe on noise, forecast the validation cases, decide on them, and fit the model.

    Raises
    ------
    ArtifactError
        When the exported graph does not agree with the fitted model.
    InvalidInputError
        When too few events are there to learn from, or the noise test or the leak audit fails.
    StoppedError
        When the run was asked to stop; its checkpoints are kept.
    """
    journal = journal or Journal()
    journal.turn_to("reading the data")
    dataset = loading.load(recipe.data, folder, window=recipe.window)
    refuse_what_the_data_lack(recipe, dataset)
    flares = loading.flares_of(recipe.data, folder)
    parts = split(dataset, recipe.split, seed=recipe.seed)
    _tell_plan(recipe, parts, dataset, journal)
    journal.turn_to("fitting on noise")
    noise = noise_test.run(recipe, parts, journal=journal)
    noise_test.gate(recipe, noise)
    fitted = _with_bands(recipe, parts, flares, fit_recipe(recipe, parts, flares, journal), journal)
    audit = leak_audit.gate(
        recipe,
        leak_audit.audit(
            recipe,
            parts,
            dataset=dataset,
            fitted_on=fitted.final.fitted_on,
            calibrated_on=fitted.out_of_fold.rows,
            noise=noise,
        ),
    )
    journal.turn_to(f"leak audit passed ({len(audit.checks)} checks); exporting the model")
    model = graph.named(
        fitted.final.to_onnx(steps=dataset.window_length, features=len(recipe.features)),
        recipe.features,
    )
    run = Run(
        recipe,
        parts,
        events=fitted.events,
        targets=fitted.targets,
        audit=audit,
        parity=_parity(recipe, fitted, model),
        dataset=dataset,
        flares=flares,
        out_of_fold=fitted.out_of_fold,
        graph=graph.to_bytes(model),
    )
    manifest = describe(run, folder)
    reference = _reference(recipe, parts, flares, journal)
    journal.within(_SCORING).turn_to("beside the baselines")
    evidence = _evidence(
        Artifact(manifest, GraphInference(manifest, run.graph)), fitted, reference, run
    )
    manifest = manifest.model_copy(update={"scores": manifest_scores(evidence)})
    return TrainingResult(recipe, manifest, audit, run.graph, evidence, parts, fitted.out_of_fold)


def _tell_plan(recipe: Recipe, parts: Split, dataset: Dataset, journal: Journal) -> None:
    reference = [] if _is_plain(recipe) else [REFERENCE]
    band = [] if recipe.band.kind == "none" else [refits.PART]
    fits = [*_parts_of_fit(parts), *band, *reference]
    journal.tell_parts([noise_test.PART, *fits, _SCORING])
    journal.turn_to(
        f"{len(dataset)} cases of {dataset.window_length} steps: {len(parts.train)} to train on,"
        f" {len(parts.validation)} to validate in {len(parts.folds)} folds, {len(parts.test)} to"
        " test"
    )


def refuse_what_the_data_lack(recipe: Recipe, dataset: Dataset) -> None:
    """Raise InvalidInputError where a data set lacks features, events or reach of a recipe."""
    unknown = [name for name in recipe.features if name not in dataset.names]
    if unknown:
        raise InvalidInputError(
            f"{recipe.name}: the data set has no {', '.join(unknown)}; it has"
            f" {', '.join(dataset.names)}"
        )
    absent = [name for name in recipe.events if name not in dataset.truth]
    if absent:
        raise InvalidInputError(
            f"{recipe.name}: the data set does not tell {', '.join(absent)}; choose events from"
            f" {', '.join(dataset.truth)}"
        )
    # Windows that the source made may be longer than the recipe knows.
    needed = dataset.reach_hours + recipe.horizon_hours
    if recipe.embargo_hours is not None and recipe.embargo_hours < needed:
        raise InvalidInputError(
            f"{recipe.name}: split.embargo_hours must be at least {needed:g}: the windows of the"
            f" data set reach back {dataset.reach_hours:g} h, and there is the horizon"
        )


def fit_recipe(
    recipe: Recipe, parts: Split, flares: FlareHistory | None, journal: Journal
) -> FittedRecipe:
    """Fit each fold and forecast its cases, then fit the model that serves and decide on it."""
    plan = make_plan(recipe, parts)
    journal.tell_parts(_parts_of_fit(parts))
    out_of_fold = forecast_folds(recipe, parts, plan=plan, flares=flares, journal=journal)
    last = journal.within(_FINAL)
    last.turn_to(f"fitting {len(parts.train)} cases")
    final = forecaster.fit(
        recipe,
        parts.train,
        plan=plan,
        flares=flares,
        until=parts.until,
        journal=last,
    )
    return FittedRecipe(
        out_of_fold,
        final,
        decide(recipe, out_of_fold, final, train=parts.train),
        decide_targets(recipe, out_of_fold, final, train=parts.train),
    )


def _with_bands(
    recipe: Recipe,
    parts: Split,
    flares: FlareHistory | None,
    fitted: FittedRecipe,
    journal: Journal,
) -> FittedRecipe:
    """Fit again on other days, if the recipe asks for bands."""
    once = refits.Fitted(recipe, parts, fitted.final.plan, flares, fitted.out_of_fold)
    all_targets = (*fitted.events, *fitted.targets)
    bands = refits.fit_bands(once, all_targets, journal=journal.within(refits.PART))

    def with_band(targets: Sequence[EventModel]) -> tuple[EventModel, ...]:
        return tuple(one.model_copy(update={"band": bands.get(one.name)}) for one in targets)

    return replace(fitted, events=with_band(fitted.events), targets=with_band(fitted.targets))


def _parts_of_fit(parts: Split) -> list[str]:
    return [*(place_of(fold) for fold in parts.folds), _FINAL]


def _is_plain(recipe: Recipe) -> bool:
    return recipe.estimator == PLAIN


def _reference(
    recipe: Recipe, parts: Split, flares: FlareHistory | None, journal: Journal
) -> FittedRecipe | None:
    """Fit the plain logistic regression on the same cases, unless the recipe is just that."""
    if _is_plain(recipe):
        return None
    return fit_recipe(
        recipe.model_copy(update={"estimator": PLAIN}), parts, flares, journal.within(REFERENCE)
    )


def _parity(recipe: Recipe, fitted: FittedRecipe, model: onnx.ModelProto) -> float:
    rng = np.random.default_rng(recipe.seed)
    cases = fitted.out_of_fold.rows
    if len(cases) > _PARITY_CASES:
        cases = cases.take(np.sort(rng.choice(len(cases), _PARITY_CASES, replace=False)))
    complete = cases.windows(recipe.features)
    hidden = rng.random(complete.shape) < _PARITY_HIDDEN_SHARE
    hidden[0] = True
    windows = np.concatenate([complete, np.where(hidden, np.float32(np.nan), complete)])
    inputs = windows[:, 0] if cases.window_length == 1 else windows
    expected = np.hstack([fitted.final.predict(windows), fitted.final.predict_windows(windows)])
    difference = float(np.abs(graph.run(model, inputs) - expected).max())
    if not difference <= PARITY_LIMIT:
        raise ArtifactError(
            f"{recipe.name}: the exported graph differs by {difference:.1e} from the fitted model;"
            f" {_parity_advice(recipe)}"
        )
    return difference


def _parity_advice(recipe: Recipe) -> str:
    if any(member.kind == "gradient-boosting" for member in members_of(recipe.estimator)):
        return "trees need every feature missing in some training rows: raise hiding.copy_weight"
    if any(
        member.kind == "plugin" or member.preparation.missing == "plugin"
        for member in members_of(recipe.estimator)
    ):
        return "a plug-in exports another function than it computes: mend its to_onnx"
    return "it jumps between inputs that are nearly equal: choose another preparation"


def _evidence(
    artifact: Artifact, fitted: FittedRecipe, reference: FittedRecipe | None, run: Run
) -> tuple[Evidence, ...]:
    test = run.parts.test
    on_validation = on_test = None
    if reference is not None:
        thresholds = {
            event.name: event.threshold for event in reference.events if event.threshold is not None
        }
        raw = reference.final.predict(test.windows(run.recipe.features))
        on_validation = ReferenceForecasts(
            reference.out_of_fold.calibrated(reference.events), thresholds
        )
        on_test = ReferenceForecasts(calibrated_as_served(reference.events, raw), thresholds)
    return (
        *evidence_of_validation(
            artifact, fitted.out_of_fold, past=run.dataset, reference=on_validation
        ),
        *evidence_of_test(artifact, test, past=run.dataset, reference=on_test),
    )
