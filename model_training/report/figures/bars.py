"""The bars of importance: the Brier skill that is lost without each feature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_training.report import wording
from model_training.report.figures.canvas import TOKENS, Picture, drawing, picture
from model_training.report.importance import Importance

MOST = 20


def importance_picture(items: Sequence[Importance], event: str, *, key: str) -> Picture:
    """Draw the most important features, the first on top, with their range over the shuffles."""
    shown = [item for item in items if item.drop.value is not None][:MOST]
    place = np.arange(len(shown))
    value, low, high = np.array(
        [(item.drop.value, item.drop.low, item.drop.high) for item in shown], float
    ).reshape(-1, 3).T  # fmt: skip
    with drawing(70 + 17 * max(len(shown), 1)) as figure:
        axes = figure.subplots()
        axes.barh(place, value, height=0.6, color=TOKENS["accent"])
        axes.hlines(place, low, high, color=TOKENS["text"], linewidth=1.25)
        axes.axvline(0, color=TOKENS["axis"], linewidth=1)
        axes.set_yticks(place, [item.feature for item in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlabel("Brier skill lost")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        return picture(
            figure,
            f"Importance, {wording.event(event)}",
            key=f"{key}-importance",
            caption=f"The {len(shown)} most important of {len(items)} features; thin line: range"
            " over the repeats.",
            alternative=_sentence(shown[:5]),
        )


def _sentence(shown: Sequence[Importance]) -> str:
    if not shown:
        return "No importance: the outcomes are all alike."
    said = ", ".join(f"{item.feature} {wording.signed(item.drop.value)}" for item in shown)
    return f"Brier skill lost when a feature is shuffled, greatest first: {said}."
