"""The figures over a decision limit: scores over the threshold, value over cost/loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import ceil, log10
from typing import Any

from app_dash.shared import numbers
from app_dash.shared.chart import Figure, Trace, axis, chart, note
from app_dash.shared.numbers import score_text
from app_dash.shared.theme import Tokens
from app_dash.shared.verification.report import CurvePoint, SkillReport, ValuePoint
from app_dash.shared.verification.styles import styles

# Three decades: below 0.1 % even rare events cannot be distinguished.
LOWEST = 0.001
HIGHEST = 1.0
_TICKS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_LINES = (("recall", "Recall"), ("precision", "Precision"), ("tss", "TSS"))
LOWEST_VALUE = -0.2


def log_axis(tokens: Tokens, title: str, *, scale: float = 1.0) -> dict[str, Any]:
    """Draw a logarithmic axis; `scale` 100 writes shares in percent."""
    return axis(
        tokens,
        title,
        type="log",
        range=[math.log10(LOWEST * scale), math.log10(HIGHEST * scale)],
        tickvals=[tick * scale for tick in _TICKS],
        ticktext=[f"{tick * scale:g}" for tick in _TICKS],
    )


def slider_position(value: float) -> float:
    """Return the slider's position for a value: its decimal logarithm, within the axis."""
    return round(math.log10(min(max(value, LOWEST), HIGHEST)), 2)


def threshold_figure(report: SkillReport, tokens: Tokens, *, frozen: float | None) -> Figure:
    """Draw TSS, recall and precision, the threshold in use, and the frozen one if it differs."""
    points = [point for point in report.curve if point.threshold >= LOWEST]
    line_styles: dict[str, dict[str, Any]] = {
        "tss": {"color": tokens.accent, "width": 2},
        "recall": {"color": tokens.text2, "width": 1.5, "dash": "4px,3px"},
        "precision": {"color": tokens.text3, "width": 1.5, "dash": "1px,3px"},
    }
    lines = [_curve_line(points, name, label, line_styles[name]) for name, label in _LINES]
    labels = [
        _curve_label(line, line_styles[name]["color"], tokens)
        for (name, _), line in zip(_LINES, lines, strict=True)
        if len(line["x"]) > 2
    ]
    return chart(
        tokens,
        [*lines, *_threshold_in_use(report, tokens)],
        xaxis=log_axis(tokens, "Threshold, %", scale=100),
        yaxis=axis(tokens, range=_heights(points), nticks=5, zerolinecolor=tokens.axis),
        shapes=_marks(report, tokens, frozen),
        annotations=labels,
    )


def _curve_line(points: list[CurvePoint], name: str, label: str, style: dict[str, Any]) -> Trace:
    known = [point for point in points if getattr(point, name) is not None]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": label,
        "x": [round(100 * point.threshold, 3) for point in known],
        "y": [round(getattr(point, name), 4) for point in known],
        "line": style,
        "hovertemplate": f"{label} %{{y:.2f}}<br>at %{{x:.3g}} %<extra></extra>",
    }


def _curve_label(line: Trace, color: str, tokens: Tokens) -> dict[str, Any]:
    """Label a line at its maximum, which differs for the three lines."""
    top = max(range(len(line["y"])), key=line["y"].__getitem__)
    # A label on a logarithmic axis is placed by its logarithm, a shape by its value.
    x = log10(line["x"][top])
    is_right = x > 1
    return note(
        tokens,
        line["name"],
        color=color,
        x=x,
        y=line["y"][top],
        xanchor="right" if is_right else "left",
        yanchor="bottom",
        yshift=4,
    )


def _threshold_in_use(report: SkillReport, tokens: Tokens) -> list[Trace]:
    tss, threshold = report.score("tss").value, report.threshold
    if tss is None or threshold is None or not threshold.value:
        return []
    text = f"TSS {tss:.2f} at {numbers.probability(threshold.value)}"
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [100 * threshold.value],
            "y": [tss],
            "marker": {
                "color": tokens.panel,
                "size": 10,
                "line": {"color": tokens.accent, "width": 2},
            },
            "hovertemplate": f"{text}<extra></extra>",
        }
    ]


def _marks(report: SkillReport, tokens: Tokens, frozen: float | None) -> list[dict[str, Any]]:
    used = report.threshold.value if report.threshold else None
    lines = []
    if frozen is not None and report.threshold and report.threshold.source == "requested":
        lines.append((frozen, {"color": tokens.text3, "width": 1, "dash": "5px,3px"}))
    if used:
        lines.append((used, {"color": tokens.text, "width": 1}))
    return [
        {
            "type": "line",
            "x0": 100 * at,
            "x1": 100 * at,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "layer": "below",
            "line": style,
        }
        for at, style in lines
    ]


def _heights(points: list[CurvePoint]) -> list[float]:
    lowest = min((point.tss for point in points if point.tss is not None), default=0.0)
    return [min(-0.04, max(lowest, -1.0) - 0.04), 1.06]


def value_figure(report: SkillReport, tokens: Tokens, *, cost_loss: float | None) -> Figure:
    """Draw the value at the threshold and from p >= C/L, the others', and the chosen ratio."""
    line_styles = styles(report.all, tokens)
    lines = [
        _value_line(
            forecast.value,
            "at_threshold",
            style.label,
            {"color": style.color, "width": style.width, "dash": style.dash},
        )
        for forecast, style in zip(report.all, line_styles, strict=True)
    ]
    model_line = _value_line(
        report.value, "at_cost_loss", "acting from p ≥ C/L", {"color": tokens.accent, "width": 1.5}
    )
    model_line["opacity"] = 0.5
    return chart(
        tokens,
        [*reversed(lines[1:]), model_line, lines[0], *_value_in_use(report, tokens, cost_loss)],
        xaxis=log_axis(tokens, "Cost of protection / loss"),
        yaxis=axis(tokens, range=[LOWEST_VALUE, _top(report)], nticks=6, zerolinecolor=tokens.axis),
        shapes=_mark(tokens, cost_loss),
        annotations=_value_label(report, tokens, cost_loss),
    )


def nearest(points: Sequence[ValuePoint], cost_loss: float | None) -> ValuePoint | None:
    """Return the point with the ratio nearest to the chosen one, where the curve is exact."""
    if cost_loss is None or not points:
        return None
    return min(points, key=lambda point: abs(log10(point.cost_loss) - log10(cost_loss)))


def _value_line(
    points: Sequence[ValuePoint], name: str, label: str, style: dict[str, Any]
) -> Trace:
    known = [point for point in points if getattr(point, name) is not None]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": label,
        "x": [round(point.cost_loss, 5) for point in known],
        # Values below the plot are no better than its lower edge.
        "y": [round(max(getattr(point, name), 10 * LOWEST_VALUE), 4) for point in known],
        "line": style,
        "hovertemplate": f"{label}<br>value %{{y:.2f}} at C/L %{{x:.3g}}<extra></extra>",
    }


def _value_in_use(report: SkillReport, tokens: Tokens, cost_loss: float | None) -> list[Trace]:
    point = nearest(report.value, cost_loss)
    if point is None or point.at_threshold is None or point.at_threshold < LOWEST_VALUE:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [point.cost_loss],
            "y": [point.at_threshold],
            "marker": {"color": tokens.accent, "size": 9},
            "hoverinfo": "skip",
        }
    ]


def _mark(tokens: Tokens, cost_loss: float | None) -> list[dict[str, Any]]:
    if cost_loss is None:
        return []
    return [
        {
            "type": "line",
            "x0": cost_loss,
            "x1": cost_loss,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "layer": "below",
            "line": {"color": tokens.text, "width": 1},
        }
    ]


def _value_label(
    report: SkillReport, tokens: Tokens, cost_loss: float | None
) -> list[dict[str, Any]]:
    point = nearest(report.value, cost_loss)
    if point is None or cost_loss is None:
        return []
    text = f"C/L {cost_loss:.2g} · {score_text(point.at_threshold)}"
    is_right = cost_loss > 0.2
    return [
        note(
            tokens,
            text,
            color=tokens.text,
            x=log10(cost_loss),
            y=1,
            yref="paper",
            xanchor="right" if is_right else "left",
            yanchor="top",
            xshift=-4 if is_right else 4,
            bgcolor=tokens.sunk,
        )
    ]


def _top(report: SkillReport) -> float:
    values = [
        value
        for forecast in report.all
        for point in forecast.value
        for value in (point.at_threshold, point.at_cost_loss)
    ]
    highest = max((value for value in values if value is not None), default=0.5)
    return max(0.5, ceil(highest * 5 + 0.5) / 5)
