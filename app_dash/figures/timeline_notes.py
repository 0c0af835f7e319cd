"""The labels of a timeline: names and values beside the lines, the window, the flares."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from app_dash.figures.chart import note
from app_dash.figures.lanes import FLARE_LANE
from app_dash.figures.time_axis import epoch, epochs
from app_dash.numbers import probability
from app_dash.outcomes import FlareMark, Outcome, Passage
from app_dash.theme import Tokens
from solar.flares import EVENTS, HORIZON, peak_flux

FLOOR_PERCENT = 0.1
# The part of the plot that a label takes, in height; it is wider than high.
LABEL_SHARE = 0.075


def window_notes(passage: Passage, span: timedelta, tokens: Tokens) -> list[dict[str, Any]]:
    if not len(passage.t_rec):
        return []
    middle = float(epochs(passage.t_rec[-1:])[0]) + HORIZON.total_seconds() * 500
    text = "<b>24 h window</b>" if 0.15 * span < HORIZON else "<b>24 h</b>"
    return [note(tokens, text, x=middle, y=0.995, yref="paper", yanchor="top",
                 color=tokens.accent)]  # fmt: skip


def line_notes(passage: Passage, tokens: Tokens, *, is_log: bool) -> list[dict[str, Any]]:
    notes = []
    if passage.threshold is not None:
        notes.append(
            note(tokens, f"Threshold {probability(passage.threshold)}, frozen", xref="paper",
                 x=0.42, yanchor="bottom", bgcolor=tokens.panel,
                 y=_height(passage.threshold, is_log=is_log), yshift=1)
        )  # fmt: skip
    known = np.flatnonzero(~np.isnan(passage.probability).all(axis=1))
    if not len(known):
        return notes
    names = [event.label for event in EVENTS]
    last = passage.probability[known[-1]]
    values = [probability(None if np.isnan(value) else float(value)) for value in last]
    notes += _end_notes(passage, int(known[0]), names, tokens, is_log=is_log)
    return notes + _end_notes(passage, int(known[-1]), values, tokens, is_log=is_log)


def _end_notes(
    passage: Passage, row: int, texts: Sequence[str], tokens: Tokens, *, is_log: bool
) -> list[dict[str, Any]]:
    """Write beside the first or last forecast, every line in its own height."""
    x = float(epochs(passage.t_rec[row : row + 1])[0])
    given = [i for i in range(len(EVENTS)) if not np.isnan(passage.probability[row, i])]
    heights = [_height(passage.probability[row, i], is_log=is_log) for i in given]
    apart = spread(heights, (3.07 if is_log else 104) * LABEL_SHARE)
    is_first = texts[0] == EVENTS[0].label
    side = {"xanchor": "left", "xshift": 2 if is_first else 6, "yshift": 8 if is_first else 0}
    # Names lie on the lines they name; values stand behind the last forecast, on free ground.
    ground = {"bgcolor": tokens.panel} if is_first else {}
    return [
        note(
            tokens,
            f"<b>{texts[i]}</b>",
            x=x,
            y=y,
            color=tokens.class_text(EVENTS[i].name),
            **side,
            **ground,
        )
        for i, y in zip(given, apart, strict=True)
    ]


def spread(heights: Sequence[float], least: float) -> list[float]:
    """Move falling heights (n,) apart to a distance of at least `least`, from below upwards."""
    moved: list[float] = []
    for height in reversed(heights):
        moved.append(max(height, moved[-1] + least) if moved else height)
    return moved[::-1]


def _height(value: float, *, is_log: bool) -> float:
    percent = max(float(value) * 100, FLOOR_PERCENT)
    return float(np.log10(percent)) if is_log else percent


def flare_notes(
    flares: Sequence[FlareMark], span: timedelta, tokens: Tokens
) -> list[dict[str, Any]]:
    """Name the strongest flares; a weaker one too near to a name stays a mark."""
    judged = sorted((f for f in flares if f.outcome is not None), key=_strength, reverse=True)
    kept: list[FlareMark] = []
    for flare in judged:
        is_named = flare.goes_class[0] in "MX" or flare is judged[0]
        near = (abs(flare.peak_at - other.peak_at) for other in kept)
        if is_named and all(distance > LABEL_SHARE * 1.5 * span for distance in near):
            kept.append(flare)
    return [
        note(
            tokens,
            f'<b style="color:{tokens.class_text(flare.goes_class)}">{flare.goes_class}</b>'
            f" {flare.outcome}",
            x=epoch(flare.peak_at), y=FLARE_LANE + 0.45, yref="y2", yanchor="bottom",
            color=_outcome_colour(flare.outcome, tokens),
        )
        for flare in kept
    ]  # fmt: skip


def _strength(flare: FlareMark) -> float:
    return peak_flux(flare.goes_class)


def _outcome_colour(outcome: Outcome | None, tokens: Tokens) -> str:
    if outcome is Outcome.MISS:
        return tokens.error
    return tokens.ok if outcome is Outcome.HIT else tokens.text2
