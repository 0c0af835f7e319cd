from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
import pytest

from model_training.judging.evidence import Evidence
from model_training.judging.evidence import write as write_evidence
from model_training.judging.judgement import judge, to_json
from model_training.recipe.recipe import read_recipe
from model_training.report import results, run_folder
from model_training.report.results import read_protocols
from model_training.report.run_folder import EVIDENCE
from solar.errors import NotFoundError

PAGE = Path(__file__).parents[3] / "docs" / "results.md"
RECIPES = sorted(results.RECIPES.glob("*.toml"))


def evidence(event: str, part: Literal["validation", "test"] = "test") -> Evidence:
    rng = np.random.default_rng(1)
    p = rng.random(200)
    return Evidence(
        part=part, event=event, region_id=np.arange(200),
        t_rec=np.datetime64("2014-01-01T00", "us") + np.arange(200) * np.timedelta64(1, "D"),
        outcome=(rng.random(200) < p).astype(float), raw=p, calibrated=p,
        entrants={"persistence": (rng.random(200) < 0.5).astype(float)}, threshold=0.5, n_unknown=0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("runs")
    book = orjson.loads(to_json([judge(evidence("M1.0"))]))
    (judged,) = book["judgements"]
    # Several protocols may show the same run.
    scored: dict[Path, dict[tuple[str, str], dict[str, Any]]] = defaultdict(dict)
    shown: dict[Path, set[str]] = defaultdict(set)
    for protocol in read_protocols().protocols:
        events = list(protocol.aims or ["M1.0"])
        for entry in protocol.entries:
            folders = [entry.folder(tmp_path, event) for event in events]
            if entry.recipe:
                recipe = read_recipe(results.RECIPES / f"{entry.recipe}.toml")
                folders = [run_folder.path(tmp_path, one) for one in recipe.repeats()]
            for folder in folders:
                scored[folder] |= {
                    (event, entry.part): judged | {"event": event, "part": entry.part}
                    for event in events
                }
                shown[folder] |= set(events if protocol.reliability else protocol.paired)
    for folder, judgements in scored.items():
        folder.mkdir()
        known = orjson.dumps(book | {"judgements": list(judgements.values())})
        (folder / run_folder.SCORES).write_bytes(known)
        if shown[folder]:
            write_evidence([evidence(one) for one in sorted(shown[folder])], folder / EVIDENCE)
    return tmp_path


@pytest.fixture(scope="module")
def written(runs: Path) -> str:
    return results.write(runs)


def test_the_page_shows_every_protocol_with_its_aims_and_caveats(written: str) -> None:
    shown = written.replace("\n  ", " ").replace("\n", " ")

    for protocol in read_protocols().protocols:
        assert f"## {protocol.title}" in shown
        assert all(entry.label in shown for entry in protocol.entries)
        assert all(caveat in shown for caveat in protocol.caveats)
        for event, aims in ((event, aims) for event, aims in protocol.aims.items() if aims):
            wanted = ", ".join(f"{name.upper()} {value:.2f}" for name, value in aims.items())
            assert f"To beat for {event}: {wanted}." in shown


def test_a_score_of_the_page_is_that_of_the_run(written: str) -> None:
    bss = judge(evidence("M1.0")).entrants["model"].scores["bss"]

    assert f"| {bss.value:.3f} [{bss.low:.3f}, {bss.high:.3f}] |" in written
    # Every repeated run has the same scores here.
    assert f"| {bss.value:.3f} ± 0.000 |" in written


def test_models_are_compared_case_by_case(written: str) -> None:
    # The first of the two is the other: nothing lies between them.
    assert "| M1.0 | blend | 0.000 [0.000, 0.000] |" in written


def test_reliability_is_shown_for_every_event_of_a_protocol_that_asks_for_it(
    written: str,
) -> None:
    told = [line for line in written.splitlines() if line.startswith("| ")]
    heads = [place for place, line in enumerate(told) if "| within their bar |" in line]

    asked = [one for one in read_protocols().protocols if one.reliability]
    assert len(heads) == len(asked) > 0
    for place, protocol in zip(heads, asked, strict=True):
        rows = told[place + 2 : place + 2 + len(protocol.aims)]
        assert [row.split(" | ")[0][2:] for row in rows] == list(protocol.aims)


def test_a_missing_run_is_named(runs: Path, tmp_path: Path) -> None:
    lacking = shutil.copytree(runs, tmp_path / "runs")
    (lacking / "daily-2010-2019-1.0.0" / run_folder.SCORES).unlink()

    with pytest.raises(NotFoundError, match=r"no finished run in .*daily-2010-2019-1\.0\.0"):
        results.write(lacking)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_protocol_recipe_carries_the_name_of_its_file(path: Path) -> None:
    assert read_recipe(path).name == path.stem


def test_every_protocol_recipe_is_shown(runs: Path) -> None:
    entries = [entry for protocol in read_protocols().protocols for entry in protocol.entries]
    shown = {entry.recipe or entry.run.removesuffix("-1.0.0") for entry in entries}

    assert {path.stem for path in RECIPES} <= shown


def test_the_committed_page_has_the_shape_that_the_command_writes(written: str) -> None:
    def frame(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("|")]

    assert frame(PAGE.read_text("utf-8")) == frame(written)
