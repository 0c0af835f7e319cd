from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from option_tables import HEAD, SCHEMA, TABLES
from processes import free_port, serving

from flarewatch import PARTS
from model_training.__main__ import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "training.md").read_text()
README = (ROOT / "README.md").read_text()


def test_the_page_has_a_row_for_every_option_as_the_schema_has_it() -> None:
    missing = [
        f"{name}: {row}" for name, table in TABLES.items() for row in table if row not in PAGE
    ]

    assert missing == []


@pytest.mark.parametrize("name", [name for name, table in TABLES.items() if table])
def test_the_options_of_a_choice_stand_in_a_table_of_their_own(name: str) -> None:
    assert HEAD + "\n".join(TABLES[name]) + "\n" in PAGE


def test_the_page_invents_no_option() -> None:
    parts = PAGE.split(HEAD)[1:]
    told = [row for part in parts for row in part.split("\n\n")[0].splitlines()]

    assert sorted(set(told)) == sorted({row for table in TABLES.values() for row in table})


def kinds(definition: dict[str, Any]) -> list[str]:
    return [
        f'`{name} = "{option["const"]}"`'
        for name, option in definition.get("properties", {}).items()
        if "const" in option
    ]


def test_the_page_names_every_layout_split_augmentation_and_estimator() -> None:
    named = [kind for definition in SCHEMA["$defs"].values() for kind in kinds(definition)]

    assert len(named) > 20
    assert [kind for kind in named if kind not in PAGE] == []


def test_the_page_has_every_command_and_every_command_of_the_page_exists(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = re.findall(r"^    ([a-z]+) ", capsys.readouterr().out, re.MULTILINE)
    used = set(re.findall(r"flarewatch ([a-z]+)", PAGE + README)) - PARTS.keys()

    assert [name for name in listed if f"`{name}" not in PAGE] == []
    assert used <= set(listed)


RECIPES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
DAYS = pd.date_range("2013-01-05T12:00:00Z", "2014-12-01T12:00:00Z", freq="6D")


def write_rows(folder: Path) -> None:
    """Write 117 regions of 5 days each that flare by flux."""
    rng = np.random.default_rng(3)
    rows = []
    for number, first in enumerate(DAYS):
        strength = rng.normal()
        for day in range(5):
            flares = 10 ** (rng.normal() + 2 * strength)
            rows.append(
                {
                    "region": 7000 + number,
                    "observed": (first + pd.Timedelta(days=day)).isoformat(),
                    "flux": 1e22 * np.exp(strength + 0.2 * rng.normal()),
                    "helicity": 1e3 * np.exp(strength + 0.5 * rng.normal()),
                    "shear": 30 + 5 * rng.normal(),
                    "flared_c": int(flares > 1),
                    "flared_m": int(flares > 10),
                }
            )
    pd.DataFrame(rows).to_csv(folder / "rows.csv", index=False)


def write_windows(folder: Path) -> None:
    """Write one window of 12 hourly steps a day for 230 regions of 3 days each."""
    rng = np.random.default_rng(4)
    harp = np.repeat(np.arange(1, 231), 3)
    first = np.datetime64("2013-01-05") + np.arange(230) * np.timedelta64(3, "D")
    at = np.repeat(first, 3) + np.tile(np.arange(3), 230) * np.timedelta64(1, "D")
    strength = rng.normal(size=230)[harp - 1]
    size = np.exp(strength[:, None, None] + 0.2 * rng.normal(size=(len(harp), 12, 3)))
    windows = size * np.array([1e22, 1e3, 30.0])
    windows[rng.random(windows.shape) < 0.05] = np.nan
    flared = (strength + 0.5 * rng.normal(size=len(harp)) > 0.8).astype(float)
    np.savez(folder / "windows.npz", X=windows, y=flared, harp=harp, at=at.astype("datetime64[s]"))


def commands(text: str, name: str) -> list[list[str]]:
    lines = re.findall(rf"flarewatch ({name} [^\n`]*)", text)
    return [shlex.split(line) for line in lines]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Train every recipe of the page by its one command, in a folder of its own."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "my-data").mkdir()
    write_rows(folder / "my-data")
    write_windows(folder / "my-data")
    with chdir(folder):
        for text in RECIPES:
            (folder / "my.toml").write_text(text)
            assert [main(train) for train in commands(PAGE, r"train my\.toml")] == [0]
        yield folder


@pytest.mark.parametrize("text", RECIPES, ids=lambda text: tomllib.loads(text)["name"])
def test_a_recipe_of_the_page_leaves_what_the_page_says(text: str, desk: Path) -> None:
    told = re.findall(r"^\| `([a-z-]+/[^`]*NAME-VERSION/[a-z.]+)` \|", PAGE, re.MULTILINE)
    name = f"{tomllib.loads(text)['name']}-1.0.0"

    paths = [desk / path.replace("NAME-VERSION", name) for path in told]

    assert len(paths) == 6
    assert [path for path in paths if not path.is_file()] == []


def test_the_commands_of_the_page_on_trained_models_work_in_their_order(desk: Path) -> None:
    block = PAGE.split("## Judging and serving")[1].split("```")[1]
    lines = [shlex.split(line) for line in block.strip().splitlines()[1:]]

    done = [main(line[1:]) for line in lines]

    assert len(done) == 6
    assert set(done) == {0}


def test_a_model_of_the_page_forecasts_the_rows_it_was_trained_on(
    desk: Path, tmp_path: Path
) -> None:
    name, port = "my-regression-1.0.0", free_port()
    shutil.copytree(desk / "my-models" / name, tmp_path / "my-models" / name)
    (tmp_path / "my.toml").write_text(RECIPES[0])
    block = PAGE.split("## From a trained model to its forecasts")[1].split("```")[1]
    promote, replay = (
        shlex.split(line)[1:] for line in block.splitlines() if re.search("promote|replay", line)
    )
    environment = os.environ | {
        "FLARE_ARTIFACTS_DIR": "my-models", "FLARE_DATABASE_URL": f"sqlite:///{tmp_path}/my.db",
        "FLARE_API_PORT": port, "FLARE_API_URL": f"http://127.0.0.1:{port}",
        "FLARE_DATA_DIR": "var", "PYTHONPATH": str(ROOT),
    }  # fmt: skip

    with chdir(tmp_path):
        assert main(promote) == 0
        (tmp_path / "my-data").symlink_to(desk / "my-data")
        address = environment["FLARE_API_URL"]
        with serving("app", "serve", ready=f"{address}/ready", environment=environment):
            sent = subprocess.run(
                [sys.executable, "-m", "data_sender", *replay[1:]],
                env=environment, capture_output=True, check=True, timeout=120,
            )  # fmt: skip
            query = "predictions?limit=1000&region=7000"
            with urllib.request.urlopen(f"{address}/api/v1/{query}", timeout=10) as answer:
                items = json.load(answer)["items"]

    told = json.loads(sent.stdout)
    assert (told["accepted"], told["rejected"]) == (5 * len(DAYS), 0)
    assert [item["t_rec"][:10] for item in items] == [f"2013-01-{day:02}" for day in range(5, 10)]
    assert all(0 < item["probabilities"]["C1.0"] < 1 for item in items)
    assert {(item["model"], item["rung"]) for item in items} == {("my-regression@1.0.0", "full")}


def test_the_commands_of_the_readme_are_those_of_the_page(desk: Path) -> None:
    (describe,) = commands(README, "datasets")

    assert main(describe) == 0
    assert commands(README, "datasets") == commands(PAGE, "datasets describe")[:1]
    assert commands(README, r"train my\.toml") == commands(PAGE, r"train my\.toml")
