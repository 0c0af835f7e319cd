"""The probe: a graph is opened and run in a limited child before any other process opens it.

A graph may loop for ever, want more memory than there is, or crash the runtime. What cannot be
detected: a graph that behaves for the inputs of the probe and not for others.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import orjson

from model_training.artefact import artifact
from model_training.artefact.artifact import Artifact, ContradictionError
from model_training.artefact.inference import (
    FAILED,
    ROWS_AT_ONCE,
    GraphError,
    GraphInference,
    input_shape,
)
from model_training.artefact.manifest import GRAPH, Manifest
from model_training.artefact.onnx_file import forbidden_content
from model_training.features import Inputs
from model_training.limited import ProcessLimits, run_limited
from solar.errors import ArtifactError

PROBED = "probed.json"
LIMITS = ProcessLimits()
# Of inputs in one batch: 64 MiB.
_MOST_NUMBERS = 2**24
# The artefacts that passed in this process, by the sha256 of their manifests.
_passed: set[str] = set()


def load(folder: Path, *, with_evaluation: bool = True, limits: ProcessLimits = LIMITS) -> Artifact:
    """Load an artefact after it has passed the probe; raises what `artifact.load` does."""
    probe(folder, with_evaluation=with_evaluation, limits=limits)
    return artifact.load(folder, with_evaluation=with_evaluation)


def probe(folder: Path, *, with_evaluation: bool = True, limits: ProcessLimits = LIMITS) -> None:
    """Refuse an artefact that a limited child cannot load and run; one that passed passes again.

    Raises
    ------
    ContradictionError
        With everything that does not agree, or is not allowed.
    ArtifactError
        When the child was stopped, or there is no manifest that can be read.
    """
    digest = artifact.sha256_of(folder)
    if digest in _passed or digest in _remembered(folder.parent):
        return
    if artifact.read_manifest(folder).remote is None:
        _run_child(folder, with_evaluation=with_evaluation, limits=limits)
    _passed.add(digest)


def remember(models: Path) -> None:
    """Note beside the artefacts of a folder which have passed, so that a server need not ask."""
    present = {artifact.sha256_of(path.parent) for path in models.glob(f"*/{artifact.MANIFEST}")}
    passed = sorted(present & (_remembered(models) | _passed))
    (models / PROBED).write_bytes(orjson.dumps(passed, option=orjson.OPT_INDENT_2) + b"\n")


def _remembered(models: Path) -> set[str]:
    try:
        content = orjson.loads((models / PROBED).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return set()
    items = content if isinstance(content, list) else []
    return {item for item in items if isinstance(item, str)}


def _run_child(folder: Path, *, with_evaluation: bool, limits: ProcessLimits) -> None:
    name = folder.resolve().name
    ended = run_limited(__name__, [str(folder), *["--all"] * with_evaluation], limits)
    if ended.stopped is not None:
        raise ArtifactError(
            f"model {name}: its graph {ended.stopped}; mend it, or leave the model out"
        )
    faults = orjson.loads(ended.output)
    if isinstance(faults, str):
        raise ArtifactError(faults)
    if faults:
        raise ContradictionError(name, faults)


def probes(manifest: Manifest) -> Inputs:
    """Return inputs without any value, of zeros, and of zeros with one feature missing each."""
    shape = input_shape(manifest)
    rows = np.zeros((2 + shape[-1], *shape), np.float32)
    rows[0] = np.nan
    for place in range(shape[-1]):
        rows[2 + place, ..., place] = np.nan
    return rows


def _faults(folder: Path, *, with_evaluation: bool) -> list[str]:
    manifest = artifact.read_manifest(folder)
    if GRAPH in manifest.files:
        forbidden = forbidden_content(artifact.read_graph(folder))
        if forbidden:
            return forbidden
    model = artifact.load(folder, with_evaluation=with_evaluation)
    if not isinstance(model.inference, GraphInference):
        return []
    rows = probes(manifest)
    most = max(_MOST_NUMBERS // rows[0].size, 1)
    try:
        model.inference.compute(rows[:most])
        # As many as a full batch has: some graphs need memory for every pair of rows.
        model.inference.compute(np.resize(rows, (min(ROWS_AT_ONCE, most), *rows.shape[1:])))
    except GraphError as error:
        return [error.detail.replace(FAILED, "its graph fails")]
    return []


def _main(folder: str, *options: str) -> None:
    faults: list[str] | str
    try:
        # The runtime prints some of its errors.
        with redirect_stdout(sys.stderr):
            faults = _faults(Path(folder), with_evaluation="--all" in options)
    except ContradictionError as error:
        faults = error.faults
    except ArtifactError as error:
        faults = str(error)
    sys.stdout.buffer.write(orjson.dumps(faults))


if __name__ == "__main__":
    _main(*sys.argv[1:])
