"""Served models: the live model and the shadow models, loaded from a folder of artefacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from model_training.artefact import artifact, probe
from model_training.artefact.artifact import Artifact
from solar.errors import ArtifactError
from solar.stages import read_stages


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


def probe_served_models(folder: Path) -> None:
    """Have a limited child open each model that serves before this process does.

    Raises
    ------
    ArtifactError
        Naming the model, when one cannot be loaded and run within the limits.
    """
    stages = read_stages(folder)
    for name in (*([stages.live] if stages.live else []), *stages.shadow):
        probe.probe(_path(folder, name))


def load_served_models(folder: Path) -> ServedModels:
    """Load the models that the stage file of a folder of artefacts names.

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
    stages = read_stages(folder)
    if stages.live is None:
        raise ArtifactError(f"no model is live in {folder}; run `flarewatch promote NAME VERSION`")
    live, *shadows = (
        _servable(artifact.load(_path(folder, name))) for name in (stages.live, *stages.shadow)
    )
    return ServedModels(live, tuple(shadows), stages.unaudited)


def _path(folder: Path, model_id: str) -> Path:
    return folder / model_id.replace("@", "-")


def _servable(model: Artifact) -> Artifact:
    if model.manifest.unsupplied:
        raise ArtifactError(
            f"model {model.model_id} cannot serve: {', '.join(model.manifest.unsupplied)} come"
            " neither with an observation nor from the flare list; promote a model of SHARP"
            " keywords and flare history instead"
        )
    return model
