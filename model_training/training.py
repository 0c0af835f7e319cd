"""A training run: from a recipe and the data folder to a graph and its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import orjson

from model_training import datasets, export, forecaster, leakage
from model_training.artifact import GRAPH, MANIFEST, Artifact
from model_training.datasets import Dataset
from model_training.decisions import decide
from model_training.evaluation import evaluate, evaluate_validation
from model_training.forecaster import Forecaster, make_plan
from model_training.manifest import Manifest
from model_training.pool import forecast_folds
from model_training.recipe import Recipe, midnight
from model_training.record import Run, describe
from model_training.splits import split
from model_training.truth import read_flares
from solar.errors import ArtifactError

PARITY_LIMIT = 1e-5
_PARITY_HIDDEN_SHARE = 0.3


@dataclass(frozen=True)
class Trained:
    """What a run yields: the files of an artefact, not yet written."""

    manifest: Manifest
    graph: bytes

    def write(self, folder: Path) -> Path:
        """Write the artefact to ``folder/NAME-VERSION`` and return that path."""
        target = folder / f"{self.manifest.name}-{self.manifest.version}"
        target.mkdir(parents=True, exist_ok=True)
        (target / GRAPH).write_bytes(self.graph)
        text = orjson.dumps(self.manifest.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
        (target / MANIFEST).write_bytes(text + b"\n")
        return target


def train(recipe: Recipe, folder: Path) -> Trained:
    """Forecast the validation years, decide on them, then fit on all rows before the test.

    Raises
    ------
    ArtifactError
        When the exported graph does not agree with the fitted model.
    InvalidInputError
        When too few events are there to learn from.
    """
    everything = datasets.load(recipe.data, folder)
    flares = read_flares(folder / recipe.data.flares)
    parts = split(everything, recipe.split)
    plan = make_plan(recipe, parts)
    pool = forecast_folds(recipe, parts, plan=plan, flares=flares)
    until = midnight(recipe.split.test_from)
    final = forecaster.fit(recipe, parts.train, plan=plan, flares=flares, until=until)
    graph = final.to_onnx(len(recipe.features))
    audit = leakage.audit(
        parts, fitted_on=parts.train, calibrated_on=pool.rows,
        embargo_hours=recipe.split.embargo_hours,
    )  # fmt: skip
    run = Run(
        recipe, parts, events=decide(recipe, pool, final, train=parts.train), audit=audit,
        parity=_parity(recipe, final, graph, rows=pool.rows), everything=everything,
        n_flares=len(flares.flux), pool=pool, graph=export.to_bytes(graph),
    )  # fmt: skip
    return Trained(_with_scores(describe(run, folder), run), run.graph)


def _parity(recipe: Recipe, final: Forecaster, graph: onnx.ModelProto, *, rows: Dataset) -> float:
    whole = rows.matrix(recipe.features)
    hidden = np.random.default_rng(recipe.seed).random(whole.shape) < _PARITY_HIDDEN_SHARE
    hidden[0] = True
    inputs = np.vstack([whole, np.where(hidden, np.float32(np.nan), whole)])
    difference = float(np.abs(export.run(graph, inputs) - final.predict(inputs)).max())
    if difference > PARITY_LIMIT:
        raise ArtifactError(
            f"{recipe.name}: the exported graph differs by {difference:.1e} from the fitted model;"
            " trees need every feature missing in some training rows: raise missing.copy_weight"
        )
    return difference


def _with_scores(manifest: Manifest, run: Run) -> Manifest:
    artifact, past = Artifact(manifest, run.graph), run.everything
    scores = {
        "validation": evaluate_validation(artifact, run.pool, past=past),
        "test": evaluate(artifact, run.parts.test, past=past),
    }
    return manifest.model_copy(update={"scores": scores})
