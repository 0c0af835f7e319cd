"""An artefact: the folder of a trained model, checked on loading, that scores rows by name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from model_training.artefact.contradictions import contradictions, warnings_of
from model_training.artefact.inference import GraphInference, Inference, input_shape
from model_training.artefact.manifest import GRAPH, Evaluation, Manifest
from model_training.artefact.remote import RemoteInference
from model_training.features import Floats, Inputs
from solar.consistency import consistent
from solar.errors import ArtifactError, InvalidInputError
from solar.flares import TARGETS, event

MANIFEST = "manifest.json"
EVALUATION = "evaluation.json"
NO_PROBABILITY = "the output of the model is no probability"
_LEVELS = np.array(["full", "partial", "none"])
# Sums in single precision may end this far beyond 0 and 1.
_ROUNDING = 1e-6
# No protobuf message is larger; ours have a manifest of 100 kB.
_LARGEST_GRAPH = 2**31 - 1
_LARGEST_TEXT = 8 * 2**20


@dataclass(frozen=True)
class Scores:
    """Probabilities of n rows for the events of the manifest, and its other targets, in its order.

    Parameters
    ----------
    raw, calibrated : (n, n_events); NaN = no forecast. `calibrated` does not rise from one
        event to the next, rarer one.
    leads : (n, n_targets) as `calibrated`, consistent with it and in themselves
    repaired : (n,) int64, bit k tells that consistency moved the probability of `TARGETS[k]`
    imputed_share : (n,) share of the inputs, over all steps, that were missing
    fallback_level : (n,) "full", "partial" (some features imputed) or "none"
    reason : why a row has no forecast; None where it has one
    """

    raw: Floats
    calibrated: Floats
    leads: Floats
    repaired: NDArray[np.int64]
    imputed_share: Floats
    fallback_level: NDArray[np.str_]
    reason: list[str | None]


class ContradictionError(ArtifactError):
    """The files of an artefact contradict each other; `faults` has a sentence for each."""

    def __init__(self, folder: str, faults: list[str]) -> None:
        super().__init__(f"model {folder}: {'; '.join(faults)}")
        self.faults = faults


class Artifact:
    """A loaded model; `score` is safe to call from several threads.

    `evaluation` holds the scores measured here of a model made elsewhere, None if there are none.
    """

    def __init__(
        self, manifest: Manifest, inference: Inference, evaluation: Evaluation | None = None
    ) -> None:
        self.manifest = manifest
        self.inference = inference
        self.evaluation = evaluation
        self._is_keyword = np.array([item.kind != "history" for item in manifest.features])
        self._shape = input_shape(manifest)
        self._targets = tuple(event(target.name) for target in manifest.all_targets)
        self._bits = np.array([1 << TARGETS.index(target) for target in self._targets], np.int64)

    @property
    def model_id(self) -> str:
        """``name@version``, the key under which forecasts are stored."""
        return self.manifest.model_id

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The inputs, keywords and history."""
        return self.manifest.feature_names

    @property
    def thresholds(self) -> dict[str, float | None]:
        """The decision threshold of each event on the calibrated probability, frozen."""
        return {event.name: event.threshold for event in self.manifest.events}

    @property
    def warnings(self) -> list[str]:
        """Warnings about the manifest, one sentence each; the model is served all the same."""
        return warnings_of(self.manifest)

    def refuse_other_remote(self) -> None:
        """Ask a remote model for its features, and refuse it where its manifest differs."""
        if isinstance(self.inference, RemoteInference):
            self.inference.refuse_other_model()

    def score(self, features: Mapping[str, Floats]) -> Scores:
        """Forecast n rows from named features; NaN and absent names are missing.

        Parameters
        ----------
        features : name -> (n,), or (n, L) for a model whose windows have L > 1 steps, the
            last at t
        """
        return self.score_inputs(self._inputs(features))

    def matrix(self, features: Mapping[str, Floats]) -> Inputs:
        """Stack features (n,) in the order of the model, (n, f): the steps of its windows."""
        rows = max((len(column) for column in features.values()), default=0)
        matrix = np.full((rows, len(self.feature_names)), np.nan, np.float32)
        for place, name in enumerate(self.feature_names):
            if name in features:
                matrix[:, place] = features[name]
        return matrix

    def score_inputs(self, inputs: Inputs) -> Scores:
        """Forecast n rows from inputs as the graph takes them, (n, f) or (n, L, f)."""
        steps = self.manifest.window_length
        missing = np.isnan(inputs).reshape(len(inputs), steps, len(self._is_keyword))
        n_keywords = steps * int(np.count_nonzero(self._is_keyword))
        missing_keywords, share = np.zeros(len(inputs), np.int64), np.zeros(len(inputs))
        if missing.any():
            missing_keywords = np.count_nonzero(missing[:, :, self._is_keyword], axis=(1, 2))
            share = missing.mean(axis=(1, 2))
        refused = missing_keywords > self.manifest.max_missing_share * n_keywords
        raw, reasons = self._raw(inputs)
        broken = ~refused & ~_are_probabilities(raw)
        raw = np.minimum(np.maximum(raw, 0.0), 1.0)
        raw[refused | broken] = np.nan
        level = np.where(refused | broken, 2, share > 0)
        reason = np.full(len(inputs), None, object)
        for row in np.flatnonzero(broken).tolist():
            reason[row] = reasons.get(row, NO_PROBABILITY)
        what = "keywords" if steps == 1 else "keyword values of the window"
        for row in np.flatnonzero(refused).tolist():
            reason[row] = f"{missing_keywords[row]} of {n_keywords} {what} are missing"
        n_events = len(self.manifest.events)
        before = self._calibrate(raw)
        after = self._repair(before)
        repaired = ((after != before) & ~np.isnan(before)) @ self._bits
        calibrated, leads = np.split(after, [n_events], axis=1)
        return Scores(
            raw[:, :n_events], calibrated, leads, repaired, share, _LEVELS[level], reason.tolist()
        )

    def _inputs(self, features: Mapping[str, Floats]) -> Inputs:
        if len(self._shape) == 1:
            return self.matrix(features)
        steps = {name: self._steps(name, column) for name, column in features.items()}
        return self.matrix(steps).reshape(-1, *self._shape)

    def _steps(self, name: str, column: Floats) -> Floats:
        if column.shape[1:] != self._shape[:1]:
            raise InvalidInputError(
                f"{name} has the shape {column.shape}; model {self.model_id} looks at windows of"
                f" {self._shape[0]} steps, so give (n, {self._shape[0]})"
            )
        flat: Floats = column.reshape(-1)
        return flat

    def _raw(self, inputs: Inputs) -> tuple[Floats, Mapping[int, str]]:
        """Return (n, targets) in the order of the manifest, and why some rows have nothing."""
        columns = [target.column for target in self.manifest.all_targets]
        if not len(inputs):
            return np.empty((0, len(columns))), {}
        answer = self.inference.run(inputs)
        return answer.probabilities[:, columns], answer.reasons

    def _calibrate(self, raw: Floats) -> Floats:
        calibrated = np.empty_like(raw)
        for place, target in enumerate(self.manifest.all_targets):
            calibrated[:, place] = target.calibration.apply(raw[:, place])
        return calibrated

    def _repair(self, calibrated: Floats) -> Floats:
        if self.manifest.targets:
            return consistent(calibrated, self._targets)
        lowered: Floats = np.minimum.accumulate(calibrated, axis=1)
        return lowered


def _are_probabilities(raw: Floats) -> NDArray[np.bool_]:
    """Tell for each row (n,) whether all its outputs (n, events) are; NaN is none."""
    return np.asarray(((raw >= -_ROUNDING) & (raw <= 1 + _ROUNDING)).all(axis=1))


def load(folder: Path, *, with_evaluation: bool = True) -> Artifact:
    """Read an artefact whose files, and all that its manifest says, agree.

    Parameters
    ----------
    with_evaluation : False where the caller evaluates it anew

    Raises
    ------
    ContradictionError
        With everything that does not agree.
    ArtifactError
        When there is no manifest, or none that can be read.
    """
    manifest = read_manifest(folder)
    faults = contradictions(manifest, folder=folder.resolve().name)
    faults += _other_files(manifest, folder)
    inference = _inference(manifest, folder, faults)
    evaluation = _evaluation(folder, faults) if with_evaluation else None
    if faults or inference is None:
        raise ContradictionError(folder.resolve().name, faults)
    return Artifact(manifest, inference, evaluation)


def sha256_of(folder: Path) -> str:
    """Return the sha256 of the manifest of an artefact, which lists that of every other file."""
    return hashlib.sha256(_read(folder, MANIFEST)).hexdigest()


def _other_files(manifest: Manifest, folder: Path) -> list[str]:
    return [
        fault
        for name, expected in manifest.files.items()
        if name != GRAPH
        for fault in _other_file(name, _read(folder, name), expected)
    ]


def _other_file(name: str, content: bytes, expected: str) -> list[str]:
    if hashlib.sha256(content).hexdigest() == expected:
        return []
    return [
        f"{name} is not the file its manifest describes (sha256 differs); restore the folder, or"
        " write its sha256 under files"
    ]


def _inference(manifest: Manifest, folder: Path, faults: list[str]) -> Inference | None:
    """Open the graph, and add to `faults` the wrong statements of its manifest about it."""
    if manifest.remote is not None:
        return RemoteInference(manifest, manifest.remote)
    if GRAPH not in manifest.files:
        faults.append(f"{MANIFEST} lists no {GRAPH} among its files and names no remote")
        return None
    graph = read_graph(folder)
    # Another graph than the one that was probed is never opened.
    if other := _other_file(GRAPH, graph, manifest.files[GRAPH]):
        faults += other
        return None
    try:
        inference = GraphInference(manifest, graph)
    except ArtifactError as error:
        faults.append(str(error))
        return None
    faults += inference.contradictions()
    return inference


def _evaluation(folder: Path, faults: list[str]) -> Evaluation | None:
    """Read the evaluation made here, and add to `faults` if it is of another manifest."""
    if not (folder / EVALUATION).is_file():
        return None
    try:
        evaluation = Evaluation.model_validate_json(_read(folder, EVALUATION))
    except ValidationError as error:
        faults.append(f"{EVALUATION} cannot be used: {_in_words(error)}; evaluate the model again")
        return None
    if evaluation.manifest != sha256_of(folder):
        faults.append(
            f"{EVALUATION} is of another {MANIFEST}; evaluate the model again with --record, or"
            f" delete {EVALUATION}"
        )
    return evaluation


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of an artefact."""
    try:
        return Manifest.model_validate_json(_read(folder, MANIFEST))
    except ValidationError as error:
        raise ArtifactError(
            f"model {folder.resolve().name}: {MANIFEST} cannot be used: {_in_words(error)}"
        ) from error


def _in_words(error: ValidationError) -> str:
    faults = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'all'}: {one['msg']}" for one in faults)


def read_graph(folder: Path) -> bytes:
    """Return the bytes of the graph of an artefact."""
    return _read(folder, GRAPH)


def _read(folder: Path, name: str) -> bytes:
    where, path = f"model {folder.resolve().name}: {name}", folder / name
    largest = _LARGEST_GRAPH if name == GRAPH else _LARGEST_TEXT
    try:
        size = path.stat().st_size
        # A pipe or a device has no end.
        if not path.is_file():
            raise ArtifactError(f"{where} cannot be read: it is no regular file")
        if size > largest:
            raise ArtifactError(f"{where} is larger than {largest >> 20} MiB; make it smaller")
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{where} cannot be read: {error.strerror}") from error
