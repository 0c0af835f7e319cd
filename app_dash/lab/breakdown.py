"""What was found in a data set, in pictures: its features, classes, overlap and correlations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import get_args

import numpy as np
from dash import html
from dash.development.base_component import Component

from app_dash.lab.data_answers import (
    Balance,
    Breakdown,
    Feature,
    Matrix,
    Overlap,
    RegionCases,
    Series,
)
from app_dash.lab.marks import scrolled, table
from app_dash.lab.query import DatasetQuery, Scale
from app_dash.shared import sparkline
from app_dash.shared.numbers import (
    ABSENT,
    MINUS,
    count,
    duration,
    probability,
    quantity,
    score_text,
)
from app_dash.shared.panels import panel, segmented
from app_dash.shared.theme import Tokens

_MOST_SHOWN = 60
_CLOSE = 0.95
_STRONGEST = 3
_CELL, _WIDEST = 12, 240
_BARS, _STRIP, _SERIES = (108, 16), (114, 12), (260, 24)
_MOST_YEARS, _FEWEST_YEARS = 40, 3
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True)
class BreakdownView:
    """What was found in a data set, and what the address of its page chooses of it."""

    found: Breakdown
    query: DatasetQuery
    path: str
    tokens: Tokens

    @property
    def years(self) -> list[int]:
        """The years of the strips; a short time is cut into twelve parts instead."""
        years = sorted({year for one in self.found.features for year in one.missing_by_year})
        return years if _FEWEST_YEARS <= len(years) <= _MOST_YEARS else []

    def address(self, **choice: object) -> str:
        """Return where the page is drawn with another choice."""
        return self.path + self.query.model_copy(update=choice).search()


def feature_panels(view: BreakdownView) -> list[Component]:
    """Draw a line for each feature, and what was remarked of them."""
    found = view.found
    shown = found.features[:_MOST_SHOWN]
    remarks = [html.Li(remark) for remark in found.remarks]
    features = table("features", _headings(view), [_row(one, view) for one in shown])
    return [
        panel(
            "Features",
            scrolled(features, "Features"),
            *_feature_notes(found),
            subtitle=f"{count(len(found.features))}, sorted as in the files",
            actions=_scales(view) if any(one.histogram for one in shown) else None,
            class_name="flush",
        ),
        *([panel("Remarks", html.Ul(remarks))] if remarks else []),
    ]


def _scales(view: BreakdownView) -> Component:
    choices = [
        (one.capitalize(), view.address(scale=one), one == view.query.scale)
        for one in get_args(Scale)
    ]
    return segmented("Scale of the distributions", choices)


def _headings(view: BreakdownView) -> list[tuple[Component | str, str]]:
    years = view.years
    when = f"by year, {years[0]} … {years[-1]}" if years else "over time"
    return [
        ("Feature", ""),
        ("Unit", "wide"),
        ("Missing", "number"),
        (when, "wide"),
        ("Least", "number"),
        ("Distribution", ""),
        ("Greatest", "number"),
        (html.Span("Scale", className="visually-hidden"), "wide"),
    ]


def _feature_notes(found: Breakdown) -> list[Component]:
    notes = []
    if len(found.features) > _MOST_SHOWN:
        notes.append(f"{count(len(found.features) - _MOST_SHOWN)} more are in breakdown.json.")
    if found.sample is not None and found.sample.records < found.records:
        drawn, of = count(found.sample.records), count(found.records)
        notes.append(f"Distributions of {drawn} of {of} records, drawn at random.")
    return [html.P(" ".join(notes), className="panel-note")] if notes else []


def _row(one: Feature, view: BreakdownView) -> list[Component | str]:
    spread = one.spread
    least, greatest = (None, None) if spread is None else (spread.minimum, spread.maximum)
    picture, is_log = _histogram(one, view)
    return [
        html.Th(one.name, scope="row"),
        html.Td(one.unit or ABSENT, className="wide secondary"),
        probability(one.missing) if one.missing else "0",
        _strip(one, view),
        _figure(least),
        picture,
        _figure(greatest),
        html.Td("log" if is_log else "", className="wide secondary"),
    ]


def _figure(value: float | None) -> str:
    if value is None or value == 0 or 1e-3 <= abs(value) < 1e6:
        return quantity(value)
    mantissa, power = f"{value:.1e}".split("e")
    return f"{mantissa}·10{str(int(power)).translate(_RAISED)}".replace("-", MINUS)


def _histogram(one: Feature, view: BreakdownView) -> tuple[Component | str, bool]:
    """Draw the distribution of a feature; tell whether its scale is logarithmic."""
    found, scale = one.histogram, view.query.scale
    if found is None:
        return ABSENT, False
    is_log = found.log is not None and (scale == "log" or (scale == "auto" and found.is_skewed))
    counts = found.log if is_log and found.log else found.linear
    most, (width, height) = max(counts, default=0) or 1, _BARS
    step = width / max(len(counts), 1)
    bars = "".join(
        f"M{place * step:g} {height}v{-max(value / most * height, 1):.1f}h{step - 1:g}V{height}z"
        for place, value in enumerate(counts)
        if value
    )
    drawing = f'<path d="{bars}" fill="{view.tokens.text3}"/>'
    text = f"Distribution of {one.name}"
    if one.spread is not None:
        low, high = _figure(one.spread.lower_quartile), _figure(one.spread.upper_quartile)
        text += f": half of the values from {low} to {high}"
    return _picture(drawing, _BARS, text), is_log


def _strip(one: Feature, view: BreakdownView) -> Component | str:
    """Draw the share that is missing over time, the more the darker."""
    years, tokens = view.years, view.tokens
    by_year = [one.missing_by_year.get(year) for year in years]
    shares: Sequence[float | None] = by_year or one.missing_by_part
    if not shares:
        return ABSENT
    (width, height), parts = _STRIP, []
    step = width / len(shares)
    for place, share in enumerate(shares):
        colour = f'fill="{tokens.error}" fill-opacity="{0.15 + 0.85 * (share or 0):.2f}"'
        if share is not None:
            fill = colour if share else f'fill="{tokens.grid}"'
            parts.append(
                f'<rect x="{place * step:.1f}" width="{step - 1:.1f}" height="{height}" {fill}/>'
            )
    told = ", ".join(
        f"{name} {probability(share) if share else '0' if share == 0 else 'no case'}"
        for name, share in zip(years or range(1, len(shares) + 1), shares, strict=True)
    )
    when = "by year" if years else f"in {len(shares)} equal parts of the time"
    return _picture("".join(parts), _STRIP, f"Missing of {one.name} {when}: {told}")


def _picture(drawing: str, size: tuple[int, int], text: str) -> Component:
    address, (width, height) = sparkline.address(drawing, sparkline.Scale(*size)), size
    return html.Img(src=address, alt=text, title=text, width=width, height=height)


def series_pictures(series: Sequence[Series], tokens: Tokens) -> list[Component]:
    """Draw what some features look like when the data are read in one way."""
    rows: list[Component] = []
    for one in series:
        values = np.array([np.nan if value is None else value for value in one.values])
        if np.isnan(values).all():
            continue
        scale = sparkline.Scale(*_SERIES, low=np.nanmin(values), high=np.nanmax(values))
        image = sparkline.sparkline(values, scale, colour=tokens.text2)
        rows.append(html.Span([html.Span(one.name), html.Img(src=image, alt="")], className="line"))
    return rows


def balance_panel(found: Breakdown) -> Component:
    """Draw how many cases have each event, and say what stands against a simple split."""
    said: list[Component] = [_balance_row(one) for one in found.events]
    if not found.events:
        said.append(html.P("No truth: neither labels nor a flare list.", className="secondary"))
    if found.balance_remark:
        said.append(html.P(found.balance_remark, className="remark"))
    if found.overlap is not None and found.overlap.overlapping:
        said.append(_overlap(found.overlap))
    if found.region_cases is not None:
        said.append(html.P(_region_text(found, found.region_cases), className="secondary"))
    return panel("Class balance", *said, subtitle="events in the 24 h after", class_name="balance")


def _region_text(found: Breakdown, cases: RegionCases) -> str:
    """Write how the cases and the events are spread over the regions."""
    spread = f"{count(cases.least)} to {count(cases.most)}, median {cases.median:g}"
    text = f"Cases a region: {spread}; most has {cases.largest}."
    having = [f"{one.event}+ in {count(one.regions)}" for one in found.events if one.regions]
    return f"{text} {', '.join(having)} of {count(found.regions)} regions." if having else text


def _balance_row(one: Balance) -> Component:
    known, kind = one.events + one.none, one.event[:1].lower()
    share = one.events / known if known else 0.0
    text = f" of {count(known)}, {probability(share) if known else ABSENT}"
    unknown = html.Span(f"{count(one.unknown)} unknown", className="note")
    bar = html.I(style={"width": f"{share * 100:.1f}%"})
    parts = [
        html.Span(f"{one.event}+", className=f"badge {kind}"),
        html.Span(bar, className=f"share-bar {kind}"),
        html.Span([html.B(count(one.events)), text]),
    ]
    return html.Div(parts + ([unknown] if one.unknown else []), className="balance-row")


def _overlap(overlap: Overlap) -> Component:
    how = "share records with another" if overlap.shared else "hold steps of another"
    counted = html.B(f"{count(overlap.overlapping)} of {count(overlap.cases)} windows")
    return html.P([counted, f" {how}. Split by region and time, never by row."])


def correlation_panels(view: BreakdownView) -> list[Component]:
    """Draw the correlation of the features at the same time, or with a lag that is chosen."""
    found = view.found
    names = [one.name for one in found.features[: len(found.correlation)]]
    if len(names) < 2:
        return []
    lag, tokens = min(view.query.lag, len(found.lagged)), view.tokens
    before = _hours_text(found.lagged[lag - 1].hours) if lag else ""
    matrix = found.lagged[lag - 1].correlation if lag else found.correlation
    pairs = _pairs(names, matrix, is_lagged=bool(lag))
    notes = [f"Row: now. Column: {before} before."] if lag else []
    if found.sample is not None and found.sample.cases < found.cases:
        notes.append(f"{count(found.sample.cases)} of {count(found.cases)} cases, at random.")
    if len(names) < len(found.features):
        notes.append(f"The first {len(names)} features.")
    text = f"{found.correlation_method} correlation, the strongest: " + "; ".join(
        f"{one}, {other} {score_text(r)}" for r, one, other in pairs[:_STRONGEST]
    )
    content = [_matrix(names, matrix, text, tokens, is_lagged=bool(lag)), _pair_list(pairs)]
    return [
        panel(
            "Correlation",
            html.Div(content, className="correlation"),
            *([html.P(" ".join(notes), className="note")] if notes else []),
            subtitle=found.correlation_method,
            actions=_lags(view, lag) if found.lagged else None,
        )
    ]


def _lags(view: BreakdownView, chosen: int) -> Component:
    labels = ["lag 0", *(_hours_text(one.hours) for one in view.found.lagged)]
    choices = [(label, view.address(lag=lag), lag == chosen) for lag, label in enumerate(labels)]
    return segmented("Lag", choices)


def _hours_text(hours: float) -> str:
    return f"{hours:g} h" if 1 <= hours <= 24 else duration(timedelta(hours=hours))


def _pairs(
    names: Sequence[str], matrix: Matrix, *, is_lagged: bool
) -> list[tuple[float, str, str]]:
    """Return the pairs of different features, the strongest first."""
    order = "after " if is_lagged else ""
    pairs = [
        (r, names[row], order + names[column])
        for row, line in enumerate(matrix[: len(names)])
        for column, r in enumerate(line[: len(names) if is_lagged else row])
        if r is not None and row != column
    ]
    return sorted(pairs, key=lambda pair: -abs(pair[0]))


def _pair_list(pairs: Sequence[tuple[float, str, str]]) -> Component:
    close = sum(abs(r) >= _CLOSE for r, _, _ in pairs)
    listed = [
        html.Li([html.B(score_text(r, digits=3)), html.Br(), one, html.Br(), other])
        for r, one, other in pairs[:_STRONGEST]
    ]
    legend: list[Component | str] = [f"{MINUS}1 ", html.I(className="r-scale"), " 1"]
    title = html.B(f"{count(close)} pair{'' if close == 1 else 's'} ≥ {_CLOSE:g}")
    parts = [title, html.Ul(listed), html.P(legend, className="secondary")]
    return html.Div(parts, className="pairs")


def _matrix(
    names: Sequence[str], matrix: Matrix, text: str, tokens: Tokens, *, is_lagged: bool
) -> Component:
    """Draw a triangle; with a lag the whole square, for it has no symmetry."""
    first = 0 if is_lagged else 1
    n = len(names) - first
    # Many columns are narrow, for a row must hold its name.
    wide = min(_CELL, _WIDEST // n)
    cells = defaultdict[float | None, list[str]](list)
    for row, line in enumerate(matrix[first : len(names)]):
        for column, r in enumerate(line[: len(names) if is_lagged else row + 1]):
            at = f"M{column * wide:g} {row * _CELL}"
            # One path for all cells of a colour, of which there are 21.
            cells[None if r is None else round(r, 1)].append(at)
    drawing = "".join(_cells(r, places, wide, tokens) for r, places in cells.items())
    rows = [html.Span(name) for name in names[first:]]
    parts = [
        html.Div(rows, className="matrix-names"),
        _picture(drawing, (n * wide, n * _CELL), text),
    ]
    return scrolled(parts, "Correlation matrix", kind="scrolled matrix")


def _cells(r: float | None, places: Sequence[str], wide: int, tokens: Tokens) -> str:
    width, height = wide - 1, _CELL - 1
    if r is None:
        lines = "".join(f"{at}l{width} {height}" for at in places)
        return f'<path d="{lines}" stroke="{tokens.axis}"/>'
    cells = "".join(f"{at}h{width}v{height}h-{width}z" for at in places)
    colour = tokens.accent if r > 0 else tokens.m_mark
    return f'<path d="{cells}" fill="{colour}" fill-opacity="{abs(r):.1f}"/>'
