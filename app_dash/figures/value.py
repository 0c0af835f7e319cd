"""Relative economic value: what a forecast saves a user whose protection costs C of a loss L."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log10
from typing import Any

from app_dash.figures.chart import Figure, Trace, axis, chart, note
from app_dash.figures.entrants import styles
from app_dash.figures.logarithmic import log_axis
from app_dash.figures.scores import score_text
from app_dash.skill.answer import SkillAnswer, ValuePoint
from app_dash.theme import Tokens

LOWEST_VALUE = -0.2


def value_figure(answer: SkillAnswer, tokens: Tokens, *, cost_loss: float | None) -> Figure:
    """Draw the value at the threshold and from p >= C/L, the entrants', and the chosen user."""
    looks = styles(answer.all, tokens)
    lines = [
        _line(entrant.value, "at_threshold", look.label,
              {"color": look.color, "width": look.width, "dash": look.dash})
        for entrant, look in zip(answer.all, looks, strict=True)
    ]  # fmt: skip
    own = _line(answer.value, "at_cost_loss", "acting from p ≥ C/L",
                {"color": tokens.accent, "width": 1.5})  # fmt: skip
    own["opacity"] = 0.5
    return chart(
        tokens,
        [*reversed(lines[1:]), own, lines[0], *_here(answer, tokens, cost_loss)],
        xaxis=log_axis(tokens, "Cost of protection / loss"),
        yaxis=axis(tokens, range=[LOWEST_VALUE, _top(answer)], nticks=6,
                   zerolinecolor=tokens.axis),
        shapes=_mark(tokens, cost_loss),
        annotations=_label(answer, tokens, cost_loss),
    )  # fmt: skip


def nearest(points: Sequence[ValuePoint], cost_loss: float | None) -> ValuePoint | None:
    """Find the point whose ratio is nearest to the one chosen, as the curve is exact there."""
    if cost_loss is None or not points:
        return None
    return min(points, key=lambda point: abs(log10(point.cost_loss) - log10(cost_loss)))


def _line(points: Sequence[ValuePoint], name: str, label: str, look: dict[str, Any]) -> Trace:
    known = [point for point in points if getattr(point, name) is not None]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": label,
        "x": [round(point.cost_loss, 5) for point in known],
        # Far below zero is as useless as just below the frame.
        "y": [round(max(getattr(point, name), 10 * LOWEST_VALUE), 4) for point in known],
        "line": look,
        "hovertemplate": f"{label}<br>value %{{y:.2f}} at C/L %{{x:.3g}}<extra></extra>",
    }


def _here(answer: SkillAnswer, tokens: Tokens, cost_loss: float | None) -> list[Trace]:
    point = nearest(answer.value, cost_loss)
    if point is None or point.at_threshold is None or point.at_threshold < LOWEST_VALUE:
        return []
    return [
        {"type": "scatter", "mode": "markers", "x": [point.cost_loss], "y": [point.at_threshold],
         "marker": {"color": tokens.accent, "size": 9}, "hoverinfo": "skip"}
    ]  # fmt: skip


def _mark(tokens: Tokens, cost_loss: float | None) -> list[dict[str, Any]]:
    if cost_loss is None:
        return []
    return [
        {"type": "line", "x0": cost_loss, "x1": cost_loss, "y0": 0, "y1": 1, "yref": "paper",
         "layer": "below", "line": {"color": tokens.text, "width": 1}}
    ]  # fmt: skip


def _label(answer: SkillAnswer, tokens: Tokens, cost_loss: float | None) -> list[dict[str, Any]]:
    point = nearest(answer.value, cost_loss)
    if point is None or cost_loss is None:
        return []
    text = f"C/L {cost_loss:.2g} · {score_text(point.at_threshold)}"
    is_right = cost_loss > 0.2
    return [
        note(tokens, text, color=tokens.text, x=log10(cost_loss), y=1, yref="paper",
             xanchor="right" if is_right else "left", yanchor="top", xshift=-4 if is_right else 4,
             bgcolor=tokens.sunk)
    ]  # fmt: skip


def _top(answer: SkillAnswer) -> float:
    given = [value for entrant in answer.all for point in entrant.value
             for value in (point.at_threshold, point.at_cost_loss)]  # fmt: skip
    highest = max((value for value in given if value is not None), default=0.5)
    return max(0.5, ceil(highest * 5 + 0.5) / 5)
