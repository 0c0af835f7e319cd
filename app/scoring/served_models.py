"""Served models: the live model and the shadow models, loaded from their artefacts."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from database.lab.file_store import FileStore
from database.models import ModelRow
from model_training.artefact import artifact, probe
from model_training.artefact.artifact import EVALUATION, MANIFEST, Artifact
from solar.errors import ArtifactError, FlarewatchError
from solar.stages import Stages, read_stages


@dataclass(frozen=True)
class ServedModels:
    """The live model, and the shadow models that forecast beside it.

    `unaudited` says by model id why a model that was made elsewhere serves without a leak audit.
    """

    live: Artifact
    shadows: tuple[Artifact, ...]
    unaudited: Mapping[str, str] = field(default_factory=dict)

    @property
    def models(self) -> tuple[Artifact, ...]:
        """All models that score every observation."""
        return (self.live, *self.shadows)


def probe_served_models(folder: Path, stages: Stages) -> None:
    """Have a limited child open each model that serves before this process does.

    Raises
    ------
    ArtifactError
        Naming the model, when one cannot be loaded and run within the limits.
    """
    for model_id in stages.model_ids:
        probe.probe(path_of(folder, model_id))


def load_served_models(folder: Path, stages: Stages | None = None) -> ServedModels:
    """Load the models of a folder of artefacts that these stages, or its stage file, name.

    Raises
    ------
    ArtifactError
        Naming the model, when one is missing, contradicts its manifest, or needs features that
        no observation brings.
    """
    if not folder.is_dir():
        raise ArtifactError(
            f"FLARE_ARTIFACTS_DIR={folder} is no folder; correct it, or leave it empty for the"
            " models that come with the program"
        )
    stages = stages or read_stages(folder)
    if stages.live is None:
        raise ArtifactError(f"no model is live in {folder}; run `flarewatch promote NAME VERSION`")
    live, *shadows = (
        _servable(artifact.load(path_of(folder, model_id))) for model_id in stages.model_ids
    )
    return ServedModels(live, tuple(shadows), stages.unaudited)


def load_registered(model: ModelRow, folder: Path, store: FileStore) -> Artifact:
    """Load a registered model from a folder of artefacts, or else by its hashes from a file store.

    A limited child opens it first.

    Raises
    ------
    ArtifactError
        Naming the model, when its files are in neither place, or it cannot serve.
    """
    path = path_of(folder, model.model_id)
    try:
        if model.files is None or files_of(path) == model.files:
            return _opened(path)
        # Loaded models are in memory as a whole, so that nothing of the folder is needed later.
        with tempfile.TemporaryDirectory(prefix="flarewatch-model-") as temporary:
            fetched = Path(temporary) / path.name
            _fetch(model.files, store, fetched)
            return _opened(fetched)
    except (FlarewatchError, OSError) as error:
        raise ArtifactError(f"{model.model_id} cannot be loaded: {error}") from error


def path_of(folder: Path, model_id: str) -> Path:
    """Return where a folder of artefacts has a model."""
    return folder / model_id.replace("@", "-")


def files_of(path: Path) -> dict[str, str]:
    """Return the sha256 of each file of an artefact by name; none where it cannot be read."""
    try:
        listed = artifact.read_manifest(path).files
        names = [MANIFEST, *([EVALUATION] if (path / EVALUATION).is_file() else []), *listed]
        return {name: hashlib.sha256((path / name).read_bytes()).hexdigest() for name in names}
    except (ArtifactError, OSError):
        return {}


def _fetch(files: Mapping[str, str], store: FileStore, folder: Path) -> None:
    folder.mkdir()
    for name, sha256 in files.items():
        if Path(name).name != name:
            raise ArtifactError(f"{name!r} is no name of a file")
        with (folder / name).open("wb") as file:
            file.writelines(store.pieces(sha256))


def _opened(path: Path) -> Artifact:
    model = _servable(probe.load(path))
    model.refuse_other_remote()
    return model


def _servable(model: Artifact) -> Artifact:
    if model.manifest.unsupplied:
        raise ArtifactError(
            f"model {model.model_id} cannot serve: {', '.join(model.manifest.unsupplied)} come"
            " neither with an observation nor from the flare list; promote a model of SHARP"
            " keywords and flare history instead"
        )
    return model
