"""The contributions of features to a forecast, or to its change, in log-odds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app_dash.region.explanation import Contribution, ExplainedForecast, Explanation
from app_dash.shared.chart import Figure, axis, chart, note
from app_dash.shared.numbers import MINUS, quantity
from app_dash.shared.theme import Tokens
from solar.sharp import BY_NAME

MOST_BARS = 9
ROW_HEIGHT = 20
_LABEL_WIDTH = 128
_NUMBER_WIDTH = 44


@dataclass(frozen=True)
class Bar:
    """One feature, or all the others together."""

    label: str
    value: float
    hover: str
    is_rest: bool = False


def bars(explanation: Explanation, *, is_change: bool) -> list[Bar]:
    """Return the features to show, the largest first, and the sum of the others.

    Without an earlier forecast there is no change to show.
    """
    if not is_change:
        features = [_bar(item) for item in explanation.contributions]
    elif explanation.previous is None:
        features = []
    else:
        features = _changes(explanation, explanation.previous)
    features.sort(key=lambda bar: -abs(bar.value))
    # A single remaining feature is shown instead of "1 others".
    if len(features) <= MOST_BARS + 1:
        return features
    rest = features[MOST_BARS:]
    hover = "<br>".join(f"{bar.label} {signed(bar.value)}" for bar in rest)
    others = Bar(f"{len(rest)} others", sum(bar.value for bar in rest), hover, is_rest=True)
    return [*features[:MOST_BARS], others]


def signed(value: float) -> str:
    """Write a contribution with its sign: ``+0.74``, ``−0.53``."""
    figure = f"{abs(value):.2f}"
    if float(figure) == 0:
        return figure
    return f"{'+' if value > 0 else MINUS}{figure}"


def contribution_figure(shown: Sequence[Bar], tokens: Tokens) -> Figure:
    """Draw one bar per feature from the line of no effect, the largest on top."""
    values = [bar.value for bar in shown]
    low, high = min([0.0, *values]), max([0.0, *values])
    colors = [tokens.accent if value >= 0 else tokens.axis for value in values]
    place = list(range(len(shown)))
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": values,
        "y": place,
        "width": 0.64,
        "marker": {"color": colors},
        "customdata": [bar.hover for bar in shown],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    labels = [_label(bar, tokens) for bar in shown]
    span = (high - low) or 1.0
    return chart(
        tokens,
        [trace],
        xaxis=axis(
            tokens,
            range=[low - 0.02 * span, high + 0.02 * span],
            showgrid=False,
            showline=False,
            showticklabels=False,
            zeroline=True,
            zerolinecolor=tokens.axis,
        ),
        yaxis=axis(
            tokens,
            range=[len(shown) - 0.5, -0.5],
            tickvals=place,
            ticktext=labels,
            showgrid=False,
            showline=False,
            tickfont={"size": 11, "color": tokens.text},
        ),
        annotations=[_number(bar, row, tokens) for row, bar in enumerate(shown)],
        margin={"l": _LABEL_WIDTH, "r": _NUMBER_WIDTH, "t": 0, "b": 0},
    )


def _number(bar: Bar, row: int, tokens: Tokens) -> dict[str, object]:
    # To the right of the bar; for a negative bar, to the right of zero.
    return note(tokens, signed(bar.value), x=max(bar.value, 0.0), y=row, xanchor="left", xshift=2)


def _label(bar: Bar, tokens: Tokens) -> str:
    if bar.is_rest:
        return f'<span style="color:{tokens.text2}">{bar.label}</span>'
    return bar.label if len(bar.label) <= 21 else f"{bar.label[:20].rstrip()}…"


def _changes(now: Explanation, before: ExplainedForecast) -> list[Bar]:
    then = {item.feature: item for item in before.contributions}
    features = []
    for item in now.contributions:
        old = then.get(item.feature)
        if old is not None:
            values = f"{_written(item, old.value)} → {_written(item, item.value)}"
            part = item.contribution - old.contribution
            features.append(Bar(_short(item), part, f"{_named(item)}<br>{values} {_unit(item)}"))
    return features


def _bar(item: Contribution) -> Bar:
    mean = _written(item, item.reference)
    values = f"{_written(item, item.value)} {_unit(item)}, mean in training {mean}"
    return Bar(_short(item), item.contribution, f"{_named(item)}<br>{values}")


def _short(item: Contribution) -> str:
    """Name a keyword as forecasters do, and other features by their label."""
    return item.feature if item.feature in BY_NAME else item.label


def _named(item: Contribution) -> str:
    return f"{item.label} ({item.feature})" if item.feature in BY_NAME else item.label


def _written(item: Contribution, value: float | None) -> str:
    if value is None:
        return "missing"
    known = BY_NAME.get(item.feature)
    return quantity(value / known.display_scale if known else value)


def _unit(item: Contribution) -> str:
    known = BY_NAME.get(item.feature)
    return known.display_unit if known else item.unit
