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
from solar.errors import ArtifactError

MANIFEST = "manifest.json"
GRAPH = "model.onnx"
INPUT = "features"
OUTPUT = "probabilities"
# With more of the keywords missing the imputer would invent the region.
MAX_MISSING_KEYWORDS = 0.5


@dataclass(frozen=True)
class Scores:
    """Probabilities of n rows for the events of the manifest, in its order.

    Parameters
    ----------
    raw, calibrated : (n, n_events); NaN = no forecast. `calibrated` does not rise from one
        event to the next, rarer one.
    imputed_share : (n,) share of the features that were missing
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
        self._is_keyword = np.array([item.kind == "keyword" for item in manifest.features])

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
        """Forecast n rows from named features, each (n,); NaN and absent names are missing."""
        inputs = self._matrix(features)
        missing = np.isnan(inputs)
        missing_keywords = np.count_nonzero(missing & self._is_keyword, axis=1)
        n_keywords = int(np.count_nonzero(self._is_keyword))
        refused = missing_keywords > MAX_MISSING_KEYWORDS * n_keywords
        raw = self._raw(inputs)
        raw[refused] = np.nan
        rung = np.where(refused, "none", np.where(missing.any(axis=1), "partial", "full"))
        reason = [
            f"{count} of {n_keywords} keywords are missing" if is_refused else None
            for count, is_refused in zip(missing_keywords.tolist(), refused.tolist(), strict=True)
        ]
        return Scores(raw, self._calibrate(raw), missing.mean(axis=1), rung, reason)

    def _matrix(self, features: Mapping[str, Floats]) -> NDArray[np.float32]:
        rows = max((len(column) for column in features.values()), default=0)
        inputs = np.full((rows, len(self.feature_names)), np.nan, np.float32)
        for place, name in enumerate(self.feature_names):
            if name in features:
                inputs[:, place] = features[name]
        return inputs

    def _raw(self, inputs: NDArray[np.float32]) -> Floats:
        columns = [event.column for event in self.manifest.events]
        if not len(inputs):
            return np.empty((0, len(columns)))
        (output,) = self._session.run([OUTPUT], {INPUT: inputs})
        return np.asarray(output, float)[:, columns]

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
