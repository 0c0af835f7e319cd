"""The kinds of scores, the scale of each, and the place of a value on it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from app_dash.shared.numbers import MINUS, score_text
from app_dash.shared.verification.report import Score

# Below this only the number tells scores apart, not the mark.
LOWEST = -2.0


@dataclass(frozen=True)
class ScoreKind:
    """One score: its name in the API, its label, its description, and the ends of its scale.

    `reference` is the value without skill, None where there is none; `is_better` names the good
    direction: ``higher``, ``lower``, or the value ``one``.
    """

    name: str
    label: str
    description: str
    low: float = 0.0
    high: float = 1.0
    reference: float | None = 0.0
    is_better: str = "higher"


KINDS: tuple[ScoreKind, ...] = (
    ScoreKind("tss", "TSS", f"True skill statistic: POD {MINUS} POFD", low=-0.2),
    ScoreKind("bss", "BSS", "Brier skill score", low=-0.2),
    ScoreKind("hss2", "HSS2", "Heidke skill score against chance", low=-0.2),
    ScoreKind("auc", "AUC", "Area under the ROC curve", reference=0.5),
    ScoreKind("gs", "GS", "Gilbert skill score (equitable threat)", low=-0.2),
    ScoreKind("precision", "Precision", "Hits among the yes forecasts", reference=None),
    ScoreKind("recall", "Recall", "Hits among the events (POD)", reference=None),
    ScoreKind("far", "FAR", "False alarms among the yes forecasts", reference=None,
              is_better="lower"),
    ScoreKind("accuracy", "Accuracy", "Correct among all cases", reference=None),
    ScoreKind("pofd", "POFD", "False alarms among the quiet cases", reference=None,
              is_better="lower"),
    ScoreKind("bias", "Bias", "Yes forecasts per event", high=2.0, reference=1.0,
              is_better="one"),
    ScoreKind("hss1", "HSS1", "Errors against those of always saying no", low=-0.2),
    ScoreKind("csi", "CSI", "Hits among hits, misses and false alarms", reference=None),
    ScoreKind("f1", "F1", "Harmonic mean of precision and recall", reference=None),
    ScoreKind("brier", "Brier", "Mean squared error of the probability", reference=None,
              is_better="lower"),
    ScoreKind("average_precision", "AP", "Mean precision over all thresholds", reference=None),
)  # fmt: skip
CARDS: tuple[ScoreKind, ...] = KINDS[:8]


@dataclass(frozen=True)
class Mark:
    """Where a score and its interval lie, as shares (0 to 1) of the line; None: not drawn."""

    at: float | None
    low: float | None
    high: float | None


def scale(kind: ScoreKind, scores: Iterable[Score]) -> tuple[float, float]:
    """Widen the usual ends of a score's scale, in halves, to hold the given scores."""
    values = [value for score in scores for value in (score.value, score.low, score.high)]
    known = [value for value in values if value is not None]
    low = min([kind.low, *(math.floor(value * 2) / 2 for value in known if value < kind.low)])
    high = max([kind.high, *(math.ceil(value) for value in known if value > kind.high)])
    return max(low, LOWEST), min(high, 10.0)


def place(score: Score, ends: tuple[float, float]) -> Mark:
    """Return the place of a score on a scale; a value beyond an end is drawn at the end."""

    def share(value: float | None) -> float | None:
        if value is None:
            return None
        return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)

    return Mark(share(score.value), share(score.low), share(score.high))


def interval_text(score: Score, *, digits: int = 2) -> str:
    """Write an interval: ``0.21 … 0.51``; nothing when there is none."""
    if score.low is None or score.high is None:
        return ""
    return f"{score_text(score.low, digits=digits)} … {score_text(score.high, digits=digits)}"
