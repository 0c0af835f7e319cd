"""The timeline of one region: probabilities over lanes of alerts, outcomes and flares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from app_dash.region.outcomes import Passage
from app_dash.region.probability_lines import (
    FLOOR_PERCENT,
    OtherLine,
    line_notes,
    other_lines,
    probability_lines,
    threshold_line,
    window_notes,
)
from app_dash.region.timeline_lanes import (
    ALERT_LANE,
    FLARE_LANE,
    LANES_TOP,
    OUTCOME_LANE,
    AlertSpan,
    alert_notes,
    alert_traces,
    flare_notes,
    flare_traces,
    lane_notes,
    lane_traces,
    outcome_runs,
)
from app_dash.shared.chart import Figure, axis, chart, epoch, time_axis
from app_dash.shared.gaps import (
    CADENCES_TO_A_MISSING_RECORD,
    Gap,
    cadence,
    find_gaps,
    hatch,
)
from app_dash.shared.theme import Tokens
from solar.time import Window
from solar.windows import DAY

LANES_SHARE = 0.34


@dataclass(frozen=True)
class TimelineContext:
    """What a timeline shows besides a passage: range, newest record, other models and alerts.

    `at` is the time of the newest record. What became known after `as_of` is pale; None is now.
    """

    shown: Window
    at: datetime
    as_of: datetime | None = None
    others: Sequence[OtherLine] = ()
    alerts: Sequence[AlertSpan] = ()

    @property
    def span_ms(self) -> float:
        """The length of the range [ms]."""
        return (self.shown.end_at - self.shown.start_at).total_seconds() * 1000


def timeline_figure(
    passage: Passage, context: TimelineContext, *, is_log: bool, tokens: Tokens
) -> Figure:
    """Draw the probabilities of all events over the lanes of flares, outcomes and alerts."""
    usual_cadence = cadence(passage.t_rec)
    low, high = (FLOOR_PERCENT, 100.0) if is_log else (0.0, 100.0)
    data = [
        *(
            [hatch(_forecast_gaps(passage, usual_cadence), low, high, tokens)]
            if len(passage.t_rec)
            else []
        ),
        *other_lines(passage, context.others, context.as_of, tokens),
        *probability_lines(passage, usual_cadence, tokens),
        *threshold_line(passage, context.shown, tokens),
        *lane_traces(outcome_runs(passage, context.as_of), tokens),
        *alert_traces(context.alerts, context.as_of, tokens.mark(passage.event.name)),
        *flare_traces(passage.flares, context.as_of, tokens),
    ]
    return chart(
        tokens,
        data,
        xaxis=time_axis(tokens, context.shown.start_at, context.shown.end_at, anchor="y2"),
        yaxis=_probability_axis(tokens, is_log=is_log),
        yaxis2=_lane_axis(tokens),
        shapes=_shapes(context, tokens),
        annotations=_notes(passage, context, tokens, is_log=is_log),
        margin={"l": 64, "r": 36, "t": 8, "b": 44},
        hovermode="closest",
    )


def _notes(
    passage: Passage, context: TimelineContext, tokens: Tokens, *, is_log: bool
) -> list[dict[str, Any]]:
    shown, is_past = context.shown, context.as_of is not None
    return [
        *line_notes(passage, tokens, is_log=is_log),
        *window_notes(context.at, context.span_ms, tokens, is_log=is_log, is_past=is_past),
        *lane_notes(outcome_runs(passage, context.as_of), shown, tokens),
        *alert_notes(context.alerts, shown, tokens),
        *flare_notes(passage.flares, shown.end_at - shown.start_at, tokens),
    ]


def _forecast_gaps(passage: Passage, usual_cadence: np.timedelta64) -> list[Gap]:
    """Return the gaps between forecasts, without a record or with a withheld forecast."""
    issued = passage.t_rec[passage.is_given]
    return find_gaps(
        np.unique(np.concatenate([passage.t_rec[[0, -1]], issued])),
        usual_cadence,
        cadences=CADENCES_TO_A_MISSING_RECORD,
    )


def _lane_axis(tokens: Tokens) -> dict[str, Any]:
    middles = {"Alert": ALERT_LANE + 0.5, "Outcome": OUTCOME_LANE + 0.5, "Flares": FLARE_LANE + 0.3}
    names = {"tickvals": list(middles.values()), "ticktext": list(middles)}
    domain = [0, LANES_SHARE]
    return axis(tokens, "", domain=domain, range=[0, LANES_TOP], showgrid=False, **names)


def _probability_axis(tokens: Tokens, *, is_log: bool) -> dict[str, Any]:
    title, domain = "Probability in 24 h, %", [LANES_SHARE + 0.04, 1]
    if is_log:
        scale = {"type": "log", "range": [-1.02, 2.05], "tickvals": [0.1, 1, 10, 100]}
        return axis(tokens, title, domain=domain, **scale)
    return axis(tokens, title, domain=domain, range=[-1, 103], tickvals=[0, 25, 50, 75, 100])


def _shapes(context: TimelineContext, tokens: Tokens) -> list[dict[str, Any]]:
    left = epoch(context.at)
    right = left + DAY.validity.total_seconds() * 1000
    whole = {"yref": "paper", "y0": 0, "y1": 1}
    line = {"type": "line", "line": {"color": tokens.accent, "width": 1.5}}
    low = LANES_SHARE + 0.05
    return [
        {
            "type": "rect",
            "x0": left,
            "x1": right,
            **whole,
            "layer": "below",
            "fillcolor": tokens.accent_tint,
            "line": {"width": 0},
        },
        {**line, "x0": left, "x1": left, **whole},
        {**line, "x0": left, "x1": right, "yref": "paper", "y0": low, "y1": low},
        {**line, "x0": right, "x1": right, "yref": "paper", "y0": low, "y1": low + 0.02},
    ]
