"""The lineups that are measured: folders of models with a stage file of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson

from model_training.features import KEYWORD_FEATURES
from model_training.registry import ARTIFACTS
from solar.stages import read_stages
from tests.handmade_models import ALL_WINDOWS, HandmadeModel, line_up


def point_model(folder: Path, artifacts: Path = ARTIFACTS) -> Path:
    """Make a folder in which the live model that comes with the program serves alone."""
    folder.mkdir()
    live = read_stages(artifacts).live or ""
    name = live.replace("@", "-")
    (folder / name).symlink_to((artifacts / name).resolve())
    (folder / "live.json").write_bytes(orjson.dumps({"live": live}))
    return folder


def window_models(folder: Path) -> tuple[Path, Path]:
    """Make two folders with the same weighted sum, of the next 24 h alone and of every window."""
    weights = np.zeros((1, len(KEYWORD_FEATURES)))
    day, every = (
        line_up(folder / name, HandmadeModel(name, KEYWORD_FEATURES, weights, windows=windows))
        for name, windows in (("day", {"24h": 0.0}), ("every", ALL_WINDOWS))
    )
    return day, every
