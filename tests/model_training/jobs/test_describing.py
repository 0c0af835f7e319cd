"""What becomes of a new data set: ready with its layout, a question, or a reason."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from synthetic_windows import PLAIN, recipe_of_windows

from model_training.jobs.kinds import Job, execute
from model_training.journal import Journal, Stop, StoppedError
from model_training.recipe.recipe import Recipe


def described(data: Path, home: Path, **parameters: Any) -> dict[str, Any]:
    job = Job("describe", None, parameters, data, home / "out", Journal(home / "work"))
    result = execute(job)
    assert result.dataset is not None
    is_ready = result.dataset["breakdown"] is not None
    assert result.kinds == ({"breakdown.json": "breakdown"} if is_ready else {})
    return result.dataset


def test_a_known_layout_is_ready_with_its_breakdown_and_its_flare_list(
    world: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(world / "rows.parquet", data)
    shutil.copy(world / "flares.parquet", data / "goes_flares.parquet")

    told = described(data, tmp_path)

    assert told["layout"] == {
        "layout": "sharp",
        "rows": "rows.parquet",
        "flares": "goes_flares.parquet",
    }
    assert (told["rows"], told["question"], told["reason"]) == (1920, None, None)
    breakdown = orjson.loads((tmp_path / "out" / "breakdown.json").read_bytes())
    assert breakdown == told["breakdown"]
    assert (breakdown["cases"], breakdown["regions"]) == (1920, 240)


def test_an_answer_leads_to_a_layout_that_a_recipe_takes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    rng = np.random.default_rng(8)
    windows, label = rng.normal(size=(60, 3, 8)).cumsum(axis=2), rng.integers(0, 2, 60)
    np.savez(data / "set.npz", X=windows, label_m=label, cadence_hours=0.2)

    asked = described(data, tmp_path / "first")
    first, _ = asked["question"]["answers"]
    told = described(data, tmp_path / "then", answer=first["value"])

    assert asked["question"]["text"] == "Which axis is time? X in set.npz is 60 x 3 x 8"
    assert (asked["layout"], asked["rows"]) == (None, None)
    assert first["label"] == "60 cases, 8 steps of 3 features"
    assert (told["question"], told["rows"]) == (None, 60)
    names = [one["name"] for one in told["layout"]["features"]]
    recipe = recipe_of_windows(PLAIN, data=told["layout"], keywords=names)
    assert Recipe.model_validate(recipe).data.layout == "windows"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.pkl", b"anything", "a pickle can run anything when it is read"),
        ("x.npz", b"PK\x03\x04", "x.npz cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_way_out(
    name: str, content: bytes, told: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / name).write_bytes(content)

    found = described(data, tmp_path)

    assert told in found["reason"]
    assert str(tmp_path) not in found["reason"]
    assert (found["layout"], found["question"]) == (None, None)


def test_a_layout_never_leads_out_of_the_data_set(world: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "flares").mkdir()
    shutil.copy(world / "rows.parquet", data)
    shutil.copy(world / "flares.parquet", tmp_path / "flares" / "goes_flares.parquet")

    assert described(data, tmp_path)["layout"] == {"layout": "sharp", "rows": "rows.parquet"}


def test_a_describing_run_that_was_asked_to_stop_ends(world: Path, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "work", stop=Stop(is_requested=True))

    with pytest.raises(StoppedError):
        execute(Job("describe", None, {}, world, tmp_path / "out", journal))
