"""The lanes of completeness: which records of a region came in, and where some are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from dash import html
from dash.development.base_component import Component

from app_dash.components.aria import labelled, unspoken
from app_dash.components.keyword_panel import in_range
from app_dash.components.panels import legend, panel
from app_dash.figures.gaps import CADENCES_TO_A_MISSING_RECORD, Gap, Times, cadence, find_gaps
from app_dash.numbers import ABSENT, NARROW, count, duration, moment
from app_dash.region.data import RegionData
from app_dash.region.keyword_groups import GROUPS
from solar.sharp import BY_NAME, LIVE_KEYWORDS
from solar.time import to_datetime, to_datetime64

# More times than this would lie upon each other.
_MOST_TIMES = 6
_APART = 0.12


@dataclass(frozen=True)
class Strip:
    """The stretch of records shown [start, end] and their usual distance."""

    start: np.datetime64
    end: np.datetime64
    usual: np.timedelta64

    def share(self, at: np.datetime64) -> float:
        """Return where a time stands between start and end, 0 to 1."""
        whole = (self.end - self.start) / np.timedelta64(1, "s") or 1.0
        return float(min(max((at - self.start) / np.timedelta64(1, "s") / whole, 0.0), 1.0))


def completeness_panel(data: RegionData) -> Component:
    """Show the stretches that are missing or imputed, by group of keywords and for forecasts."""
    times = data.records.t_rec[in_range(data)]
    end_at = min(data.region.last_t_rec, data.shown.end_at)
    strip = Strip(to_datetime64(data.shown.start_at), to_datetime64(end_at), cadence(times))
    lanes = [_group_lane(name, names, data, strip) for name, names in GROUPS.items()]
    lanes.append(_forecast_lane(data, strip))
    whole = end_at - data.shown.start_at
    expected = round(whole / timedelta(seconds=float(strip.usual / np.timedelta64(1, "s")))) + 1
    gaps = _gaps(times, strip)
    return panel(
        "Data completeness",
        html.Div([*lanes, _time_row(gaps, strip)], className="lanes"),
        subtitle=f"{count(len(times))} of {count(expected)} frames, imputed share {_share(data)}",
        actions=[legend("present", "present"), legend("missing", "missing"),
                 legend("imputed", "imputed")],
        class_name="completeness",
        how="region-completeness",
    )  # fmt: skip


def _group_lane(name: str, names: Sequence[str], data: RegionData, strip: Strip) -> Component:
    columns = [LIVE_KEYWORDS.index(BY_NAME[keyword]) for keyword in names]
    shown = in_range(data)
    times, known = data.records.t_rec[shown], ~np.isnan(data.records.values[shown][:, columns])
    carried = known.any(axis=0)
    lacking = times[~known[:, carried].all(axis=1)] if carried.any() else times[:0]
    note = f"{int(carried.sum())} of {len(names)} keywords"
    return _lane(name, note, times if carried.any() else times[:0], lacking, data, strip)


def _forecast_lane(data: RegionData, strip: Strip) -> Component:
    line = data.issued.line
    made = (line.t_rec >= strip.start) & ~np.isnan(line.probability).all(axis=1)
    imputed = made & (np.nan_to_num(line.imputed_share) > 0)
    return _lane("Forecast issued", "", line.t_rec[made], line.t_rec[imputed], data, strip)


def _gaps(times: Times, strip: Strip) -> list[Gap]:
    if not len(times):
        return [Gap(strip.start, strip.end)]
    edges = np.array([strip.start, strip.end])
    every = np.unique(np.concatenate([edges, times]))
    return find_gaps(every, strip.usual, cadences=CADENCES_TO_A_MISSING_RECORD)


def _lane(
    name: str, note: str, times: Times, imputed: Times, data: RegionData, strip: Strip
) -> Component:
    gaps = _gaps(times, strip)
    runs = _runs(imputed, strip)
    said = "complete" if not gaps else f"missing: {'; '.join(_words(gap) for gap in gaps[:3])}"
    if runs:
        said += f"; imputed in {count(len(imputed))} records"
    marks = [_mark(gap, strip, "missing") for gap in gaps]
    marks += [_mark(run, strip, "imputed") for run in runs]
    if data.as_of is not None:
        marks.append(html.B(style={"left": f"{strip.share(to_datetime64(data.at)):.3%}"}))
    bar = html.Div(marks, className="lane-bar", role="img", title=said,
                   **labelled(f"{name}, {said}"))  # fmt: skip
    return html.Div([html.Span([name, html.Small(note)]), bar], className="lane")


def _runs(times: Times, strip: Strip) -> list[Gap]:
    """Join neighbouring times into stretches, each a cadence long behind its last one."""
    if not len(times):
        return []
    cuts = np.flatnonzero(2 * np.diff(times) > 3 * strip.usual) + 1
    return [Gap(part[0], part[-1] + strip.usual) for part in np.split(times, cuts)]


def _mark(gap: Gap, strip: Strip, kind: str) -> Component:
    left, right = strip.share(gap.start_at), strip.share(gap.end_at)
    style = {"left": f"{left:.3%}", "width": f"{right - left:.3%}"}
    return html.I(className=kind, style=style)


def _time_row(gaps: Sequence[Gap], strip: Strip) -> Component:
    """Write below the lanes when the longest gaps begin, those that have room."""
    kept: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: gap.start_at - gap.end_at)[:_MOST_TIMES]:
        place = strip.share(gap.start_at)
        if all(abs(place - strip.share(other.start_at)) > _APART for other in kept):
            kept.append(gap)
    times = [
        html.Span(moment(to_datetime(gap.start_at)), style=_beside(strip.share(gap.start_at)))
        for gap in kept
    ]
    bar = html.Div(times, className="lane-times")
    return html.Div([html.Span(), bar], className="lane", **unspoken())


def _beside(share: float) -> dict[str, str]:
    """Begin a text at its place on the strip, or end it there where it would run over."""
    if share > 1 - 2 * _APART:
        return {"right": f"{1 - share:.3%}"}
    return {"left": f"{share:.3%}"}


def _words(gap: Gap) -> str:
    start, end = to_datetime(gap.start_at), to_datetime(gap.end_at)
    return f"{duration(end - start)} from {moment(start)}"


def _share(data: RegionData) -> str:
    if data.standing is None:
        return ABSENT
    share = data.issued.line.imputed_share[data.standing]
    return ABSENT if np.isnan(share) else f"{share * 100:.0f}{NARROW}%"
