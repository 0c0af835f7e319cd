"""The precision-recall diagram: what share of the alarms came true, over the share forecast."""

from __future__ import annotations

from app_dash import numbers
from app_dash.figures.chart import Figure, Trace, chart, percent_axis
from app_dash.figures.entrants import Style, styles
from app_dash.figures.roc import corner_labels
from app_dash.figures.scores import score_text
from app_dash.skill.answer import SkillAnswer, Verification
from app_dash.theme import Tokens


def precision_recall_figure(answer: SkillAnswer, tokens: Tokens) -> Figure:
    """Draw every entrant's curve, the base rate that needs no skill, and the operating point."""
    looks = styles(answer.all, tokens)
    curves = [_curve(entrant, look) for entrant, look in zip(answer.all, looks, strict=True)]
    rows = [
        (f"{look.label} AP {score_text(entrant.score('average_precision').value)}", look.color)
        for entrant, look in zip(answer.all, looks, strict=True)
    ]
    height = 100 * (answer.base_rate or 0)
    base = {"type": "line", "layer": "below", "x0": 0, "x1": 100, "y0": height, "y1": height,
            "line": {"color": tokens.text3, "width": 1, "dash": "dot"}}  # fmt: skip
    return chart(
        tokens,
        [*reversed(curves), *_operating_point(answer, tokens)],
        xaxis=percent_axis(tokens, "Recall (POD), %"),
        yaxis=percent_axis(tokens, "Precision, %"),
        shapes=[base],
        annotations=corner_labels(rows, tokens, top=98),
    )


def _curve(entrant: Verification, look: Style) -> Trace:
    points = [p for p in entrant.precision_recall if None not in (p.precision, p.recall)]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": look.label,
        "x": [round(100 * (p.recall or 0.0), 3) for p in points],
        "y": [round(100 * (p.precision or 0.0), 3) for p in points],
        "line": {"color": look.color, "width": look.width, "dash": look.dash},
        "customdata": [numbers.probability(p.threshold) for p in points],
        "hovertemplate": (
            f"{look.label}<br>threshold %{{customdata}}<br>precision %{{y:.0f}} %"
            "<br>recall %{x:.0f} %<extra></extra>"
        ),
    }


def _operating_point(answer: SkillAnswer, tokens: Tokens) -> list[Trace]:
    precision, recall = answer.score("precision").value, answer.score("recall").value
    if precision is None or recall is None or answer.threshold is None:
        return []
    label = f"at {numbers.probability(answer.threshold.value)}"
    return [
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": [100 * recall],
            "y": [100 * precision],
            "text": [label],
            "textposition": "top right",
            "textfont": {"color": tokens.text},
            "marker": {"color": tokens.panel, "size": 11,
                       "line": {"color": tokens.accent, "width": 2}},
            "hovertemplate": f"{label}<br>precision %{{y:.0f}} %<br>recall %{{x:.0f}} %"
            "<extra></extra>",
        }
    ]  # fmt: skip
