"""A small multiple: one SHARP keyword of one region over time, its gaps visible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app_dash.figures.chart import Figure, Trace, axis, chart
from app_dash.figures.gaps import (
    CADENCES_TO_A_MISSING_RECORD,
    Times,
    Values,
    broken_line,
    cadence,
    find_gaps,
    hatch,
    stamps,
)
from app_dash.figures.time_axis import HOVER, time_axis
from app_dash.numbers import quantity
from app_dash.theme import Tokens
from solar.sharp import Keyword
from solar.time import Window

# The plot is some 250 pixels wide.
MOST_POINTS = 300


@dataclass(frozen=True)
class KeywordLine:
    """The values (n,) of a keyword at times (n,), NaN where missing.

    `is_known` (n,) tells what was measured as of the time shown, `imputed` (m,) are the times
    of forecasts for which the missing value had to be made up.
    """

    keyword: Keyword
    times: Times
    values: Values
    is_known: NDArray[np.bool_]
    imputed: Times

    @property
    def scaled(self) -> Values:
        """The values in the unit for display."""
        return np.asarray(self.values / self.keyword.display_scale, np.float64)

    @property
    def standing(self) -> int | None:
        """The place of the newest value that was known, None without one."""
        known = np.flatnonzero(self.is_known & ~np.isnan(self.values))
        return int(known[-1]) if len(known) else None


def keyword_figure(line: KeywordLine, shown: Window, tokens: Tokens) -> Figure:
    """Draw a keyword in its display unit; NaN and long silences break the line."""
    scaled, usual = line.scaled, cadence(line.times)
    given = ~np.isnan(scaled)
    low, high = _span(scaled[given])
    gaps = find_gaps(line.times[given], usual, cadences=CADENCES_TO_A_MISSING_RECORD)
    parts = [_part(line, line.is_known, usual, tokens.text)]
    if not line.is_known.all():
        parts.append(_part(line, ~line.is_known, usual, tokens.axis))
    ticks = [low, high] if given.any() else []
    return chart(
        tokens,
        [hatch(gaps, low, high, tokens), *parts,
         _imputed(line.imputed, low, tokens), _standing(line, tokens)],
        xaxis=time_axis(tokens, shown.start_at, shown.end_at, title="", nticks=4,
                        tickformatstops=_DAYS),
        yaxis=axis(tokens, "", side="right", tickvals=ticks,
                   ticktext=[quantity(tick) for tick in ticks],
                   range=[low - 0.06 * (high - low), high + 0.06 * (high - low)]),
        shapes=_as_of(line, tokens),
        margin={"l": 4, "r": 48, "t": 6, "b": 22},
    )  # fmt: skip


_DAYS = [
    {"dtickrange": [None, 86_399_999], "value": "%H:%M"},
    {"dtickrange": [86_400_000, None], "value": "%-d %b"},
]


def _span(values: Values) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _part(line: KeywordLine, kept: NDArray[np.bool_], usual: np.timedelta64, colour: str) -> Trace:
    times, values = broken_line(
        line.times[kept],
        line.scaled[kept],
        usual,
        most=MOST_POINTS,
        cadences=CADENCES_TO_A_MISSING_RECORD,
    )
    return {
        "type": "scatter", "mode": "lines", "name": line.keyword.name, "x": stamps(times),
        "y": _rounded(values),
        "connectgaps": False, "line": {"color": colour, "width": 1.5},
        "hovertemplate": f"<b>%{{y:.4g}}</b> {line.keyword.display_unit}<br>{HOVER}<extra></extra>",
    }  # fmt: skip


def _rounded(values: Values) -> Values:
    """Cut what no eye can see: all behind the fourth digit of the largest value."""
    largest = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    return np.asarray(np.round(values, 3 - int(np.floor(np.log10(largest)))), np.float64)


def _imputed(times: Times, low: float, tokens: Tokens) -> Trace:
    return {
        "type": "scatter", "mode": "markers", "name": "imputed", "x": stamps(times[:MOST_POINTS]),
        "y": [low] * min(len(times), MOST_POINTS),
        "marker": {"symbol": "circle-open", "size": 5, "color": tokens.accent},
        "hovertemplate": f"missing, imputed for the forecast<br>{HOVER}<extra></extra>",
    }  # fmt: skip


def _standing(line: KeywordLine, tokens: Tokens) -> Trace:
    place = [] if line.standing is None else [line.standing]
    return {
        "type": "scatter", "mode": "markers", "x": stamps(line.times[place]),
        "y": line.scaled[place], "marker": {"size": 6, "color": tokens.accent},
        "hoverinfo": "skip",
    }  # fmt: skip


def _as_of(line: KeywordLine, tokens: Tokens) -> list[dict[str, object]]:
    """Draw the time behind which everything was known later, if there is such a thing."""
    if line.is_known.all() or not line.is_known.any():
        return []
    at = int(stamps(line.times[line.is_known][-1:])[0])
    return [{"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1,
             "line": {"color": tokens.accent, "width": 1.5}}]  # fmt: skip
