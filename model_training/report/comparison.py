"""The comparison of runs: their scores side by side, where they were given the same cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_training.judging.evidence import Evidence
from model_training.judging.judgement import Judgement, judge
from model_training.report import template, wording
from model_training.report.canvas import Picture
from model_training.report.score_figures import forest_picture, roc_picture
from solar.errors import InvalidInputError

FEWEST, MOST = 2, 10


@dataclass(frozen=True)
class ComparedRun:
    """A run to be compared: its label, such as ``gru@1.0.0``, and its evidence."""

    label: str
    evidences: Sequence[Evidence]


@dataclass(frozen=True)
class ComparisonSection:
    """The runs on one event and part; without a judgement, `reason` says why not."""

    key: str
    title: str
    judgement: Judgement | None
    reason: str
    pictures: tuple[Picture, ...]


def compare(runs: Sequence[ComparedRun]) -> tuple[ComparisonSection, ...]:
    """Compare 2 to 10 runs on every event and part of the first; differences are first minus other.

    Raises
    ------
    InvalidInputError
        For too few or too many runs, and for two of one label.
    """
    labels = [run.label for run in runs]
    if not FEWEST <= len(runs) <= MOST or len(set(labels)) < len(labels):
        raise InvalidInputError(
            f"{len(runs)} runs ({', '.join(labels)}) cannot be compared;"
            f" give {FEWEST} to {MOST} runs of different labels"
        )
    return tuple(_section(runs, evidence) for evidence in runs[0].evidences)


def write(runs: Sequence[ComparedRun], path: Path) -> None:
    """Write the comparison as one HTML file."""
    html = template.render(
        "comparison.html", labels=[run.label for run in runs], sections=compare(runs)
    )
    path.write_text(html, encoding="utf-8")


def _section(runs: Sequence[ComparedRun], first: Evidence) -> ComparisonSection:
    key = f"{first.part}-{first.event}".replace(".", "-")
    title = f"{wording.event(first.event)}, {first.part} cases"
    judgement, reason = judge_together(runs, first)
    if judgement is None:
        return ComparisonSection(key, title, None, reason, ())
    skilful = 0 < judgement.n_events < judgement.n
    pictures = (forest_picture(judgement, key), roc_picture(judgement, key)) if skilful else ()
    return ComparisonSection(key, title, judgement, "", pictures)


def judge_together(runs: Sequence[ComparedRun], first: Evidence) -> tuple[Judgement | None, str]:
    """Judge the runs on the cases of an evidence of the first, or say why they cannot be."""
    evidences = {run.label: _evidence_of(run, first) for run in runs}
    if reason := _obstacle(evidences):
        return None, reason
    ordered = {
        label: _ordered(evidence) for label, evidence in evidences.items() if evidence is not None
    }
    return judge(_as_entrants(ordered), model=runs[0].label), ""


def _evidence_of(run: ComparedRun, first: Evidence) -> Evidence | None:
    wanted = (first.part, first.event)
    return next((e for e in run.evidences if (e.part, e.event) == wanted), None)


def _obstacle(evidences: dict[str, Evidence | None]) -> str:
    """Say why the runs are not comparable; empty when they are."""
    absent = [label for label, evidence in evidences.items() if evidence is None]
    if absent:
        return f"Not comparable: {', '.join(absent)} holds no evidence of this."
    (first_label, first), *others = [
        (label, _ordered(e)) for label, e in evidences.items() if e is not None
    ]
    for label, other in others:
        if not _same_cases(first, other):
            shared = len(_cases(first) & _cases(other))
            return (
                f"Not comparable: {first_label} was judged on {wording.count(len(first))} cases,"
                f" {label} on {wording.count(len(other))}, {wording.count(shared)} of them shared."
            )
        differing = int(np.count_nonzero(first.outcome != other.outcome))
        if differing:
            return (
                f"Not comparable: {first_label} and {label} hold {wording.count(differing)}"
                " cases of different outcome."
            )
    return ""


def _same_cases(first: Evidence, other: Evidence) -> bool:
    return np.array_equal(first.region_id, other.region_id) and np.array_equal(
        first.t_rec, other.t_rec
    )


def _cases(evidence: Evidence) -> set[tuple[int, int]]:
    times = evidence.t_rec.astype("datetime64[us]").astype(np.int64)
    return set(zip(evidence.region_id.tolist(), times.tolist(), strict=True))


def _ordered(evidence: Evidence) -> Evidence:
    """Return the same cases by region and time."""
    order: NDArray[np.int64] = np.lexsort((evidence.t_rec, evidence.region_id))
    return replace(
        evidence,
        region_id=evidence.region_id[order],
        t_rec=evidence.t_rec[order],
        outcome=evidence.outcome[order],
        raw=evidence.raw[order],
        calibrated=evidence.calibrated[order],
        entrants={name: p[order] for name, p in evidence.entrants.items()},
    )


def _as_entrants(ordered: dict[str, Evidence]) -> Evidence:
    """Make the other runs entrants beside the first and its baselines."""
    (label, first), *others = ordered.items()
    runs = {name: other.calibrated for name, other in others}
    baselines = {name: p for name, p in first.entrants.items() if name not in {label, *runs}}
    thresholds = {name: other.threshold for name, other in others if other.threshold is not None}
    return replace(first, entrants=runs | baselines, thresholds=dict(first.thresholds) | thresholds)
