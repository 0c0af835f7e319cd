"""A training run: from a recipe and the data folder to a graph, its manifest and its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import orjson

from model_training import forecaster, graph, pool
from model_training.artifact import GRAPH, MANIFEST, Artifact
from model_training.choices.estimators import LogisticRegressionChoice, members_of
from model_training.datasets import loading
from model_training.datasets.dataset import Dataset
from model_training.decisions import decide
from model_training.evaluation import (
    REFERENCE,
    Rival,
    evidence_of_test,
    evidence_of_validation,
)
from model_training.evidence import Evidence
from model_training.features import FlareHistory
from model_training.forecaster import Forecaster, make_plan
from model_training.inference import GraphInference
from model_training.journal import Journal
from model_training.manifest import EventModel, LeakAudit, Manifest
from model_training.pool import Pool
from model_training.recipe import Recipe
from model_training.record import Run, describe
from model_training.score_book import book
from model_training.splits import leakage
from model_training.splits.parts import Split
from model_training.splits.splitting import split
from solar.errors import ArtifactError, InvalidInputError
from solar.flares import HORIZON

PARITY_LIMIT = 1e-5
_PARITY_HIDDEN_SHARE = 0.3
_PARITY_CASES = 4096


@dataclass(frozen=True)
class Trained:
    """What a run yields, not yet written: an artefact, and what it can be judged by."""

    recipe: Recipe
    manifest: Manifest
    audit: LeakAudit
    graph: bytes
    evidence: tuple[Evidence, ...]
    parts: Split
    pool: Pool

    def write(self, folder: Path) -> Path:
        """Write the artefact to ``folder/NAME-VERSION`` and return that path."""
        target = folder / f"{self.manifest.name}-{self.manifest.version}"
        target.mkdir(parents=True, exist_ok=True)
        (target / GRAPH).write_bytes(self.graph)
        text = orjson.dumps(self.manifest.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
        (target / MANIFEST).write_bytes(text + b"\n")
        return target


@dataclass(frozen=True)
class Fitted:
    """A recipe carried through: out-of-fold forecasts, the final model, and the decisions."""

    pool: Pool
    final: Forecaster
    events: tuple[EventModel, ...]


def train(recipe: Recipe, folder: Path, *, journal: Journal | None = None) -> Trained:
    """Forecast the validation cases, decide on them, then fit the model that serves.

    Raises
    ------
    ArtifactError
        When the exported graph does not agree with the fitted model.
    InvalidInputError
        When too few events are there to learn from, or the leak audit fails.
    StoppedError
        When the run was asked to stop; its checkpoints are kept.
    """
    journal = journal or Journal()
    everything = loading.load(recipe.data, folder, window=recipe.window)
    _refuse_what_the_data_lack(recipe, everything)
    flares = loading.flares_of(recipe.data, folder)
    parts = split(everything, recipe.split, seed=recipe.seed)
    fitted = carry_through(recipe, parts, flares, journal)
    audit = leakage.gate(recipe, leakage.audit(
        recipe, parts, everything=everything, fitted_on=fitted.final.fitted_on,
        calibrated_on=fitted.pool.rows,
    ))  # fmt: skip
    drawn = graph.named(
        fitted.final.to_onnx(steps=everything.window_length, features=len(recipe.features)),
        recipe.features,
    )
    run = Run(
        recipe, parts, events=fitted.events, audit=audit,
        parity=_parity(recipe, fitted, drawn), everything=everything,
        flares=flares, pool=fitted.pool, graph=graph.to_bytes(drawn),
    )  # fmt: skip
    manifest = describe(run, folder)
    reference = _reference(recipe, parts, flares, journal)
    evidence = _evidence(
        Artifact(manifest, GraphInference(manifest, run.graph)), fitted, reference, run
    )
    manifest = manifest.model_copy(update={"scores": book(evidence)})
    return Trained(recipe, manifest, audit, run.graph, evidence, parts, fitted.pool)


def _refuse_what_the_data_lack(recipe: Recipe, everything: Dataset) -> None:
    strange = [name for name in recipe.features if name not in everything.names]
    if strange:
        raise InvalidInputError(
            f"{recipe.name}: the data set has no {', '.join(strange)}; it has"
            f" {', '.join(everything.names)}"
        )
    absent = [name for name in recipe.events if name not in everything.truth]
    if absent:
        raise InvalidInputError(
            f"{recipe.name}: the data set does not tell {', '.join(absent)}; choose events from"
            f" {', '.join(everything.truth)}"
        )
    # Windows that the source made may be longer than the recipe knows.
    needed = everything.reach_hours + HORIZON.total_seconds() / 3600
    if recipe.embargo_hours is not None and recipe.embargo_hours < needed:
        raise InvalidInputError(
            f"{recipe.name}: split.embargo_hours must be at least {needed:g}: the windows of the"
            f" data set reach back {everything.reach_hours:g} h, and there is the horizon"
        )


def carry_through(
    recipe: Recipe, parts: Split, flares: FlareHistory | None, journal: Journal
) -> Fitted:
    plan = make_plan(recipe, parts)
    found = pool.forecast_folds(recipe, parts, plan=plan, flares=flares, journal=journal)
    final = forecaster.fit(
        recipe, parts.train, plan=plan, flares=flares, until=parts.until,
        journal=journal.within("final"),
    )  # fmt: skip
    return Fitted(found, final, decide(recipe, found, final, train=parts.train))


def _reference(
    recipe: Recipe, parts: Split, flares: FlareHistory | None, journal: Journal
) -> Fitted | None:
    """Fit the plain logistic regression on the same cases, unless the recipe is just that."""
    plain = LogisticRegressionChoice(kind="logistic-regression")
    if recipe.estimator == plain:
        return None
    return carry_through(
        recipe.model_copy(update={"estimator": plain}), parts, flares, journal.within(REFERENCE)
    )


def _parity(recipe: Recipe, fitted: Fitted, drawn: onnx.ModelProto) -> float:
    rng = np.random.default_rng(recipe.seed)
    cases = fitted.pool.rows
    if len(cases) > _PARITY_CASES:
        cases = cases.take(np.sort(rng.choice(len(cases), _PARITY_CASES, replace=False)))
    whole = cases.windows(recipe.features)
    hidden = rng.random(whole.shape) < _PARITY_HIDDEN_SHARE
    hidden[0] = True
    windows = np.concatenate([whole, np.where(hidden, np.float32(np.nan), whole)])
    inputs = windows[:, 0] if cases.window_length == 1 else windows
    difference = float(np.abs(graph.run(drawn, inputs) - fitted.final.predict(windows)).max())
    if not difference <= PARITY_LIMIT:
        raise ArtifactError(
            f"{recipe.name}: the exported graph differs by {difference:.1e} from the fitted model;"
            f" {_way_to_parity(recipe)}"
        )
    return difference


def _way_to_parity(recipe: Recipe) -> str:
    if any(member.kind == "gradient-boosting" for member in members_of(recipe.estimator)):
        return "trees need every feature missing in some training rows: raise hiding.copy_weight"
    if any(
        member.kind == "plugin" or member.preparation.missing == "plugin"
        for member in members_of(recipe.estimator)
    ):
        return "a plug-in draws another function than it computes: mend its draw"
    return "it jumps between inputs that are nearly equal: choose another preparation"


def _evidence(
    artifact: Artifact, fitted: Fitted, reference: Fitted | None, run: Run
) -> tuple[Evidence, ...]:
    test = run.parts.test
    on_validation = on_test = None
    if reference is not None:
        thresholds = {
            event.name: event.threshold for event in reference.events if event.threshold is not None
        }
        raw = reference.final.predict(test.windows(run.recipe.features))
        on_validation = Rival(reference.pool.calibrated(reference.events), thresholds)
        on_test = Rival(pool.as_served(reference.events, raw), thresholds)
    return (
        *evidence_of_validation(artifact, fitted.pool, past=run.everything, rival=on_validation),
        *evidence_of_test(artifact, test, past=run.everything, rival=on_test),
    )
