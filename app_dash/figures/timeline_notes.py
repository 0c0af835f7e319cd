"""The labels of a timeline: names and values beside the lines, the threshold, the window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from app_dash.figures.chart import note
from app_dash.figures.time_axis import epoch, epochs
from app_dash.numbers import probability
from app_dash.region.outcomes import Passage
from app_dash.theme import Tokens
from solar.flares import EVENTS, HORIZON

FLOOR_PERCENT = 0.1
# The part of the plot that a label takes in height.
LABEL_SHARE = 0.075


def window_notes(
    at: datetime, span_ms: float, tokens: Tokens, *, is_log: bool, is_past: bool
) -> list[dict[str, Any]]:
    """Name the window of the forecast, and what is pale behind a time in the past."""
    window_ms = HORIZON.total_seconds() * 1000
    right = epoch(at) + window_ms
    is_wide = window_ms > 0.12 * span_ms
    texts = ["<b>24 h window</b>" if is_wide else "<b>24 h</b>"]
    texts += ["pale: known later"] if is_past and is_wide else []
    # Forecasts are low more often than high: on a linear axis the room is at the top.
    heights, anchor = ((0.395, 0.445), "bottom") if is_log else ((0.995, 0.945), "top")
    return [
        note(tokens, text, x=right, xanchor="right", y=height, yref="paper", yanchor=anchor,
             color=tokens.accent if height == heights[0] else tokens.text2)
        for text, height in zip(texts, heights, strict=False)
    ]  # fmt: skip


def line_notes(passage: Passage, tokens: Tokens, *, is_log: bool) -> list[dict[str, Any]]:
    """Name the lines where they begin, and write their values where knowledge ends."""
    notes = _threshold_notes(passage, tokens, is_log=is_log)
    given = np.flatnonzero(passage.is_given)
    if not len(given):
        return notes
    names = [event.label for event in EVENTS]
    notes += _end_notes(passage, int(given[0]), names, tokens, is_log=is_log)
    known = np.flatnonzero(passage.is_given & passage.is_known)
    if len(known):
        last = passage.probability[known[-1]]
        values = [probability(None if np.isnan(value) else float(value)) for value in last]
        side = {"xanchor": "left", "xshift": 4, "bgcolor": tokens.accent_tint}
        row = int(known[-1])
        notes += _end_notes(passage, row, values, tokens, is_log=is_log, side=side)
    return notes


def _threshold_notes(passage: Passage, tokens: Tokens, *, is_log: bool) -> list[dict[str, Any]]:
    """Write each threshold once, beside the forecasts for which it was valid."""
    found = [
        float(value) for value in dict.fromkeys(passage.threshold[~np.isnan(passage.threshold)])
    ]
    notes = []
    for value in found:
        rows = np.flatnonzero(passage.threshold == value)
        middle = float(epochs(passage.t_rec[rows[len(rows) // 2]][None])[0])
        place = {"xref": "paper", "x": 0.42} if len(found) == 1 else {"x": middle}
        notes.append(
            note(tokens, f"Threshold {probability(value)}, frozen", yanchor="bottom",
                 bgcolor=tokens.panel, y=_height(value, is_log=is_log), yshift=1, **place)
        )  # fmt: skip
    return notes


def _end_notes(
    passage: Passage, row: int, texts: Sequence[str], tokens: Tokens, *, is_log: bool,
    side: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Write beside one forecast, every line in its own height."""
    x = float(epochs(passage.t_rec[row : row + 1])[0])
    given = [i for i in range(len(EVENTS)) if not np.isnan(passage.probability[row, i])]
    heights = [_height(passage.probability[row, i], is_log=is_log) for i in given]
    apart = spread(heights, (3.07 if is_log else 104) * LABEL_SHARE)
    # Names lie on the lines they name; values stand behind the last forecast, on free ground.
    place = side or {"xanchor": "left", "xshift": 2, "yshift": 8, "bgcolor": tokens.panel}
    return [
        note(tokens, f"<b>{texts[i]}</b>", x=x, y=y, color=tokens.class_text(EVENTS[i].name),
             **place)
        for i, y in zip(given, apart, strict=True)
    ]  # fmt: skip


def spread(heights: Sequence[float], least: float) -> list[float]:
    """Move falling heights (n,) apart to a distance of at least `least`, from below upwards."""
    moved: list[float] = []
    for height in reversed(heights):
        moved.append(max(height, moved[-1] + least) if moved else height)
    return moved[::-1]


def _height(value: float, *, is_log: bool) -> float:
    percent = max(float(value) * 100, FLOOR_PERCENT)
    return float(np.log10(percent)) if is_log else percent
