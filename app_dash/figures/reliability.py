"""The reliability diagram: how often the event came when p was forecast, over how many cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app_dash import numbers
from app_dash.figures.chart import Figure, Trace, axis, chart, note, percent_axis
from app_dash.skill.answer import ReliabilityBin, Verification
from app_dash.theme import Tokens
from solar.reliability import Corp, corp

# Below this many cases a bin is drawn open and pale: its frequency says little.
FEW_CASES = 30


def reliability_figure(answer: Verification, tokens: Tokens, *, is_corp: bool = False) -> Figure:
    """Draw observed frequency over forecast probability, and the counts of each bin below.

    With `is_corp` the frequencies are those of the isotonic fit, with its terms in words.
    """
    filled = [item for item in answer.reliability if item.n > 0]
    fitted = _corp(filled) if is_corp else None
    return chart(
        tokens,
        [*(_observed(filled, tokens) if fitted is None else [_fit(filled, fitted, tokens)]),
         _counts(filled, tokens)],
        xaxis=percent_axis(tokens, "Forecast probability, %", anchor="y2"),
        yaxis=percent_axis(tokens, "Observed, %", domain=[0.30, 1]),
        yaxis2=_count_axis(filled, tokens),
        shapes=_references(answer, tokens),
        annotations=[*_labels(answer, tokens), *_terms(fitted, tokens)],
        bargap=0,
    )  # fmt: skip


def _corp(bins: Sequence[ReliabilityBin]) -> Corp | None:
    return corp(
        [item.n for item in bins],
        [item.events for item in bins],
        forecast=[item.mean_forecast or 0.0 for item in bins],
    )


def _observed(bins: Sequence[ReliabilityBin], tokens: Tokens) -> list[Trace]:
    many = [item for item in bins if item.n >= FEW_CASES]
    few = [item for item in bins if item.n < FEW_CASES]
    return [
        _points(many, tokens.accent, opacity=1.0, symbol="circle", mode="lines+markers"),
        _points(few, tokens.accent, opacity=0.5, symbol="circle-open", mode="markers"),
    ]


def _fit(bins: Sequence[ReliabilityBin], fitted: Corp, tokens: Tokens) -> Trace:
    shares = fitted.recalibrated.tolist()
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [_share(item.mean_forecast) for item in bins],
        "y": [_share(share) for share in shares],
        "customdata": [
            f"{_hover(item)}<br>recalibrated to {numbers.probability(share)}"
            for item, share in zip(bins, shares, strict=True)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "line": {"color": tokens.accent, "width": 2},
        "marker": {"color": tokens.accent, "size": 8},
    }


def _terms(fitted: Corp | None, tokens: Tokens) -> list[dict[str, Any]]:
    if fitted is None:
        return []
    rows = (("MCB", fitted.miscalibration), ("DSC", fitted.discrimination),
            ("UNC", fitted.uncertainty))  # fmt: skip
    text = "<br>".join(f"{name} {value:.4f}" for name, value in rows)
    return [note(tokens, text, x=2, y=98, xanchor="left", yanchor="top", align="left")]


def _points(
    bins: Sequence[ReliabilityBin], color: str, *, opacity: float, symbol: str, mode: str
) -> Trace:
    observed = [_share(item.observed) for item in bins]
    return {
        "type": "scatter",
        "mode": mode,
        "x": [_share(item.mean_forecast) for item in bins],
        "y": observed,
        "customdata": [_hover(item) for item in bins],
        "hovertemplate": "%{customdata}<extra></extra>",
        "opacity": opacity,
        "line": {"color": color, "width": 2},
        "marker": {
            "color": color,
            "size": 8,
            "symbol": symbol,
            "line": {"color": color, "width": 1.5},
        },
        "error_y": _whiskers(bins, color),
    }


def _whiskers(bins: Sequence[ReliabilityBin], color: str) -> dict[str, Any]:
    def distance(one: float | None, other: float | None) -> float:
        return 0.0 if one is None or other is None else max(100 * (one - other), 0.0)

    return {
        "type": "data",
        "symmetric": False,
        "array": [distance(item.wilson_high, item.observed) for item in bins],
        "arrayminus": [distance(item.observed, item.wilson_low) for item in bins],
        "color": color,
        "thickness": 1.5,
        "width": 4,
    }


def _counts(bins: Sequence[ReliabilityBin], tokens: Tokens) -> Trace:
    return {
        "type": "bar",
        "x": [50 * (item.low + item.high) for item in bins],
        "width": [100 * (item.high - item.low) for item in bins],
        "y": [item.n for item in bins],
        "yaxis": "y2",
        "marker": {"color": tokens.axis, "line": {"color": tokens.panel, "width": 1}},
        # Narrow bins have no room for their number; hovering shows it.
        "text": [f"{item.n:,}" if item.high - item.low >= 0.08 else "" for item in bins],
        "textposition": "outside",
        "textangle": 0,
        "cliponaxis": False,
        "textfont": {"size": 10, "color": tokens.text2},
        "customdata": [_hover(item) for item in bins],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _count_axis(bins: Sequence[ReliabilityBin], tokens: Tokens) -> dict[str, Any]:
    digits = len(str(max((item.n for item in bins), default=1)))
    return axis(
        tokens,
        type="log",
        domain=[0, 0.2],
        range=[-0.3, digits + 0.3],
        tickvals=[1, 10**digits],
        ticktext=["1", numbers.count(10**digits) if digits < 4 else f"10<sup>{digits}</sup>"],
        showgrid=False,
    )


def _references(answer: Verification, tokens: Tokens) -> list[dict[str, Any]]:
    perfect = {"x0": 0, "y0": 0, "x1": 100, "y1": 100, "line": {"color": tokens.axis, "width": 1}}
    lines = [perfect]
    if answer.base_rate:
        height = 100 * answer.base_rate
        dotted = {"color": tokens.text3, "width": 1, "dash": "dot"}
        lines.append({"x0": 0, "y0": height, "x1": 100, "y1": height, "line": dotted})
    return [{"type": "line", "layer": "below", **line} for line in lines]


def _labels(answer: Verification, tokens: Tokens) -> list[dict[str, Any]]:
    if not answer.base_rate:
        return []
    text = f"base rate {numbers.probability(answer.base_rate)}"
    place = {"x": 98, "y": 100 * answer.base_rate, "xanchor": "right", "yanchor": "bottom"}
    return [note(tokens, text, **place)]


def _hover(item: ReliabilityBin) -> str:
    span = f"{100 * item.low:g} to {100 * item.high:g} %"
    seen = f"{item.events:,} of {item.n:,} with the event"
    return f"forecast {span}<br>{seen}<br>observed {numbers.probability(item.observed)}"


def _share(value: float | None) -> float | None:
    return None if value is None else 100 * value
