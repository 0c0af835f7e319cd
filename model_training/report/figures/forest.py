"""The forest plot: the scores of all entrants with their intervals, one panel a score."""

from __future__ import annotations

from matplotlib.axes import Axes

from model_training.report import wording
from model_training.report.figures.canvas import TOKENS, Picture, drawing, looks, picture
from model_training.report.glossary import ENTRIES
from model_training.report.judgement import Judgement
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
            alternative=_sentence(judgement),
        )


def _panel(axes: Axes, judgement: Judgement, score: str) -> None:
    for row, (name, look) in enumerate(looks(list(judgement.entrants)).items()):
        found = judgement.entrants[name].scores.get(score)
        if found is None or found.value is None:
            continue
        if found.low is not None and found.high is not None:
            axes.hlines(row, found.low, found.high, color=look.color, linewidth=1.75)
            axes.plot([found.low, found.high], [row, row], "|", color=look.color, markersize=6)
        axes.plot(found.value, row, look.marker, color=look.color, markersize=5.5)
    entry = ENTRIES[score]
    if entry.no_skill is not None:
        axes.axvline(entry.no_skill, color=TOKENS["text3"], linewidth=1.25, zorder=1)
    axes.set_title(entry.label, fontsize=10.5, loc="left", color=TOKENS["text"])
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=3)
    _widen(axes, [entrant.scores.get(score) for entrant in judgement.entrants.values()])


def _widen(axes: Axes, found: list[Estimate | None]) -> None:
    """Leave room for the whiskers, which may be of no width at all."""
    values = [v for e in found if e for v in (e.value, e.low, e.high) if v is not None]
    low, high = min([*values, 0.0]), max([*values, 0.0])
    room = 0.06 * max(high - low, 0.1)
    axes.set_xlim(low - room, high + room)


def _sentence(judgement: Judgement) -> str:
    said = "; ".join(
        f"{name} BSS {wording.score(entrant.scores['bss'].value)}"
        for name, entrant in judgement.entrants.items()
    )
    return (
        f"Scores of {len(judgement.entrants)} entrants on the same cases, tabulated below: {said}."
    )
