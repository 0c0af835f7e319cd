"""The panels of SHARP keywords: small multiples, and how complete the records are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from dash import dcc, html
from dash.development.base_component import Component
from numpy.typing import NDArray

from app_dash.frame.page import PageContext
from app_dash.region.data import RegionData
from app_dash.region.definitions import DEFINITIONS
from app_dash.region.keyword_figures import KeywordLine, keyword_figure
from app_dash.region.query import RegionQuery, address
from app_dash.shared.gaps import (
    CADENCES_TO_A_MISSING_RECORD,
    Gap,
    Times,
    cadence,
    find_gaps,
)
from app_dash.shared.injected import with_bands
from app_dash.shared.numbers import ABSENT, NARROW, count, duration, moment, quantity
from app_dash.shared.panels import aria_hidden, aria_label, empty_message, graph, legend, panel
from solar.sharp import BY_NAME, LIVE_KEYWORDS, Keyword
from solar.time import to_datetime, to_datetime64

GROUPS: dict[str, tuple[str, ...]] = {
    "Currents, helicity": (
        "TOTUSJZ", "TOTUSJH", "ABSNJZH", "SAVNCPP", "MEANJZD", "MEANJZH", "MEANALP",
    ),
    "Energy, flux": ("USFLUX", "TOTPOT", "MEANPOT", "R_VALUE", "AREA_ACR"),
    "Shear, gradients": ("MEANSHR", "SHRGT45", "MEANGAM", "MEANGBT", "MEANGBZ", "MEANGBH"),
}  # fmt: skip
MAIN_KEYWORDS = ("TOTUSJH", "TOTPOT", "USFLUX", "SHRGT45", "MEANSHR", "ABSNJZH")
# More labels than this would overlap.
_MOST_TIMES = 6
_APART = 0.12


def keyword_panel(data: RegionData, query: RegionQuery, context: PageContext) -> Component:
    """Show the keywords with their values as of the time shown; name those that are absent."""
    chosen = LIVE_KEYWORDS if query.keywords == "all" else [BY_NAME[n] for n in MAIN_KEYWORDS]
    lines = [_line(data, keyword) for keyword in chosen]
    present = [line for line in lines if not np.isnan(line.values).all()]
    absent = [line.keyword.name for line in lines if line not in present]
    end_at = min(data.region.last_t_rec, data.shown.end_at)
    toggle = "main" if query.keywords == "all" else "all"
    label = f"Main {len(MAIN_KEYWORDS)}" if toggle == "main" else f"All {len(LIVE_KEYWORDS)}"
    href = address(data.region.region_id, query.changed(keywords=toggle))
    grid = html.Div([_multiple(line, data, context) for line in present], className="multiples")
    note = html.P(f"Not in this source: {', '.join(absent)}", className="secondary absent")
    return panel(
        "SHARP keywords",
        grid if present else empty_message("No keyword was stored in this range."),
        *([note] if absent else []),
        subtitle=f"{moment(data.shown.start_at)} – {moment(end_at)} UTC, bold: {_when(data)}",
        actions=dcc.Link(label, href=href, className="button"),
        definition=DEFINITIONS["region-keywords"],
    )


def _when(data: RegionData) -> str:
    return f"as of {moment(data.at)}" if data.as_of else "newest"


def _line(data: RegionData, keyword: Keyword) -> KeywordLine:
    shown = in_range(data)
    times = data.records.t_rec[shown]
    values = data.records.values[shown, LIVE_KEYWORDS.index(keyword)]
    is_known = np.ones(len(times), bool)
    if data.as_of is not None:
        is_known = times <= to_datetime64(data.as_of)
    return KeywordLine(keyword, times, values, is_known, imputed_times(data, times, values))


def in_range(data: RegionData) -> NDArray[np.bool_]:
    """Tell which records lie in the range shown; earlier ones are read for the network."""
    return np.asarray(data.records.t_rec >= to_datetime64(data.shown.start_at), np.bool_)


def imputed_times(
    data: RegionData, times: NDArray[np.datetime64], values: NDArray[np.float64]
) -> NDArray[np.datetime64]:
    """Return the times of records without a value from which a forecast was made."""
    line = data.issued.line
    made = line.t_rec[~np.isnan(line.probability).all(axis=1)]
    missing: NDArray[np.datetime64] = times[np.isnan(values)]
    return missing[np.isin(missing, made)]


def _multiple(line: KeywordLine, data: RegionData, context: PageContext) -> Component:
    keyword, place = line.keyword, line.newest
    value = quantity(None if place is None else float(line.scaled[place]))
    unit = keyword.display_unit
    figure = keyword_figure(line, data.shown, context.tokens)
    return html.Div(
        [
            html.Div([html.B(keyword.name), html.Span(unit, className="unit-name")]),
            html.Div([html.Span(keyword.description, className="secondary"), html.B(value)]),
            graph(
                f"keyword-{keyword.column}",
                with_bands(figure, data.faults, context.tokens),
                height=92,
                text=f"{keyword.description} ({keyword.name}) over time, {_when(data)}"
                f" {value} {unit}.",
            ),
        ],
        className="multiple",
    )


@dataclass(frozen=True)
class LaneSpan:
    """The time span [start, end] of the lanes, and the usual cadence of records."""

    start: np.datetime64
    end: np.datetime64
    usual_cadence: np.timedelta64

    def share(self, at: np.datetime64) -> float:
        """Return the place of a time between start and end, 0 to 1."""
        length = (self.end - self.start) / np.timedelta64(1, "s") or 1.0
        return float(min(max((at - self.start) / np.timedelta64(1, "s") / length, 0.0), 1.0))


def completeness_panel(data: RegionData) -> Component:
    """Show missing and imputed intervals, by group of keywords and for forecasts."""
    times = data.records.t_rec[in_range(data)]
    end_at = min(data.region.last_t_rec, data.shown.end_at)
    span = LaneSpan(to_datetime64(data.shown.start_at), to_datetime64(end_at), cadence(times))
    lanes = [_group_lane(name, names, data, span) for name, names in GROUPS.items()]
    lanes.append(_forecast_lane(data, span))
    length = end_at - data.shown.start_at
    expected = (
        round(length / timedelta(seconds=float(span.usual_cadence / np.timedelta64(1, "s")))) + 1
    )
    gaps = _gaps(times, span)
    return panel(
        "Data completeness",
        html.Div([*lanes, _time_row(gaps, span)], className="lanes"),
        subtitle=f"{count(len(times))} of {count(expected)} frames, imputed share {_share(data)}",
        actions=[
            legend("present", "present"),
            legend("missing", "missing"),
            legend("imputed", "imputed"),
        ],
        class_name="completeness",
        definition=DEFINITIONS["region-completeness"],
    )


def _group_lane(name: str, names: Sequence[str], data: RegionData, span: LaneSpan) -> Component:
    columns = [LIVE_KEYWORDS.index(BY_NAME[keyword]) for keyword in names]
    shown = in_range(data)
    times, known = data.records.t_rec[shown], ~np.isnan(data.records.values[shown][:, columns])
    present = known.any(axis=0)
    incomplete = times[~known[:, present].all(axis=1)] if present.any() else times[:0]
    note = f"{int(present.sum())} of {len(names)} keywords"
    return _lane(name, note, times if present.any() else times[:0], incomplete, data, span)


def _forecast_lane(data: RegionData, span: LaneSpan) -> Component:
    line = data.issued.line
    made = (line.t_rec >= span.start) & ~np.isnan(line.probability).all(axis=1)
    imputed = made & (np.nan_to_num(line.imputed_share) > 0)
    return _lane("Forecast issued", "", line.t_rec[made], line.t_rec[imputed], data, span)


def _gaps(times: Times, span: LaneSpan) -> list[Gap]:
    if not len(times):
        return [Gap(span.start, span.end)]
    edges = np.array([span.start, span.end])
    every = np.unique(np.concatenate([edges, times]))
    return find_gaps(every, span.usual_cadence, cadences=CADENCES_TO_A_MISSING_RECORD)


def _lane(
    name: str, note: str, times: Times, imputed: Times, data: RegionData, span: LaneSpan
) -> Component:
    gaps = _gaps(times, span)
    runs = _runs(imputed, span)
    text = "complete" if not gaps else f"missing: {'; '.join(_gap_text(gap) for gap in gaps[:3])}"
    if runs:
        text += f"; imputed in {count(len(imputed))} records"
    marks = [_mark(gap, span, "missing") for gap in gaps]
    marks += [_mark(run, span, "imputed") for run in runs]
    if data.as_of is not None:
        marks.append(html.B(style={"left": f"{span.share(to_datetime64(data.at)):.3%}"}))
    bar = html.Div(
        marks, className="lane-bar", role="img", title=text, **aria_label(f"{name}, {text}")
    )
    return html.Div([html.Span([name, html.Small(note)]), bar], className="lane")


def _runs(times: Times, span: LaneSpan) -> list[Gap]:
    """Join neighbouring times into intervals that end one cadence after the last time."""
    if not len(times):
        return []
    cuts = np.flatnonzero(2 * np.diff(times) > 3 * span.usual_cadence) + 1
    return [Gap(part[0], part[-1] + span.usual_cadence) for part in np.split(times, cuts)]


def _mark(gap: Gap, span: LaneSpan, kind: str) -> Component:
    left, right = span.share(gap.start_at), span.share(gap.end_at)
    style = {"left": f"{left:.3%}", "width": f"{right - left:.3%}"}
    return html.I(className=kind, style=style)


def _time_row(gaps: Sequence[Gap], span: LaneSpan) -> Component:
    """Label the starts of the longest gaps below the lanes, as far as there is room."""
    kept: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: gap.start_at - gap.end_at)[:_MOST_TIMES]:
        left, right = _extent(span.share(gap.start_at))
        taken = [_extent(span.share(other.start_at)) for other in kept]
        if all(right <= start or end <= left for start, end in taken):
            kept.append(gap)
    times = [
        html.Span(moment(to_datetime(gap.start_at)), style=_beside(span.share(gap.start_at)))
        for gap in kept
    ]
    bar = html.Div(times, className="lane-times")
    return html.Div([html.Span(), bar], className="lane", **aria_hidden())


def _extent(share: float) -> tuple[float, float]:
    """Return where the label of a place begins and ends; near the right end it ends there."""
    return (share - _APART, share) if share > 1 - 2 * _APART else (share, share + _APART)


def _beside(share: float) -> dict[str, str]:
    """Return the style that starts a label at its place, or ends it there near the right end."""
    if share > 1 - 2 * _APART:
        return {"right": f"{1 - share:.3%}"}
    return {"left": f"{share:.3%}"}


def _gap_text(gap: Gap) -> str:
    start, end = to_datetime(gap.start_at), to_datetime(gap.end_at)
    return f"{duration(end - start)} from {moment(start)}"


def _share(data: RegionData) -> str:
    if data.forecast_row is None:
        return ABSENT
    share = data.issued.line.imputed_share[data.forecast_row]
    return ABSENT if np.isnan(share) else f"{share * 100:.0f}{NARROW}%"
