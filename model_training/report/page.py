"""The report page: one HTML file that says what a model is and how good it is.

Its verdict says in words whether the model is better than the baselines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

import orjson

from model_training.artefact.manifest import Manifest, Part, SplitRecord
from model_training.judging.evidence import Evidence
from model_training.judging.importance import Importance
from model_training.judging.judgement import LEVEL, Judgement
from model_training.report import template, wording
from model_training.report.canvas import Picture
from model_training.report.forecast_figures import (
    confusion_picture,
    histogram_picture,
    reliability_picture,
)
from model_training.report.model_figures import (
    LearningCurve,
    importance_picture,
    learning_curves,
    learning_picture,
)
from model_training.report.score_figures import (
    forest_picture,
    precision_recall_picture,
    roc_picture,
)
from solar.skill import Estimate

# Below this many events a rate says little (Leka et al. 2019 practice).
FEW_EVENTS = 10

Finding = Literal["better", "not told apart", "worse", "undefined"]
_VERBS: dict[Finding, str] = {
    "better": "beats",
    "not told apart": "cannot be told apart from",
    "worse": "is worse than",
    "undefined": "cannot be compared with",
}


@dataclass(frozen=True)
class Comparison:
    """The model against one entrant, by the interval of their difference in Brier skill."""

    entrant: str
    finding: Finding
    sentence: str


def finding(difference: Estimate) -> Finding:
    """Read a difference: better or worse only if its whole interval lies on one side of 0."""
    if difference.value is None or difference.low is None or difference.high is None:
        return "undefined"
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "not told apart"


def comparisons(judgement: Judgement) -> tuple[Comparison, ...]:
    """Compare the model with each entrant by the Brier skill; empty without both outcomes."""
    if not 0 < judgement.n_events < judgement.n:
        return ()
    return tuple(_comparison(name, scores["bss"]) for name, scores in judgement.differences.items())


def headline(judgement: Judgement) -> str:
    """Summarise in one sentence, for one event and part, what the intervals show."""
    where = (
        f"{wording.event(judgement.event)} on {judgement.part} cases"
        f" (n = {wording.count(judgement.n)}, {wording.count(judgement.n_events)} events)"
    )
    if judgement.n_events == 0:
        return f"{where}: undefined, there are no events to be skilful about."
    if judgement.n_events == judgement.n:
        return f"{where}: undefined, every case is an event."
    named = {key: [c.entrant for c in comparisons(judgement) if c.finding == key] for key in _VERBS}
    clauses = [f"{_VERBS[key]} {_listed(names)}" for key, names in named.items() if names]
    caution = "" if judgement.n_events >= FEW_EVENTS else " Fewer than 10 events: take it lightly."
    if not clauses:
        return f"{where}: no entrant to compare with.{caution}"
    return f"{where}: in Brier skill the model {'; it '.join(clauses)}.{caution}"


def _comparison(entrant: str, difference: Estimate) -> Comparison:
    result = finding(difference)
    if result == "undefined":
        why = "the difference in Brier skill has no interval"
    else:
        why = (
            f"difference in BSS {wording.signed(difference.value)},"
            f" {LEVEL * 100:.0f} % interval {wording.interval(difference)}"
        )
    return Comparison(entrant, result, f"The model {_VERBS[result]} {entrant}: {why}.")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@dataclass(frozen=True)
class Page:
    """The content of the report of one run.

    Parameters
    ----------
    judgements : one per evidence, in the same order
    importance : event -> features, the most important first
    remarks : on inputs that are of no use, one sentence each
    log : lines of the event log, from which the learning curves are read
    """

    manifest: Manifest
    evidences: Sequence[Evidence]
    judgements: Sequence[Judgement]
    importance: Mapping[str, Sequence[Importance]] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    log: Iterable[str | bytes] = ()


@dataclass(frozen=True)
class Section:
    """What the page shows of one event on one part."""

    key: str
    title: str
    judgement: Judgement
    headline: str
    comparisons: tuple[Comparison, ...]
    pictures: tuple[Picture, ...]


def write(page: Page, path: Path) -> None:
    """Write the report as one file that loads nothing from the network."""
    pairs = zip(page.evidences, page.judgements, strict=True)
    sections = [_section(evidence, judgement) for evidence, judgement in pairs]
    # The test cases are what a reader comes for.
    sections.sort(key=lambda section: section.judgement.part != "test")
    manifest = page.manifest
    html = template.render(
        "page.html",
        manifest=manifest,
        audit=_audit(manifest),
        noise=manifest.leak_audit.noise if manifest.leak_audit else (),
        unknown=wording.NOT_KNOWN,
        model_id=f"{manifest.name}@{manifest.version}",
        sections=sections,
        judged=[one for one in sections if one.judgement.part == sections[0].judgement.part],
        parts=_parts(manifest.split),
        split=_split_options(manifest.split),
        importance=_importance(page.importance),
        learning=_learning(learning_curves(page.log)),
        remarks=page.remarks,
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


def _split_options(split: SplitRecord | None) -> dict[str, object]:
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
        headline=headline(judgement),
        comparisons=comparisons(judgement),
        pictures=tuple(_pictures(evidence, judgement, key=key)),
    )


def _pictures(evidence: Evidence, judgement: Judgement, *, key: str) -> list[Picture]:
    """Draw the figures that the cases allow: without events, the reliability diagram alone."""
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
