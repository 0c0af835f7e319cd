"""The counts: the 2x2 table at the frozen threshold, and the forecasts by outcome."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from model_training.evidence import Evidence
from model_training.report import wording
from model_training.report.figures.canvas import TOKENS, Picture, drawing, picture
from model_training.report.judgement import Judgement

_BINS = np.linspace(0, 1, 21)


def confusion_picture(judgement: Judgement, key: str) -> Picture:
    """Draw hits, false alarms, misses and correct negatives of the model."""
    found = judgement.entrants[judgement.model]
    table = found.contingency
    if table is None:
        raise AssertionError("without a threshold there is nothing to draw")
    cells = (
        ("hits", table.hits, TOKENS["ok"]), ("false alarms", table.false_alarms, TOKENS["text2"]),
        ("misses", table.misses, TOKENS["error"]),
        ("correct negatives", table.correct_negatives, TOKENS["text2"]),
    )  # fmt: skip
    with drawing(240) as figure:
        axes = figure.subplots()
        for place, (name, count, color) in enumerate(cells):
            _cell(axes, place, name=name, count=count, color=color)
        axes.set(xlim=(-0.02, 2.02), ylim=(2.02, -0.02))
        axes.set_xticks([0.5, 1.5], ["event observed", "no event"])
        axes.set_yticks([0.5, 1.5], ["said\nyes", "said\nno"])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        said = ", ".join(f"{wording.count(count)} {name}" for name, count, _ in cells)
        return picture(
            figure,
            f"Yes and no at {wording.percent(found.threshold)}",
            key=f"{key}-confusion",
            caption="The model at the threshold that was frozen on validation cases.",
            alternative=f"At the frozen threshold: {said}.",
        )


def _cell(axes: Axes, place: int, *, name: str, count: int, color: str) -> None:
    column, row = place % 2, place // 2
    axes.add_patch(Rectangle((column + 0.03, row + 0.04), 0.94, 0.92, color=TOKENS["sunk"]))
    axes.text(column + 0.5, row + 0.42, wording.count(count), ha="center", va="center",
              fontsize=20, color=color)  # fmt: skip
    axes.text(column + 0.5, row + 0.74, name, ha="center", va="center", fontsize=10.5)


def histogram_picture(evidence: Evidence, key: str) -> Picture:
    """Draw how often each probability was forecast before an event, and before none."""
    known = ~np.isnan(evidence.calibrated)
    event = evidence.outcome == 1
    with drawing(240) as figure:
        axes = figure.subplots()
        quiet, eventful = (
            np.histogram(evidence.calibrated[known & kind], _BINS)[0] for kind in (~event, event)
        )
        axes.stairs(quiet, _BINS, fill=True, color=TOKENS["axis"], label="no event followed")
        axes.stairs(eventful, _BINS, color=TOKENS["m-mark"], linewidth=2, label="event followed")
        axes.set_yscale("symlog", linthresh=1)
        axes.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
        axes.set(xlim=(0, 1), xlabel="Forecast probability", ylabel="Cases")
        axes.set_ylim(0, 3 * max(int(quiet.max()), int(eventful.max()), 1))
        axes.legend(loc="upper right")
        return picture(
            figure,
            "Forecasts by outcome",
            key=f"{key}-histogram",
            caption="The further the two lie apart, the better the forecast tells them apart.",
            alternative=f"Median forecast before an event {_median(evidence, known & event)},"
            f" before none {_median(evidence, known & ~event)}.",
        )


def _median(evidence: Evidence, cases: NDArray[np.bool_]) -> str:
    chosen = evidence.calibrated[cases]
    return wording.percent(float(np.median(chosen)) if chosen.size else None)
