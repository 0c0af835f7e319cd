"""The lineups that are measured: folders of models with a stage file of their own."""

from __future__ import annotations

from pathlib import Path

import orjson

from model_training.artefact.stages import read_stages
from model_training.registry import ARTIFACTS


def point_model(folder: Path, artifacts: Path = ARTIFACTS) -> Path:
    """Make a folder in which the live model that comes with the program serves alone."""
    folder.mkdir()
    live = read_stages(artifacts).live or ""
    name = live.replace("@", "-")
    (folder / name).symlink_to((artifacts / name).resolve())
    (folder / "live.json").write_bytes(orjson.dumps({"live": live}))
    return folder
