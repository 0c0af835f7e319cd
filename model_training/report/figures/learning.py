"""The learning curve: what the fits of a run said about themselves, step by step."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.ticker import MaxNLocator

from model_training.report.figures.canvas import Picture, drawing, looks, picture
from model_training.report.learning import LearningCurve


def learning_picture(curves: Sequence[LearningCurve], key: str) -> Picture:
    """Draw the curves of one kind of step; several fits are several thin lines."""
    unit = curves[0].unit
    style = looks(list(dict.fromkeys(curve.figure for curve in curves)))
    fits = len({curve.place for curve in curves})
    with drawing(280) as figure:
        axes = figure.subplots()
        labelled: set[str] = set()
        for curve in curves:
            look = style[curve.figure]
            axes.plot(
                curve.steps, curve.values, color=look.color, linestyle=look.line,
                linewidth=2 if fits == 1 else 1, alpha=1 if fits == 1 else 0.7,
                label=None if curve.figure in labelled else curve.figure.replace("_", " "),
                marker=look.marker if len(curve.steps) == 1 else None,
            )  # fmt: skip
            labelled.add(curve.figure)
        axes.set_xlabel(unit.capitalize())
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.legend(loc="upper right")
        return picture(
            figure,
            f"Learning by {unit}",
            key=key,
            caption=f"{fits} fits, a line each." if fits > 1 else "One fit.",
            alternative=_sentence(curves, fits),
        )


def _sentence(curves: Sequence[LearningCurve], fits: int) -> str:
    first = curves[0]
    ends: dict[str, str] = {}
    for curve in curves:
        ends.setdefault(curve.figure, f"{curve.values[0]:.3g} to {curve.values[-1]:.3g}")
    said = ", ".join(f"{name.replace('_', ' ')} {moved}" for name, moved in ends.items())
    return (
        f"{fits} fits over up to {max(first.steps)} steps; in {first.place or 'the first'}: {said}."
    )
