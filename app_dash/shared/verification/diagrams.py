"""The verification diagrams: reliability, ROC, precision over recall."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from app_dash.shared import numbers
from app_dash.shared.chart import Figure, Trace, axis, chart, note, percent_axis
from app_dash.shared.numbers import score_text
from app_dash.shared.theme import Tokens
from app_dash.shared.verification.report import BandCheck, ReliabilityBin, SkillReport, Verification
from app_dash.shared.verification.styles import Style, styles
from solar.reliability import Corp, corp

# Below this many cases a bin is drawn open and pale: its frequency says little.
FEW_CASES = 30
_DIAGONAL = {"type": "line", "layer": "below", "x0": 0, "y0": 0, "x1": 100, "y1": 100}


def reliability_figure(
    report: Verification,
    tokens: Tokens,
    *,
    is_corp: bool = False,
    band: BandCheck | None = None,
) -> Figure:
    """Draw observed frequency over forecast probability, and the counts of each bin below.

    With `is_corp` the frequencies are those of the isotonic fit, with its terms in words. The
    `band` of the model, if it has one, is shaded.
    """
    filled = [item for item in report.reliability if item.n > 0]
    fitted = _corp(filled) if is_corp else None
    return chart(
        tokens,
        [
            *_band(band, tokens),
            *(_observed(filled, tokens) if fitted is None else [_fit(filled, fitted, tokens)]),
            _counts(filled, tokens),
        ],
        xaxis=percent_axis(tokens, "Forecast probability, %", anchor="y2"),
        yaxis=percent_axis(tokens, "Observed, %", domain=[0.30, 1]),
        yaxis2=_count_axis(filled, tokens),
        shapes=_references(report, tokens),
        annotations=[*_labels(report, tokens), *_terms(fitted, tokens)],
        bargap=0,
    )


def _band(band: BandCheck | None, tokens: Tokens) -> list[Trace]:
    """Shade the mean band of its bins over their mean forecast."""
    if band is None:
        return []
    points = [
        (_share(item.mean_forecast), _share(item.lower), _share(item.upper))
        for item in band.bins
        if item.n
    ]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [x for x, *_ in points] + [x for x, *_ in reversed(points)],
            "y": [lower for _, lower, _ in points] + [upper for *_, upper in reversed(points)],
            "fill": "toself",
            "fillcolor": tokens.accent_tint,
            "line": {"color": tokens.accent, "width": 0.5},
            "hoverinfo": "skip",
        }
    ]


def small_reliability(
    bins: Sequence[ReliabilityBin], tokens: Tokens, *, color: str, symbol: str
) -> Figure:
    """Draw observed frequency over forecast probability, small, for one forecast of several."""
    many = [item for item in bins if item.n >= FEW_CASES]
    few = [item for item in bins if 0 < item.n < FEW_CASES]
    pale = f"{symbol.removesuffix('-open')}-open"
    ticks = {"tickvals": [0, 50, 100]}
    return chart(
        tokens,
        [
            _points(many, color, opacity=1.0, symbol=symbol, mode="lines+markers"),
            _points(few, color, opacity=0.5, symbol=pale, mode="markers"),
        ],
        xaxis=percent_axis(tokens, "", **ticks),
        yaxis=percent_axis(tokens, "", **ticks),
        shapes=[_DIAGONAL | {"line": {"color": tokens.axis, "width": 1}}],
        margin={"l": 28, "r": 8, "t": 4, "b": 20},
    )


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
    rows = (
        ("MCB", fitted.miscalibration),
        ("DSC", fitted.discrimination),
        ("UNC", fitted.uncertainty),
    )
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
        # Narrow bins have no room for their count; the hover text shows it.
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


def _references(report: Verification, tokens: Tokens) -> list[dict[str, Any]]:
    perfect = {"x0": 0, "y0": 0, "x1": 100, "y1": 100, "line": {"color": tokens.axis, "width": 1}}
    lines = [perfect]
    if report.base_rate:
        height = 100 * report.base_rate
        dotted = {"color": tokens.text3, "width": 1, "dash": "dot"}
        lines.append({"x0": 0, "y0": height, "x1": 100, "y1": height, "line": dotted})
    return [{"type": "line", "layer": "below", **line} for line in lines]


def _labels(report: Verification, tokens: Tokens) -> list[dict[str, Any]]:
    if not report.base_rate:
        return []
    text = f"base rate {numbers.probability(report.base_rate)}"
    place = {"x": 98, "y": 100 * report.base_rate, "xanchor": "right", "yanchor": "bottom"}
    return [note(tokens, text, **place)]


def _hover(item: ReliabilityBin) -> str:
    span = f"{100 * item.low:g} to {100 * item.high:g} %"
    cases = f"{item.events:,} of {item.n:,} with the event"
    return f"forecast {span}<br>{cases}<br>observed {numbers.probability(item.observed)}"


def _share(value: float | None) -> float | None:
    return None if value is None else 100 * value


def roc_figure(report: SkillReport, tokens: Tokens) -> Figure:
    """Draw the ROC of every forecast, the operating point of the first, and the areas."""
    line_styles = styles(report.all, tokens)
    curves = [
        _roc_curve(forecast, style) for forecast, style in zip(report.all, line_styles, strict=True)
    ]
    diagonal = {"x0": 0, "y0": 0, "x1": 100, "y1": 100}
    return chart(
        tokens,
        [*reversed(curves), *_roc_point(report, tokens)],
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
        annotations=corner_labels(
            _areas(report, line_styles), tokens, top=8 * len(line_styles) - 2
        ),
    )


def _roc_curve(forecast: Verification, style: Style) -> Trace:
    points = [(p.pofd, p.pod, p.threshold) for p in forecast.roc]
    hover = "hit rate %{y:.0f} %<br>false-alarm rate %{x:.1f} %"
    return _threshold_curve(points, style, hover=hover)


def _threshold_curve(
    points: Iterable[tuple[float | None, float | None, float | None]], style: Style, *, hover: str
) -> Trace:
    """Draw two shares over all thresholds, x and y in percent; an undefined point is left out."""
    defined = [(x, y, at) for x, y, at in points if x is not None and y is not None]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": style.label,
        "x": [round(100 * x, 3) for x, _, _ in defined],
        "y": [round(100 * y, 3) for _, y, _ in defined],
        "line": {"color": style.color, "width": style.width, "dash": style.dash},
        "customdata": [numbers.probability(at) for _, _, at in defined],
        "hovertemplate": f"{style.label}<br>threshold %{{customdata}}<br>{hover}<extra></extra>",
    }


def _roc_point(report: SkillReport, tokens: Tokens) -> list[Trace]:
    table, threshold = report.contingency, report.threshold
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


def _areas(report: SkillReport, line_styles: list[Style]) -> list[tuple[str, str]]:
    return [
        (f"{style.label} AUC {score_text(forecast.score('auc').value)}", style.color)
        for forecast, style in zip(report.all, line_styles, strict=True)
    ]


def corner_labels(
    rows: Sequence[tuple[str, str]], tokens: Tokens, *, top: float
) -> list[dict[str, Any]]:
    """Write (text, colour) rows down the right side from a height [%], the first in bold."""
    return [
        note(
            tokens,
            text if index else f"<b>{text}</b>",
            color=color,
            x=100,
            y=top - 8 * index,
            xanchor="right",
            yanchor="middle",
            bgcolor=tokens.panel,
        )
        for index, (text, color) in enumerate(rows)
    ]


def precision_recall_figure(report: SkillReport, tokens: Tokens) -> Figure:
    """Draw every forecast's curve, the base rate without skill, and the operating point."""
    line_styles = styles(report.all, tokens)
    curves = [
        _precision_recall_curve(forecast, style)
        for forecast, style in zip(report.all, line_styles, strict=True)
    ]
    rows = [
        (f"{style.label} AP {score_text(forecast.score('average_precision').value)}", style.color)
        for forecast, style in zip(report.all, line_styles, strict=True)
    ]
    height = 100 * (report.base_rate or 0)
    base = {
        "type": "line",
        "layer": "below",
        "x0": 0,
        "x1": 100,
        "y0": height,
        "y1": height,
        "line": {"color": tokens.text3, "width": 1, "dash": "dot"},
    }
    return chart(
        tokens,
        [*reversed(curves), *_precision_recall_point(report, tokens)],
        xaxis=percent_axis(tokens, "Recall (POD), %"),
        yaxis=percent_axis(tokens, "Precision, %"),
        shapes=[base],
        annotations=corner_labels(rows, tokens, top=98),
    )


def _precision_recall_curve(forecast: Verification, style: Style) -> Trace:
    points = [(p.recall, p.precision, p.threshold) for p in forecast.precision_recall]
    hover = "precision %{y:.0f} %<br>recall %{x:.0f} %"
    return _threshold_curve(points, style, hover=hover)


def _precision_recall_point(report: SkillReport, tokens: Tokens) -> list[Trace]:
    precision, recall = report.score("precision").value, report.score("recall").value
    if precision is None or recall is None or report.threshold is None:
        return []
    label = f"at {numbers.probability(report.threshold.value)}"
    return [
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": [100 * recall],
            "y": [100 * precision],
            "text": [label],
            "textposition": "top right",
            "textfont": {"color": tokens.text},
            "marker": {
                "color": tokens.panel,
                "size": 11,
                "line": {"color": tokens.accent, "width": 2},
            },
            "hovertemplate": f"{label}<br>precision %{{y:.0f}} %<br>recall %{{x:.0f}} %"
            "<extra></extra>",
        }
    ]
