"""Figures of scores: the forest plot, and the ROC and precision-recall curves of every entrant.

The forest plot has one panel a score, and shows the intervals.
"""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_training.judging.judgement import Entrant, Judgement
from model_training.report import wording
from model_training.report.canvas import TOKENS, Picture, drawing, looks, picture
from model_training.report.wording import GLOSSARY
from solar.binned import RocPoint
from solar.skill import Estimate

SHOWN = ("bss", "auc", "tss", "hss2", "recall", "far")


def forest_picture(judgement: Judgement, key: str) -> Picture:
    """Draw a dot and a whisker per entrant; an undefined score leaves its row empty."""
    names = list(judgement.entrants)
    with drawing(3 * (48 + 15 * len(names))) as figure:
        panels = figure.subplots(3, 2, sharey=True)
        for axes, score in zip(panels.flat, SHOWN, strict=True):
            _panel(axes, judgement, score)
        for axes in panels[:, 0]:
            axes.set_yticks(range(len(names)), names)
            axes.set_ylim(len(names) - 0.4, -0.6)
        return picture(
            figure,
            "Scores and intervals",
            key=f"{key}-forest",
            caption="Dot: score; whisker: 95 % interval; strong line: no skill. All entrants on"
            " the same cases; without a threshold there are no yes/no scores.",
            alternative=_forest_sentence(judgement),
        )


def _panel(axes: Axes, judgement: Judgement, score: str) -> None:
    for row, (name, look) in enumerate(looks(list(judgement.entrants)).items()):
        estimate = judgement.entrants[name].scores.get(score)
        if estimate is None or estimate.value is None:
            continue
        if estimate.low is not None and estimate.high is not None:
            axes.hlines(row, estimate.low, estimate.high, color=look.color, linewidth=1.75)
            axes.plot(
                [estimate.low, estimate.high], [row, row], "|", color=look.color, markersize=6
            )
        axes.plot(estimate.value, row, look.marker, color=look.color, markersize=5.5)
    entry = GLOSSARY[score]
    if entry.no_skill is not None:
        axes.axvline(entry.no_skill, color=TOKENS["text3"], linewidth=1.25, zorder=1)
    axes.set_title(entry.label, fontsize=10.5, loc="left", color=TOKENS["text"])
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=3)
    _widen(axes, [entrant.scores.get(score) for entrant in judgement.entrants.values()])


def _widen(axes: Axes, estimates: list[Estimate | None]) -> None:
    """Leave room for the whiskers, which may be of no width at all."""
    values = [v for e in estimates if e for v in (e.value, e.low, e.high) if v is not None]
    low, high = min([*values, 0.0]), max([*values, 0.0])
    room = 0.06 * max(high - low, 0.1)
    axes.set_xlim(low - room, high + room)


def _forest_sentence(judgement: Judgement) -> str:
    scores = "; ".join(
        f"{name} BSS {wording.score(entrant.scores['bss'].value)}"
        for name, entrant in judgement.entrants.items()
    )
    n_entrants = len(judgement.entrants)
    return f"Scores of {n_entrants} entrants on the same cases, tabulated below: {scores}."


def roc_picture(judgement: Judgement, key: str) -> Picture:
    """Draw hit rate over false-alarm rate, with the frozen threshold marked."""
    with drawing(290 + 14 * len(judgement.entrants)) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=TOKENS["axis"], linewidth=1)
        for name, entrant in judgement.entrants.items():
            x, y = [p.pofd for p in entrant.roc], [p.recall for p in entrant.roc]
            _line(axes, judgement, name, x=x, y=y, label=_with(name, entrant, "auc", "AUC"))
        model = judgement.entrants[judgement.model]
        _mark(axes, model, x="pofd", y="recall")
        _finish(figure, axes, "False-alarm rate (POFD)", "Hit rate (recall)")
        return picture(
            figure,
            "ROC",
            key=f"{key}-roc",
            caption="Over all thresholds; circle: the frozen one. On the diagonal there is no"
            " skill.",
            alternative=_curve_sentence("ROC curves of", judgement, "auc", "AUC"),
        )


def precision_recall_picture(judgement: Judgement, key: str) -> Picture:
    """Draw precision over recall; an unskilled forecast lies on the base rate."""
    with drawing(290 + 14 * len(judgement.entrants)) as figure:
        axes = figure.subplots()
        if judgement.base_rate is not None:
            axes.axhline(judgement.base_rate, color=TOKENS["axis"], linewidth=1)
        for name, entrant in judgement.entrants.items():
            points = [point for point in entrant.roc if point.recall + point.pofd > 0]
            x = [point.recall for point in points]
            y = [_precision(point, judgement) for point in points]
            label = _with(name, entrant, "average_precision", "AP")
            _line(axes, judgement, name, x=x, y=y, label=label)
        _mark(axes, judgement.entrants[judgement.model], x="recall", y="precision")
        _finish(figure, axes, "Recall", "Precision")
        rate = wording.percent(judgement.base_rate)
        return picture(
            figure,
            "Precision and recall",
            key=f"{key}-pr",
            caption=f"Circle: the frozen threshold. Grey line: the base rate, {rate}, which a"
            " forecast without skill has at every recall.",
            alternative=_curve_sentence(
                f"Precision-recall curves over a base rate of {rate}:",
                judgement,
                "average_precision",
                "average precision",
            ),
        )


def _precision(point: RocPoint, judgement: Judgement) -> float:
    hits = point.recall * judgement.n_events
    return hits / (hits + point.pofd * (judgement.n - judgement.n_events))


def _line(
    axes: Axes, judgement: Judgement, name: str, *, x: list[float], y: list[float], label: str
) -> None:
    look = looks(list(judgement.entrants))[name]
    is_model = name == judgement.model
    axes.plot(
        x,
        y,
        color=look.color,
        linestyle=look.line,
        label=label,
        linewidth=2 if is_model else 1.25,
        zorder=3 if is_model else 2,
    )


def _mark(axes: Axes, entrant: Entrant, *, x: str, y: str) -> None:
    """Mark the frozen threshold on the curve of the model."""
    place = [entrant.scores[name].value if name in entrant.scores else None for name in (x, y)]
    if entrant.threshold is None or place[0] is None or place[1] is None:
        return
    axes.plot(
        place[0],
        place[1],
        "o",
        color=TOKENS["accent"],
        markersize=8,
        markerfacecolor=TOKENS["panel"],
        markeredgewidth=2,
        zorder=4,
    )
    axes.annotate(
        f"at {wording.percent(entrant.threshold)}",
        (place[0], place[1]),
        (-8, -13) if place[0] > 0.7 else (8, -13),
        ha="right" if place[0] > 0.7 else "left",
        textcoords="offset points",
        fontsize=10,
        color=TOKENS["text"],
    )


def _finish(figure: Figure, axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=x, ylabel=y)
    figure.legend(loc="outside lower left", handlelength=2.5, labelspacing=0.3)


def _with(name: str, entrant: Entrant, score: str, label: str) -> str:
    return f"{name}, {label} {wording.score(entrant.scores[score].value)}"


def _curve_sentence(start: str, judgement: Judgement, score: str, label: str) -> str:
    parts = (_with(name, entrant, score, label) for name, entrant in judgement.entrants.items())
    return f"{start} {'; '.join(parts)}."
