"""The report page: one HTML file that says what a model is and how good it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import orjson

from model_training.evidence import Evidence
from model_training.manifest import Manifest, Part, SplitRecord
from model_training.report import sheet, verdict, wording
from model_training.report.figures.bars import importance_picture
from model_training.report.figures.canvas import Picture
from model_training.report.figures.counts import confusion_picture, histogram_picture
from model_training.report.figures.curves import precision_recall_picture, roc_picture
from model_training.report.figures.forest import forest_picture
from model_training.report.figures.learning import learning_picture
from model_training.report.figures.reliability import reliability_picture
from model_training.report.importance import Importance
from model_training.report.judgement import Judgement
from model_training.report.learning import LearningCurve, learning_curves


@dataclass(frozen=True)
class Page:
    """Everything that the report of one run is made from.

    Parameters
    ----------
    judgements : one per evidence, in the same order
    importance : event -> features, the most important first
    log : lines of the event log, from which the learning curves are read
    """

    manifest: Manifest
    evidences: Sequence[Evidence]
    judgements: Sequence[Judgement]
    importance: Mapping[str, Sequence[Importance]] = field(default_factory=dict)
    log: Iterable[str | bytes] = ()


@dataclass(frozen=True)
class Section:
    """What the page shows of one event on one part."""

    key: str
    title: str
    judgement: Judgement
    headline: str
    comparisons: tuple[verdict.Comparison, ...]
    pictures: tuple[Picture, ...]


def write(page: Page, path: Path) -> None:
    """Write the report as one file that asks nothing of the network."""
    pairs = zip(page.evidences, page.judgements, strict=True)
    sections = [_section(evidence, judgement) for evidence, judgement in pairs]
    # The test cases are what a reader comes for.
    sections.sort(key=lambda section: section.judgement.part != "test")
    manifest = page.manifest
    html = sheet.render(
        "page.html",
        manifest=manifest,
        audit=_audit(manifest),
        unknown=wording.NOT_KNOWN,
        model_id=f"{manifest.name}@{manifest.version}",
        sections=sections,
        judged=[one for one in sections if one.judgement.part == sections[0].judgement.part],
        parts=_parts(manifest.split),
        split=_choices(manifest.split),
        importance=_importance(page.importance),
        learning=_learning(learning_curves(page.log)),
        recipe=_text(manifest.recipe),
    )
    path.write_text(html, encoding="utf-8")


def _audit(manifest: Manifest) -> str:
    if manifest.leak_audit is None:
        return wording.NOT_KNOWN
    return "passed" if manifest.leak_audit.passed else "failed"


def _text(recipe: dict[str, object] | None) -> str:
    if recipe is None:
        return wording.NOT_KNOWN
    return orjson.dumps(recipe, option=orjson.OPT_INDENT_2).decode()


def _parts(split: SplitRecord | None) -> dict[str, Part]:
    if split is None:
        return {}
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    return parts | {f"held out in {fold.name}": fold.held_out for fold in split.folds}


def _choices(split: SplitRecord | None) -> dict[str, object]:
    if split is None:
        return {}
    counts = {"left_out": split.left_out, "rejected": split.rejected, "filled": split.filled}
    return split.choice | counts


def _section(evidence: Evidence, judgement: Judgement) -> Section:
    key = f"{judgement.part}-{judgement.event}".replace(".", "-")
    return Section(
        key=key,
        title=f"{wording.event(judgement.event)}, {judgement.part} cases",
        judgement=judgement,
        headline=verdict.headline(judgement),
        comparisons=verdict.comparisons(judgement),
        pictures=tuple(_pictures(evidence, judgement, key=key)),
    )


def _pictures(evidence: Evidence, judgement: Judgement, *, key: str) -> list[Picture]:
    """Draw what the cases can carry: without events there is nothing but the reliability."""
    if judgement.n == 0:
        return []
    pictures = [
        reliability_picture(evidence, key),
        histogram_picture(evidence, key),
    ]
    if judgement.entrants[judgement.model].contingency is not None:
        pictures.append(confusion_picture(judgement, key))
    if 0 < judgement.n_events < judgement.n:
        pictures[1:1] = [roc_picture(judgement, key), precision_recall_picture(judgement, key)]
        pictures.append(forest_picture(judgement, key))
    return pictures


def _importance(importance: Mapping[str, Sequence[Importance]]) -> list[Picture]:
    return [
        importance_picture(items, event, key=f"event-{place}")
        for place, (event, items) in enumerate(importance.items())
    ]


def _learning(curves: Sequence[LearningCurve]) -> list[Picture]:
    """Draw one figure per kind of step."""

    def unit(curve: LearningCurve) -> str:
        return curve.unit

    kinds = groupby(sorted(curves, key=unit), key=unit)
    return [
        learning_picture(list(group), f"learning-{place}") for place, (_, group) in enumerate(kinds)
    ]
