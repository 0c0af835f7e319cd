from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from model_training.analysis.network_study import EXPLORER, STATISTICS, study
from model_training.features import Floats

NAMES = ("USFLUX", "TOTUSJH", "TOTPOT", "MEANALP")


def flaring(n: int, steps: int) -> tuple[NDArray[np.float32], Floats]:
    """Return windows whose first two keywords rise together where an event follows."""
    rng = np.random.default_rng(0)
    labels = (np.arange(n) % 4 == 0).astype(float)
    windows = rng.normal(size=(n, steps, len(NAMES)))
    rise = np.linspace(0, 4, steps)[None] * labels[:, None]
    windows[:, :, 0] += rise
    windows[:, :, 1] += rise
    windows[3, 2, 1] = np.nan
    labels[5] = np.nan
    return windows.astype(np.float32), labels


def test_a_study_writes_every_network_in_every_form(tmp_path: Path) -> None:
    windows, labels = flaring(60, 20)

    study(windows, NAMES, labels, threshold=0.3, max_neighbours=4, seed=0, out=tmp_path)

    stems = ("samples", "keywords-event", "keywords-no-event")
    forms = (".graphml", ".json", ".svg")
    assert {path.name for path in tmp_path.iterdir()} == {
        STATISTICS, EXPLORER, *(stem + form for stem in stems for form in forms)
    }  # fmt: skip


def test_the_statistics_are_those_in_the_file(tmp_path: Path) -> None:
    windows, labels = flaring(60, 20)

    told = study(windows, NAMES, labels, threshold=0.3, max_neighbours=4, seed=0, out=tmp_path)

    written = orjson.loads((tmp_path / STATISTICS).read_bytes())
    assert written == told
    assert written["samples"]["nodes"] == 60
    assert written["samples"]["degree"]["max"] <= 4
    assert written["missing_share"] == pytest.approx(1 / (60 * 20 * 4))
    # Every fourth of 60 windows has an event; the sixth, without one, is of unknown class.
    assert written["keywords"]["event"]["windows"] == 15
    assert written["keywords"]["no event"]["windows"] == 44


def test_keywords_that_rise_together_are_joined_in_that_class_alone(tmp_path: Path) -> None:
    windows, labels = flaring(60, 20)

    study(windows, NAMES, labels, threshold=0.4, max_neighbours=4, seed=0, out=tmp_path)

    event = orjson.loads((tmp_path / "keywords-event.json").read_bytes())
    quiet = orjson.loads((tmp_path / "keywords-no-event.json").read_bytes())
    assert [(edge["source"], edge["target"]) for edge in event["edges"]] == [(0, 1)]
    assert quiet["edges"] == []


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    windows, labels = flaring(30, 12)

    for name in ("first", "second"):
        out = tmp_path / name
        study(windows, NAMES, labels, threshold=0.3, max_neighbours=4, seed=1, out=out)

    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_single_records_have_no_network_of_keywords(tmp_path: Path) -> None:
    windows, labels = flaring(30, 12)

    told = study(
        windows[:, -1:], NAMES, labels, threshold=0.9, max_neighbours=4, seed=0, out=tmp_path
    )

    assert told["keywords"] == {}
    assert (tmp_path / "samples.svg").is_file()
