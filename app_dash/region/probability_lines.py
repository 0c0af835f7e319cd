"""The lines of a timeline with their labels: issued forecasts, other models, the threshold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.region.outcomes import Passage
from app_dash.region.timeline_lanes import PALE
from app_dash.shared.chart import HOVER, Trace, epoch, epochs, note
from app_dash.shared.gaps import (
    CADENCES_TO_A_MISSING_RECORD,
    Times,
    Values,
    broken_line,
    cadence,
    stamps,
)
from app_dash.shared.numbers import probability
from app_dash.shared.theme import Tokens
from solar.flares import EVENTS
from solar.time import Window, to_datetime64
from solar.windows import DAY

FLOOR_PERCENT = 0.1
# The share of the plot's height that a label takes.
LABEL_SHARE = 0.075
# The plot is some 850 pixels wide.
MOST_POINTS = 900
# The only filled area of a figure: it must not hide the lines behind it.
BAND_OPACITY = 0.18
_DASHES = {"M5.0": "4px,2px"}
OTHER_DASHES = ("1px,2px", "6px,3px", "6px,2px,1px,2px", "3px,3px", "8px,4px", "solid")


@dataclass(frozen=True)
class OtherLine:
    """The probability (n,) of the event by a model that was not live."""

    model_id: str
    t_rec: Times
    probability: Values


def probability_lines(
    passage: Passage, usual_cadence: np.timedelta64, tokens: Tokens
) -> Iterator[Trace]:
    """Draw every event; forecasts known later are a separate pale line."""
    for index in range(len(EVENTS)):
        yield from _lines(passage, index, usual_cadence, tokens)


def _lines(
    passage: Passage, index: int, usual_cadence: np.timedelta64, tokens: Tokens
) -> Iterator[Trace]:
    event = EVENTS[index]
    style = {
        "color": tokens.mark(event.name),
        "width": 2 if event == passage.event else 1.5,
        "dash": _DASHES.get(event.name, "solid"),
    }
    percent = passage.probability[:, index] * 100
    if event == passage.event and passage.band is not None:
        yield from _band(passage, percent, usual_cadence, tokens)
    for part, opacity in _parts(passage.is_known):
        times, values = broken_line(
            passage.t_rec[part],
            percent[part],
            usual_cadence,
            most=MOST_POINTS,
            cadences=CADENCES_TO_A_MISSING_RECORD,
        )
        source = _source(passage, times)
        yield {
            "type": "scatter",
            "mode": "lines",
            "name": event.label,
            "x": stamps(times),
            "y": _drawn(values),
            "connectgaps": False,
            "line": style,
            "opacity": opacity,
            **source,
            "hovertemplate": f"<b>{event.label}</b> %{{y:.1f}} %<br>{HOVER}<br>"
            "%{meta}%{customdata}<extra></extra>",
        }


def _band(
    passage: Passage, percent: Values, usual_cadence: np.timedelta64, tokens: Tokens
) -> Iterator[Trace]:
    """Fill the band of the event, one area for each stretch of the line."""
    bounds = np.array(passage.band) * 100
    banded = np.where(np.isnan(bounds).any(axis=0), np.nan, percent)
    for part, opacity in _parts(passage.is_known):
        times, values = broken_line(
            passage.t_rec[part],
            banded[part],
            usual_cadence,
            most=MOST_POINTS // 2,
            cadences=CADENCES_TO_A_MISSING_RECORD,
        )
        if not len(times):
            continue
        lower, upper = bounds[:, np.searchsorted(passage.t_rec, times)]
        x: list[float | None] = []
        y: list[float | None] = []
        for piece in np.split(np.arange(len(times)), np.flatnonzero(np.isnan(values))):
            rows = piece[~np.isnan(values[piece])]
            around = stamps(times[rows]).tolist()
            x += [*around, *around[::-1], None]
            y += [*_drawn(upper[rows]).tolist(), *_drawn(lower[rows])[::-1].tolist(), None]
        yield {
            "type": "scatter",
            "mode": "lines",
            "name": f"band of {passage.event.label}",
            "x": x[:-1],
            "y": y[:-1],
            "line": {"width": 0},
            "fill": "toself",
            "fillcolor": tokens.mark(passage.event.name),
            "opacity": BAND_OPACITY * opacity,
            "hoverinfo": "skip",
        }


def _parts(is_known: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.intp], float]]:
    """Split the line at the newest known forecast; the later part starts where the first ends."""
    known, later = np.flatnonzero(is_known), np.flatnonzero(~is_known)
    yield known, 1.0
    if len(later):
        joined = np.union1d(later, later - 1)
        yield joined[joined >= 0], PALE


def _drawn(percent: Values) -> Values:
    return np.asarray(np.round(np.maximum(percent, FLOOR_PERCENT), 3), np.float64)


def _source(passage: Passage, times: Times) -> dict[str, Any]:
    """Name the source of each point, once if it is the same for all."""
    sources = sorted(set(passage.sources))
    if len(sources) < 2:
        return {"meta": "".join(sources), "customdata": [""] * min(len(times), 1)}
    places = np.searchsorted(passage.t_rec, times)
    return {"meta": "", "customdata": [passage.sources[i] for i in places]}


def other_lines(
    passage: Passage, others: Sequence[OtherLine], as_of: datetime | None, tokens: Tokens
) -> Iterator[Trace]:
    """Draw other models' forecasts of the event, thin, each with its own dash."""
    label = passage.event.label
    for other, dash in zip(others, OTHER_DASHES, strict=False):
        is_known = np.ones(len(other.t_rec), bool)
        if as_of is not None:
            is_known = other.t_rec <= to_datetime64(as_of)
        for part, opacity in _parts(is_known):
            times, values = broken_line(
                other.t_rec[part],
                other.probability[part] * 100,
                cadence(other.t_rec),
                most=MOST_POINTS,
                cadences=CADENCES_TO_A_MISSING_RECORD,
            )
            yield {
                "type": "scatter",
                "mode": "lines",
                "name": other.model_id,
                "x": stamps(times),
                "y": _drawn(values),
                "connectgaps": False,
                "opacity": opacity,
                "line": {"color": tokens.text2, "width": 1.25, "dash": dash},
                "hovertemplate": f"<b>{label}</b> %{{y:.1f}} %<br>{HOVER}<br>{other.model_id}"
                "<extra></extra>",
            }


def threshold_line(passage: Passage, shown: Window, tokens: Tokens) -> list[Trace]:
    """Draw the threshold as steps over the whole range."""
    level = np.round(passage.threshold * 100, 3)
    if np.isnan(level).all():
        return []
    steps = np.flatnonzero(np.nan_to_num(np.diff(level), nan=1.0)) + 1
    x = [epoch(shown.start_at), *stamps(passage.t_rec[steps]).tolist(), epoch(shown.end_at)]
    y = [level[0], *level[steps], level[-1]]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "threshold",
            "x": x,
            "y": y,
            "line": {"color": tokens.text2, "width": 1, "dash": "5px,3px", "shape": "hv"},
            "hovertemplate": f"Threshold of {passage.event.label} %{{y:.3g}} %<extra></extra>",
        }
    ]


def window_notes(
    at: datetime, span_ms: float, tokens: Tokens, *, is_log: bool, is_past: bool
) -> list[dict[str, Any]]:
    """Label the window of the forecast, and with a past as-of time what is pale."""
    window_ms = DAY.validity.total_seconds() * 1000
    right = epoch(at) + window_ms
    is_wide = window_ms > 0.12 * span_ms
    texts = ["<b>24 h window</b>" if is_wide else "<b>24 h</b>"]
    texts += ["pale: known later"] if is_past and is_wide else []
    # Most forecasts are low: on a linear axis there is room at the top.
    heights, anchor = ((0.395, 0.445), "bottom") if is_log else ((0.995, 0.945), "top")
    return [
        note(
            tokens,
            text,
            x=right,
            xanchor="right",
            y=height,
            yref="paper",
            yanchor=anchor,
            color=tokens.accent if height == heights[0] else tokens.text2,
        )
        for text, height in zip(texts, heights, strict=False)
    ]


def line_notes(passage: Passage, tokens: Tokens, *, is_log: bool) -> list[dict[str, Any]]:
    """Label the lines at their start, and their values at the newest known forecast."""
    notes = _threshold_notes(passage, tokens, is_log=is_log)
    rows = np.flatnonzero(passage.is_given)
    if not len(rows):
        return notes
    names = [event.label for event in EVENTS]
    notes += _end_notes(passage, int(rows[0]), names, tokens, is_log=is_log)
    known = np.flatnonzero(passage.is_given & passage.is_known)
    if len(known):
        last = passage.probability[known[-1]]
        values = [probability(None if np.isnan(value) else float(value)) for value in last]
        side = {"xanchor": "left", "xshift": 4, "bgcolor": tokens.accent_tint}
        row = int(known[-1])
        notes += _end_notes(passage, row, values, tokens, is_log=is_log, side=side)
    return notes


def _threshold_notes(passage: Passage, tokens: Tokens, *, is_log: bool) -> list[dict[str, Any]]:
    """Label each threshold once, beside the forecasts for which it was valid."""
    thresholds = [
        float(value) for value in dict.fromkeys(passage.threshold[~np.isnan(passage.threshold)])
    ]
    notes = []
    for value in thresholds:
        rows = np.flatnonzero(passage.threshold == value)
        middle = float(epochs(passage.t_rec[rows[len(rows) // 2]][None])[0])
        place = {"xref": "paper", "x": 0.42} if len(thresholds) == 1 else {"x": middle}
        notes.append(
            note(
                tokens,
                f"Threshold {probability(value)}, frozen",
                yanchor="bottom",
                bgcolor=tokens.panel,
                y=_height(value, is_log=is_log),
                yshift=1,
                **place,
            )
        )
    return notes


def _end_notes(
    passage: Passage,
    row: int,
    texts: Sequence[str],
    tokens: Tokens,
    *,
    is_log: bool,
    side: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Write one text per line beside one forecast, without overlap."""
    x = float(epochs(passage.t_rec[row : row + 1])[0])
    rows = [i for i in range(len(EVENTS)) if not np.isnan(passage.probability[row, i])]
    heights = [_height(passage.probability[row, i], is_log=is_log) for i in rows]
    apart = spread(heights, (3.07 if is_log else 104) * LABEL_SHARE)
    # Names are on their lines; values are right of the last forecast, where it is free.
    place = side or {"xanchor": "left", "xshift": 2, "yshift": 8, "bgcolor": tokens.panel}
    return [
        note(
            tokens, f"<b>{texts[i]}</b>", x=x, y=y, color=tokens.class_text(EVENTS[i].name), **place
        )
        for i, y in zip(rows, apart, strict=True)
    ]


def spread(heights: Sequence[float], least: float) -> list[float]:
    """Move falling heights (n,) apart to a distance of at least `least`, from the lowest up."""
    moved: list[float] = []
    for height in reversed(heights):
        moved.append(max(height, moved[-1] + least) if moved else height)
    return moved[::-1]


def _height(value: float, *, is_log: bool) -> float:
    percent = max(float(value) * 100, FLOOR_PERCENT)
    return float(np.log10(percent)) if is_log else percent
