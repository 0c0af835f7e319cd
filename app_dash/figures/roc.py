"""The ROC diagram: hit rate over false-alarm rate at all thresholds, the entrants together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app_dash import numbers
from app_dash.figures.chart import Figure, Trace, chart, note, percent_axis
from app_dash.figures.entrants import Style, styles
from app_dash.figures.scores import score_text
from app_dash.skill.answer import SkillAnswer, Verification
from app_dash.theme import Tokens


def roc_figure(answer: SkillAnswer, tokens: Tokens) -> Figure:
    """Draw the ROC of every entrant, the asked model's operating point, and the areas."""
    looks = styles(answer.all, tokens)
    curves = [_curve(entrant, look) for entrant, look in zip(answer.all, looks, strict=True)]
    diagonal = {"x0": 0, "y0": 0, "x1": 100, "y1": 100}
    return chart(
        tokens,
        [*reversed(curves), *_operating_point(answer, tokens)],
        xaxis=percent_axis(tokens, "False-alarm rate (POFD), %"),
        yaxis=percent_axis(tokens, "Hit rate (POD), %"),
        shapes=[
            {
                "type": "line",
                "layer": "below",
                "line": {"color": tokens.axis, "width": 1},
                **diagonal,
            }
        ],
        annotations=corner_labels(_areas(answer, looks), tokens, top=8 * len(looks) - 2),
    )


def _curve(entrant: Verification, look: Style) -> Trace:
    points = [p for p in entrant.roc if p.pod is not None and p.pofd is not None]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": look.label,
        "x": [round(100 * (p.pofd or 0.0), 3) for p in points],
        "y": [round(100 * (p.pod or 0.0), 3) for p in points],
        "line": {"color": look.color, "width": look.width, "dash": look.dash},
        "customdata": [numbers.probability(p.threshold) for p in points],
        "hovertemplate": (
            f"{look.label}<br>threshold %{{customdata}}<br>hit rate %{{y:.0f}} %"
            "<br>false-alarm rate %{x:.1f} %<extra></extra>"
        ),
    }


def _operating_point(answer: SkillAnswer, tokens: Tokens) -> list[Trace]:
    table, threshold = answer.contingency, answer.threshold
    if table is None or threshold is None:
        return []
    events, quiet = table.hits + table.misses, table.false_alarms + table.correct_negatives
    if not events or not quiet:
        return []
    label = f"at {numbers.probability(threshold.value)}"
    mark = {"color": tokens.panel, "size": 11, "line": {"color": tokens.accent, "width": 2}}
    return [
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": [100 * table.false_alarms / quiet],
            "y": [100 * table.hits / events],
            "text": [label],
            "textposition": "middle right",
            "textfont": {"color": tokens.text},
            "marker": mark,
            "hovertemplate": f"{label}<br>hit rate %{{y:.0f}} %<br>"
            "false-alarm rate %{x:.1f} %<extra></extra>",
        }
    ]


def _areas(answer: SkillAnswer, looks: list[Style]) -> list[tuple[str, str]]:
    return [
        (f"{look.label} AUC {score_text(entrant.score('auc').value)}", look.color)
        for entrant, look in zip(answer.all, looks, strict=True)
    ]


def corner_labels(
    rows: Sequence[tuple[str, str]], tokens: Tokens, *, top: float
) -> list[dict[str, Any]]:
    """Write (text, colour) rows down the right side from a height [%]; the first is the asked."""
    return [
        note(tokens, text if index else f"<b>{text}</b>", color=color, x=100, y=top - 8 * index,
             xanchor="right", yanchor="middle", bgcolor=tokens.panel)
        for index, (text, color) in enumerate(rows)
    ]  # fmt: skip
