"""Figures of forecasts: the reliability diagram, the contingency table and the histogram.

The contingency table is that at the frozen threshold; the histogram shows forecasts by outcome.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from model_training.judging.evidence import Evidence
from model_training.judging.judgement import Judgement
from model_training.report import wording
from model_training.report.canvas import TOKENS, Picture, drawing, picture
from solar.reliability import ReliabilityBin, reliability

_BINS = np.linspace(0, 1, 21)
# Below FEW the frequency of a bin says little and is drawn pale; below FEWEST, nothing.
FEW, FEWEST = 30, 5
Floats = NDArray[np.float64]


def confusion_picture(judgement: Judgement, key: str) -> Picture:
    """Draw hits, false alarms, misses and correct negatives of the model."""
    entrant = judgement.entrants[judgement.model]
    table = entrant.contingency
    if table is None:
        raise AssertionError("without a threshold there is nothing to draw")
    cells = (
        ("hits", table.hits, TOKENS["ok"]),
        ("false alarms", table.false_alarms, TOKENS["text2"]),
        ("misses", table.misses, TOKENS["error"]),
        ("correct negatives", table.correct_negatives, TOKENS["text2"]),
    )
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
        counts = ", ".join(f"{wording.count(count)} {name}" for name, count, _ in cells)
        return picture(
            figure,
            f"Yes and no at {wording.percent(entrant.threshold)}",
            key=f"{key}-confusion",
            caption="The model at the threshold that was frozen on validation cases.",
            alternative=f"At the frozen threshold: {counts}.",
        )


def _cell(axes: Axes, place: int, *, name: str, count: int, color: str) -> None:
    column, row = place % 2, place // 2
    axes.add_patch(Rectangle((column + 0.03, row + 0.04), 0.94, 0.92, color=TOKENS["sunk"]))
    axes.text(
        column + 0.5,
        row + 0.42,
        wording.count(count),
        ha="center",
        va="center",
        fontsize=20,
        color=color,
    )
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


def reliability_picture(evidence: Evidence, key: str) -> Picture:
    """Draw observed frequency over forecast probability, before and after calibration."""
    known = ~np.isnan(evidence.calibrated) & ~np.isnan(evidence.raw)
    outcome = evidence.outcome[known]
    shared = cases_per_independent(evidence, known)
    after = reliability(evidence.calibrated[known], outcome, cases_per_independent=shared)
    before = reliability(evidence.raw[known], outcome)
    with drawing(330) as figure:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        _references(above, float(outcome.mean()) if outcome.size else None)
        _before(above, before)
        _after(above, after)
        _counts(below, after)
        above.set(xlim=(0, 1), ylim=(0, 1), ylabel="Observed share")
        below.set(xlabel="Forecast probability", ylabel="Cases")
        above.legend(loc="upper left", handlelength=1.6)
        return picture(
            figure,
            "Reliability",
            key=f"{key}-reliability",
            caption="On the diagonal forecasts come true as often as they say; between the dashed"
            " line and the base rate they lose to always saying the base rate. Bars: Wilson 95 %,"
            " cases of one region and day counted once. Pale: fewer than 30 cases.",
            alternative=_sentence(evidence, after),
        )


def cases_per_independent(evidence: Evidence, known: NDArray[np.bool_]) -> float:
    """Count how many cases share a region and a day, and so nearly an outcome."""
    if not known.any():
        return 1.0
    days = evidence.day[known].astype(np.int64)
    region_days = np.unique(np.stack([evidence.region_id[known], days]), axis=1)
    return float(known.sum() / region_days.shape[1])


def _references(axes: Axes, base_rate: float | None) -> None:
    axes.plot([0, 1], [0, 1], color=TOKENS["axis"], linewidth=1)
    if base_rate is None:
        return
    axes.axhline(base_rate, color=TOKENS["text3"], linewidth=1, linestyle=(0, (1, 2)))
    axes.plot(
        [0, 1],
        [base_rate / 2, (1 + base_rate) / 2],
        color=TOKENS["text3"],
        linewidth=1,
        linestyle=(0, (4, 3)),
    )
    axes.annotate(
        f"base rate {wording.percent(base_rate)}",
        (1, base_rate),
        (0, 3),
        textcoords="offset points",
        ha="right",
        fontsize=10,
        color=TOKENS["text3"],
    )
    axes.annotate(
        "no skill",
        (1, (1 + base_rate) / 2),
        (0, -22),
        textcoords="offset points",
        ha="right",
        fontsize=10,
        color=TOKENS["text3"],
    )


def _before(axes: Axes, bins: tuple[ReliabilityBin, ...]) -> None:
    mean, observed = _points([item for item in bins if item.n >= FEW])
    axes.plot(
        mean,
        observed,
        color=TOKENS["text3"],
        marker="s",
        markersize=4,
        linewidth=1,
        linestyle=(0, (2, 2)),
        markerfacecolor=TOKENS["panel"],
        label="before calibration",
    )


def _after(axes: Axes, bins: tuple[ReliabilityBin, ...]) -> None:
    many = [item for item in bins if item.n >= FEW]
    few = [item for item in bins if FEWEST <= item.n < FEW]
    mean, observed = _points(many)
    axes.plot(mean, observed, color=TOKENS["accent"], label="calibrated")
    for items, face, opacity in ((many, TOKENS["accent"], 1.0), (few, TOKENS["panel"], 0.5)):
        mean, observed = _points(items)
        axes.errorbar(
            mean,
            observed,
            yerr=_whiskers(items),
            fmt="o",
            color=TOKENS["accent"],
            markerfacecolor=face,
            markersize=6,
            linewidth=1.5,
            capsize=3,
            alpha=opacity,
        )


def _points(bins: list[ReliabilityBin]) -> tuple[Floats, Floats]:
    mean = np.array([item.mean_forecast for item in bins], float)
    return mean, np.array([item.observed_frequency for item in bins], float)


def _whiskers(bins: list[ReliabilityBin]) -> Floats:
    """Return how far the Wilson limits lie below and above the observed shares, (2, bins)."""
    observed = _points(bins)[1]
    low = np.array([item.low for item in bins], float)
    high = np.array([item.high for item in bins], float)
    reach: Floats = np.maximum(np.stack([observed - low, high - observed]), 0)
    return reach


def _counts(axes: Axes, bins: tuple[ReliabilityBin, ...]) -> None:
    axes.bar(
        [item.lower for item in bins],
        [item.n for item in bins],
        width=[item.upper - item.lower for item in bins],
        align="edge",
        color=TOKENS["axis"],
        edgecolor=TOKENS["panel"],
    )
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
    axes.set_ylim(0.7, 2 * max([item.n for item in bins] + [5]))
    axes.grid(visible=False)


def _sentence(evidence: Evidence, bins: tuple[ReliabilityBin, ...]) -> str:
    shown = [item for item in bins if item.n >= FEWEST and item.mean_forecast is not None]
    if not shown:
        return "Reliability diagram without a bin of 5 cases or more."
    pairs = "; ".join(
        f"forecast {wording.percent(item.mean_forecast)}, observed"
        f" {wording.percent(item.observed_frequency)} of {wording.count(item.n)}"
        for item in shown
    )
    return f"Reliability of {wording.event(evidence.event)} after calibration: {pairs}."
