"""The lines of a timeline: the issued forecasts, what other models said, the threshold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.figures.chart import Trace
from app_dash.figures.gaps import (
    CADENCES_TO_A_MISSING_RECORD,
    Times,
    Values,
    broken_line,
    cadence,
    stamps,
)
from app_dash.figures.lanes import PALE
from app_dash.figures.time_axis import HOVER, epoch
from app_dash.figures.timeline_notes import FLOOR_PERCENT
from app_dash.region.outcomes import Passage
from app_dash.theme import Tokens
from solar.flares import EVENTS
from solar.time import Window, to_datetime64

# The plot is some 850 pixels wide.
MOST_POINTS = 900
_DASHES = {"M5.0": "4px,2px"}
OTHER_DASHES = ("1px,2px", "6px,3px", "6px,2px,1px,2px", "3px,3px", "8px,4px", "solid")


@dataclass(frozen=True)
class OtherLine:
    """The probability (n,) of the event by a model that nobody acted on."""

    model_id: str
    t_rec: Times
    probability: Values


def probability_lines(passage: Passage, usual: np.timedelta64, tokens: Tokens) -> Iterator[Trace]:
    """Draw every event; what was known later is a pale line of its own."""
    for index in range(len(EVENTS)):
        yield from _lines(passage, index, usual, tokens)


def _lines(passage: Passage, index: int, usual: np.timedelta64, tokens: Tokens) -> Iterator[Trace]:
    event = EVENTS[index]
    style = {"color": tokens.mark(event.name), "width": 2 if event == passage.event else 1.5,
             "dash": _DASHES.get(event.name, "solid")}  # fmt: skip
    percent = passage.probability[:, index] * 100
    for part, opacity in _parts(passage.is_known):
        times, values = broken_line(
            passage.t_rec[part],
            percent[part],
            usual,
            most=MOST_POINTS,
            cadences=CADENCES_TO_A_MISSING_RECORD,
        )
        source = _source(passage, times)
        yield {
            "type": "scatter", "mode": "lines", "name": event.label, "x": stamps(times),
            "y": _drawn(values), "connectgaps": False, "line": style, "opacity": opacity, **source,
            "hovertemplate": f"<b>{event.label}</b> %{{y:.1f}} %<br>{HOVER}<br>"
            "%{meta}%{customdata}<extra></extra>",
        }  # fmt: skip


def _parts(is_known: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.intp], float]]:
    """Part the line where knowledge ends; the later part begins where the known one ends."""
    known, later = np.flatnonzero(is_known), np.flatnonzero(~is_known)
    yield known, 1.0
    if len(later):
        joint = np.union1d(later, later - 1)
        yield joint[joint >= 0], PALE


def _drawn(percent: Values) -> Values:
    return np.asarray(np.round(np.maximum(percent, FLOOR_PERCENT), 3), np.float64)


def _source(passage: Passage, times: Times) -> dict[str, Any]:
    """Say where each point comes from, once if it is the same for all."""
    said = sorted(set(passage.sources))
    if len(said) < 2:
        return {"meta": "".join(said), "customdata": [""] * min(len(times), 1)}
    places = np.searchsorted(passage.t_rec, times)
    return {"meta": "", "customdata": [passage.sources[i] for i in places]}


def other_lines(
    passage: Passage, others: Sequence[OtherLine], as_of: datetime | None, tokens: Tokens
) -> Iterator[Trace]:
    """Draw what models that nobody acted on said of the event, thin, each with its own dash."""
    label = passage.event.label
    for other, dash in zip(others, OTHER_DASHES, strict=False):
        is_known = np.ones(len(other.t_rec), bool)
        if as_of is not None:
            is_known = other.t_rec <= to_datetime64(as_of)
        for part, opacity in _parts(is_known):
            times, values = broken_line(
                other.t_rec[part], other.probability[part] * 100, cadence(other.t_rec),
                most=MOST_POINTS, cadences=CADENCES_TO_A_MISSING_RECORD,
            )  # fmt: skip
            yield {
                "type": "scatter", "mode": "lines", "name": other.model_id, "x": stamps(times),
                "y": _drawn(values), "connectgaps": False, "opacity": opacity,
                "line": {"color": tokens.text2, "width": 1.25, "dash": dash},
                "hovertemplate": f"<b>{label}</b> %{{y:.1f}} %<br>{HOVER}<br>{other.model_id}"
                "<extra></extra>",
            }  # fmt: skip


def threshold_line(passage: Passage, shown: Window, tokens: Tokens) -> list[Trace]:
    """Draw the threshold as steps, from the first forecast's to the end of the range."""
    level = np.round(passage.threshold * 100, 3)
    if np.isnan(level).all():
        return []
    steps = np.flatnonzero(np.nan_to_num(np.diff(level), nan=1.0)) + 1
    x = [epoch(shown.start_at), *stamps(passage.t_rec[steps]).tolist(), epoch(shown.end_at)]
    y = [level[0], *level[steps], level[-1]]
    return [{
        "type": "scatter", "mode": "lines", "name": "threshold", "x": x, "y": y,
        "line": {"color": tokens.text2, "width": 1, "dash": "5px,3px", "shape": "hv"},
        "hovertemplate": f"Threshold of {passage.event.label} %{{y:.3g}} %<extra></extra>",
    }]  # fmt: skip
