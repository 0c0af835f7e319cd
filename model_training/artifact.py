"""An artefact: the folder of a trained model, checked on loading, that scores rows by name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import ValidationError

from model_training.features import Floats
from model_training.manifest import Manifest
from solar.errors import ArtifactError, InvalidInputError

MANIFEST = "manifest.json"
GRAPH = "model.onnx"
Inputs = NDArray[np.float32]

INPUT = "features"
OUTPUT = "probabilities"
# Graphs with many support vectors or neighbours hold a number for each of them and every row.
ROWS_AT_ONCE = 5000


@dataclass(frozen=True)
class Scores:
    """Probabilities of n rows for the events of the manifest, in its order.

    Parameters
    ----------
    raw, calibrated : (n, n_events); NaN = no forecast. `calibrated` does not rise from one
        event to the next, rarer one.
    imputed_share : (n,) share of the inputs, over all steps, that were missing
    rung : (n,) "full", "partial" (some features imputed) or "none"
    reason : why a row has no forecast; None where it has one
    """

    raw: Floats
    calibrated: Floats
    imputed_share: Floats
    rung: NDArray[np.str_]
    reason: list[str | None]


class Artifact:
    """A loaded model; `score` is safe to call from several threads."""

    def __init__(self, manifest: Manifest, graph: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.manifest = manifest
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        self._is_keyword = np.array([item.kind != "history" for item in manifest.features])
        steps = () if manifest.window_length == 1 else (manifest.window_length,)
        self._shape = (*steps, len(manifest.features))
        self._refuse_other_input()

    @property
    def model_id(self) -> str:
        """``name@version``, the key under which forecasts are stored."""
        return f"{self.manifest.name}@{self.manifest.version}"

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The inputs, keywords and history."""
        return tuple(item.name for item in self.manifest.features)

    @property
    def thresholds(self) -> dict[str, float | None]:
        """The decision threshold of each event on the calibrated probability, frozen."""
        return {event.name: event.threshold for event in self.manifest.events}

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
        missing_keywords = np.count_nonzero(missing[:, :, self._is_keyword], axis=(1, 2))
        n_keywords = steps * int(np.count_nonzero(self._is_keyword))
        refused = missing_keywords > self.manifest.max_missing_share * n_keywords
        raw = self._raw(inputs)
        raw[refused] = np.nan
        share = missing.mean(axis=(1, 2))
        rung = np.where(refused, "none", np.where(share > 0, "partial", "full"))
        what = "keywords" if steps == 1 else "keyword values of the window"
        reason = [
            f"{count} of {n_keywords} {what} are missing" if is_refused else None
            for count, is_refused in zip(missing_keywords.tolist(), refused.tolist(), strict=True)
        ]
        return Scores(raw, self._calibrate(raw), share, rung, reason)

    def _refuse_other_input(self) -> None:
        given = self._session.get_inputs()[0].shape[1:]
        # A dimension without a number fits any.
        bound = [size if isinstance(size, int) else None for size in given]
        if len(bound) != len(self._shape) or any(
            size not in (None, expected) for size, expected in zip(bound, self._shape, strict=True)
        ):
            raise ArtifactError(
                f"model {self.model_id}: its graph takes inputs of shape {tuple(given)} where its"
                f" manifest describes {self._shape}; export the model again"
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

    def _raw(self, inputs: Inputs) -> Floats:
        columns = [event.column for event in self.manifest.events]
        if not len(inputs):
            return np.empty((0, len(columns)))
        parts = [
            self._session.run([OUTPUT], {INPUT: inputs[first : first + ROWS_AT_ONCE]})[0]
            for first in range(0, len(inputs), ROWS_AT_ONCE)
        ]
        return np.concatenate(parts).astype(float)[:, columns]

    def _calibrate(self, raw: Floats) -> Floats:
        calibrated = np.empty_like(raw)
        for place, event in enumerate(self.manifest.events):
            calibrated[:, place] = event.calibration.apply(raw[:, place])
        lowered: Floats = np.minimum.accumulate(calibrated, axis=1)
        return lowered


def load(folder: Path) -> Artifact:
    """Read an artefact and refuse it unless every file is the one its manifest names."""
    manifest = read_manifest(folder)
    for name, expected in manifest.files.items():
        if hashlib.sha256(_read(folder, name)).hexdigest() != expected:
            raise ArtifactError(
                f"model {folder.name}: {name} is not the file its manifest describes"
                " (sha256 differs); restore the folder or train it again"
            )
    if GRAPH not in manifest.files:
        raise ArtifactError(f"model {folder.name}: {MANIFEST} does not list {GRAPH}")
    return Artifact(manifest, _read(folder, GRAPH))


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of an artefact."""
    try:
        return Manifest.model_validate_json(_read(folder, MANIFEST))
    except ValidationError as error:
        raise ArtifactError(
            f"model {folder.name}: {MANIFEST} cannot be used: {error.errors()[0]['msg']}"
            f" at {'.'.join(str(part) for part in error.errors()[0]['loc'])}"
        ) from error


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"model {folder.name}: {name} cannot be read: {error.strerror}"
        ) from error
