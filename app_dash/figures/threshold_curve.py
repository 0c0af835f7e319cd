"""The scores over the threshold: what is gained and lost when yes is said earlier or later."""

from __future__ import annotations

from math import log10
from typing import Any

from app_dash import numbers
from app_dash.figures.chart import Figure, Trace, axis, chart, note
from app_dash.figures.logarithmic import LOWEST, log_axis
from app_dash.skill.answer import CurvePoint, SkillAnswer
from app_dash.theme import Tokens

_LINES = (("recall", "Recall"), ("precision", "Precision"), ("tss", "TSS"))


def threshold_figure(answer: SkillAnswer, tokens: Tokens, *, frozen: float | None) -> Figure:
    """Draw TSS, recall and precision, the threshold in use, and the frozen one where it differs."""
    points = [point for point in answer.curve if point.threshold >= LOWEST]
    looks: dict[str, dict[str, Any]] = {
        "tss": {"color": tokens.accent, "width": 2},
        "recall": {"color": tokens.text2, "width": 1.5, "dash": "4px,3px"},
        "precision": {"color": tokens.text3, "width": 1.5, "dash": "1px,3px"},
    }
    lines = [_line(points, name, label, looks[name]) for name, label in _LINES]
    labels = [_label(line, looks[name]["color"], tokens) for (name, _), line in
              zip(_LINES, lines, strict=True) if len(line["x"]) > 2]  # fmt: skip
    return chart(
        tokens,
        [*lines, *_here(answer, tokens)],
        xaxis=log_axis(tokens, "Threshold, %", scale=100),
        yaxis=axis(tokens, range=_heights(points), nticks=5, zerolinecolor=tokens.axis),
        shapes=_marks(answer, tokens, frozen),
        annotations=labels,
    )


def _line(points: list[CurvePoint], name: str, label: str, look: dict[str, Any]) -> Trace:
    known = [point for point in points if getattr(point, name) is not None]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": label,
        "x": [round(100 * point.threshold, 3) for point in known],
        "y": [round(getattr(point, name), 4) for point in known],
        "line": look,
        "hovertemplate": f"{label} %{{y:.2f}}<br>at %{{x:.3g}} %<extra></extra>",
    }


def _label(line: Trace, color: str, tokens: Tokens) -> dict[str, Any]:
    """Name a line where it is highest, which is on another side for each of the three."""
    top = max(range(len(line["y"])), key=line["y"].__getitem__)
    # A label on a logarithmic axis is placed by its logarithm, a shape by its value.
    x = log10(line["x"][top])
    is_right = x > 1
    return note(tokens, line["name"], color=color, x=x, y=line["y"][top],
                xanchor="right" if is_right else "left", yanchor="bottom", yshift=4)  # fmt: skip


def _here(answer: SkillAnswer, tokens: Tokens) -> list[Trace]:
    tss, threshold = answer.score("tss").value, answer.threshold
    if tss is None or threshold is None or not threshold.value:
        return []
    text = f"TSS {tss:.2f} at {numbers.probability(threshold.value)}"
    return [
        {
            "type": "scatter", "mode": "markers", "x": [100 * threshold.value], "y": [tss],
            "marker": {"color": tokens.panel, "size": 10,
                       "line": {"color": tokens.accent, "width": 2}},
            "hovertemplate": f"{text}<extra></extra>",
        }
    ]  # fmt: skip


def _marks(answer: SkillAnswer, tokens: Tokens, frozen: float | None) -> list[dict[str, Any]]:
    used = answer.threshold.value if answer.threshold else None
    lines = []
    if frozen is not None and answer.threshold and answer.threshold.source == "requested":
        lines.append((frozen, {"color": tokens.text3, "width": 1, "dash": "5px,3px"}))
    if used:
        lines.append((used, {"color": tokens.text, "width": 1}))
    return [
        {"type": "line", "x0": 100 * at, "x1": 100 * at, "y0": 0, "y1": 1, "yref": "paper",
         "layer": "below", "line": look}
        for at, look in lines
    ]  # fmt: skip


def _heights(points: list[CurvePoint]) -> list[float]:
    lowest = min((point.tss for point in points if point.tss is not None), default=0.0)
    return [min(-0.04, max(lowest, -1.0) - 0.04), 1.06]
