"""The reliability diagram: how often the event came when it was forecast with p, and how often."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from model_training.evidence import Evidence
from model_training.report import wording
from model_training.report.figures.canvas import TOKENS, Picture, drawing, picture
from solar.reliability import ReliabilityBin, reliability

# Below FEW the frequency of a bin says little and is drawn pale; below FEWEST, nothing.
FEW, FEWEST = 30, 5

Floats = NDArray[np.float64]


def reliability_picture(evidence: Evidence, key: str) -> Picture:
    """Draw observed frequency over forecast probability, before and after calibration."""
    known = ~np.isnan(evidence.calibrated) & ~np.isnan(evidence.raw)
    outcome = evidence.outcome[known]
    shared = _cases_per_independent(evidence, known)
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


def _cases_per_independent(evidence: Evidence, known: NDArray[np.bool_]) -> float:
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
        [0, 1], [base_rate / 2, (1 + base_rate) / 2],
        color=TOKENS["text3"], linewidth=1, linestyle=(0, (4, 3)),
    )  # fmt: skip
    axes.annotate(
        f"base rate {wording.percent(base_rate)}", (1, base_rate), (0, 3),
        textcoords="offset points", ha="right", fontsize=10, color=TOKENS["text3"],
    )  # fmt: skip
    axes.annotate(
        "no skill", (1, (1 + base_rate) / 2), (0, -22),
        textcoords="offset points", ha="right", fontsize=10, color=TOKENS["text3"],
    )  # fmt: skip


def _before(axes: Axes, bins: tuple[ReliabilityBin, ...]) -> None:
    mean, observed = _points([item for item in bins if item.n >= FEW])
    axes.plot(
        mean, observed, color=TOKENS["text3"], marker="s", markersize=4, linewidth=1,
        linestyle=(0, (2, 2)), markerfacecolor=TOKENS["panel"], label="before calibration",
    )  # fmt: skip


def _after(axes: Axes, bins: tuple[ReliabilityBin, ...]) -> None:
    many = [item for item in bins if item.n >= FEW]
    few = [item for item in bins if FEWEST <= item.n < FEW]
    mean, observed = _points(many)
    axes.plot(mean, observed, color=TOKENS["accent"], label="calibrated")
    for items, face, opacity in ((many, TOKENS["accent"], 1.0), (few, TOKENS["panel"], 0.5)):
        mean, observed = _points(items)
        axes.errorbar(
            mean, observed, yerr=_whiskers(items), fmt="o", color=TOKENS["accent"],
            markerfacecolor=face, markersize=6, linewidth=1.5, capsize=3, alpha=opacity,
        )  # fmt: skip


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
        [item.lower for item in bins], [item.n for item in bins],
        width=[item.upper - item.lower for item in bins], align="edge",
        color=TOKENS["axis"], edgecolor=TOKENS["panel"],
    )  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
    axes.set_ylim(0.7, 2 * max([item.n for item in bins] + [5]))
    axes.grid(visible=False)


def _sentence(evidence: Evidence, bins: tuple[ReliabilityBin, ...]) -> str:
    drawn = [item for item in bins if item.n >= FEWEST and item.mean_forecast is not None]
    if not drawn:
        return "Reliability diagram without a bin of 5 cases or more."
    pairs = "; ".join(
        f"forecast {wording.percent(item.mean_forecast)}, observed"
        f" {wording.percent(item.observed_frequency)} of {wording.count(item.n)}"
        for item in drawn
    )
    return f"Reliability of {wording.event(evidence.event)} after calibration: {pairs}."
