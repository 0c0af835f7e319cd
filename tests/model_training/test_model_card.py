from __future__ import annotations

from pathlib import Path

import pytest

from model_training.artefact import artifact
from model_training.artefact.manifest import EventScores, Score
from model_training.judging.evaluation import REFERENCE
from model_training.registry import ARTIFACTS
from solar.stages import read_stages

CARD = (ARTIFACTS.parents[1] / "docs" / "models.md").read_text("utf-8")
LIVE = read_stages(ARTIFACTS).live
PATHS = sorted(path.parent for path in ARTIFACTS.glob("*/manifest.json"))


def number(value: float | None) -> str:
    assert value is not None
    return f"{value:.3f}".replace("-0.000", "0.000").replace("-", "\u2212")


def cell(score: Score | None) -> str:
    if score is None:
        return "\u2013"
    return f"{number(score.value)} [{number(score.low)}, {number(score.high)}]"


def line(event: str, entrant: str, found: EventScores) -> str:
    scores = [cell(found.scores.get(name)) for name in ("bss", "auc", "tss")]
    counts = [str(found.n), str(found.n_events), str(found.n_unknown)]
    return f"| {' | '.join([event, entrant, *counts, *scores])} |"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
@pytest.mark.parametrize("part", ["validation", "test"])
def test_the_card_repeats_the_scores_of_the_manifests(path: Path, part: str) -> None:
    manifest = artifact.read_manifest(path)

    absent = [
        wanted
        for entrant, events in manifest.scores[part].items()
        # Each model has a plain regression on its own training rows; that of the live one is shown.
        if entrant != REFERENCE or f"{manifest.name}@{manifest.version}" == LIVE
        for event, found in events.items()
        if (wanted := line(event, manifest.name if entrant == "model" else entrant, found))
        not in CARD
    ]

    assert absent == []


def test_the_card_names_the_stages() -> None:
    stages = read_stages(ARTIFACTS)

    assert f"| `{stages.live}` | live |" in CARD
    assert all(f"| `{model_id}` | shadow |" in CARD for model_id in stages.shadow)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_the_card_repeats_the_sizes_of_the_parts(path: Path) -> None:
    parts = artifact.read_manifest(path).split
    rows = {"final fit": parts.train, "test": parts.test}
    rows |= {f"fit for {fold.name}": fold.train for fold in parts.folds}
    rows |= {f"held out {fold.name}": fold.held_out for fold in parts.folds}

    for name, part in rows.items():
        events = " | ".join(str(count) for count in part.events.values())
        assert f"| {name} | {part.rows:,} | {part.regions} | {events} |" in CARD


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_the_card_repeats_the_ratios_of_derived_events(path: Path) -> None:
    for event in artifact.read_manifest(path).events:
        if event.size is not None:
            assert f"{event.size.flares}/{event.size.reference_flares} for {event.name}" in CARD
