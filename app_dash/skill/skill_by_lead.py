"""Skill by lead: the Brier skill of everyone who forecasts a class of flare, window by window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.shared.chart import Figure, Trace, axis, chart, note
from app_dash.shared.definitions import Definition
from app_dash.shared.numbers import ABSENT, count, model_label, score_text
from app_dash.shared.panels import empty_message, graph, panel
from app_dash.shared.theme import Tokens
from app_dash.shared.url_state import SKILL_PATH
from app_dash.shared.verification.report import ReportPart, Score
from app_dash.shared.verification.score_axis import interval_text
from app_dash.shared.verification.styles import Style, styles
from app_dash.shared.verification.tables import forecast_legend
from app_dash.skill.query import SkillQuery
from database.verification.entrants import ENTRANTS
from solar.flares import event as find_event
from solar.windows import WINDOWS, ForecastWindow, forecast_window

HEIGHT = 260
# The ends that the axis has at least, and the lowest end: persistence may be far worse.
_USUAL_ENDS, _LOWEST = (-0.1, 0.2), -0.5
# The later days stand apart from the windows that begin with the record.
_GAP = 0.4
_WIDEST_OFFSET = 0.12
_SYMBOLS = {"triangle": "triangle-up"}

LEAD_SKILL = Definition(
    "Skill by lead",
    "The Brier skill of each forecaster in each window, against the base rate of the scored cases,"
    " with its 95 % interval. A later day is never joined to the windows that begin with the"
    " record. Undefined is a gap: no forecast for the window, or no event in it. Models and"
    " agencies are scored on their own cases, the reference forecasts on those of the model."
    f" A value below {_LOWEST:g} is in the table alone.",
    "BSS = 1 − Brier/(Brier of always forecasting the base rate of these cases)",
    "Jolliffe & Stephenson 2012, Forecast Verification, chapter 7",
)


class LeadScore(ReportPart):
    """The Brier skill in one window; `n` cases, of which `n_events` with the event."""

    window: str
    n: int
    n_events: int
    bss: Score = Score()

    @property
    def of(self) -> ForecastWindow:
        """The window."""
        return forecast_window(self.window)


class LeadEntrant(ReportPart):
    """One forecaster in every window, in the order of `WINDOWS`."""

    model: str
    leads: tuple[LeadScore, ...]

    @property
    def scored(self) -> list[ForecastWindow]:
        """The windows in which it has cases."""
        return [lead.of for lead in self.leads if lead.n]


class LeadReport(ReportPart):
    """What ``GET /api/v1/skill/leads`` returns: the model asked about first, then the others."""

    model: str
    event: str
    entrants: tuple[LeadEntrant, ...]


def lead_panel(query: SkillQuery, report: LeadReport, tokens: Tokens) -> Component:
    """Show the figure, its legend, who has which windows, and the same numbers as a table."""
    return panel(
        "Skill by lead",
        *_content(query, report, tokens),
        subtitle=f"BSS, {find_event(report.event).label}",
        class_name="span-4 lead-skill",
        definition=LEAD_SKILL,
    )


def no_lead_panel(query: SkillQuery) -> Component:
    """Say that skill by lead is of all regions, and link it."""
    link = dcc.Link(
        "Show all regions", href=SKILL_PATH + query.changed(region="").search(), className="button"
    )
    text = "Skill by lead is available over all regions."
    return panel("Skill by lead", empty_message(text, link), class_name="span-4 lead-skill")


def _content(query: SkillQuery, report: LeadReport, tokens: Tokens) -> list[Component]:
    entrants = [entrant for entrant in report.entrants if entrant.scored]
    if not entrants:
        return [empty_message("Nobody has a verified forecast of this class in this range.")]
    names = [entrant.model for entrant in entrants]
    known = sum(lead.bss.value is not None for entrant in entrants for lead in entrant.leads)
    text = (
        f"Brier skill of {len(entrants)} forecasters of {report.event}+ in {len(WINDOWS)} windows,"
        f" {known} values with 95 % intervals; the table below has the numbers"
    )
    drawn = lead_figure(entrants, tokens, chosen=query.of)
    return [
        graph("lead-skill", drawn, text=text, height=HEIGHT),
        html.Div(forecast_legend(names), className="lead-legend"),
        html.P(_who_has(query, entrants), className="secondary"),
        lead_table(entrants),
    ]


def _who_has(query: SkillQuery, entrants: Iterable[LeadEntrant]) -> list[Component | str]:
    """Say which windows each model and agency has; one with the chosen window is a link."""
    own = [entrant for entrant in entrants if entrant.model not in ENTRANTS]
    if not own:
        return ["No model and no agency has a verified forecast here."]
    parts: list[Component | str] = ["Windows: "]
    for index, entrant in enumerate(own):
        label, windows = model_label(entrant.model), entrant.scored
        has_chosen = query.of in windows
        chosen = SKILL_PATH + query.changed(model=entrant.model, threshold=None).search()
        parts.append(dcc.Link(label, href=chosen, className="link") if has_chosen else label)
        end = "." if index == len(own) - 1 else "; "
        parts.append(f" {_named(windows)}{end}")
    return parts


def _named(windows: Sequence[ForecastWindow]) -> str:
    if len(windows) == len(WINDOWS):
        return "all"
    return ", ".join(window.label for window in windows)


def lead_table(entrants: Sequence[LeadEntrant]) -> Component:
    """Write value, interval, events and cases of every window; undefined is a dash."""
    names = [html.Th(model_label(each.model), className="number") for each in entrants]
    rows = [
        html.Tr(
            [
                html.Th(window.label, scope="row"),
                *(_cell(each.leads[index]) for each in entrants),
            ]
        )
        for index, window in enumerate(WINDOWS)
    ]
    head = html.Thead(html.Tr([html.Th("Window"), *names]))
    table = html.Table([head, html.Tbody(rows)], className="data summary lead-table")
    return html.Details(
        [html.Summary("Table"), html.Div(table, className="table-scroll", tabIndex=0)],
        className="lead-numbers",
    )


def _cell(lead: LeadScore) -> Component:
    if not lead.n:
        return html.Td(ABSENT, className="number")
    parts = [
        html.Span(interval_text(lead.bss), className="score-interval"),
        html.B(score_text(lead.bss.value)),
        html.Div(f"{count(lead.n_events)} of {count(lead.n)}", className="secondary"),
    ]
    return html.Td(parts, className="number score-cell")


def lead_figure(
    entrants: Sequence[LeadEntrant], tokens: Tokens, *, chosen: ForecastWindow
) -> Figure:
    """Draw a line per forecaster over the windows; the name of the chosen window is bold."""
    looks = styles(entrants, tokens)
    step = min(_WIDEST_OFFSET, 0.7 / len(entrants))
    offsets = [step * (index - (len(entrants) - 1) / 2) for index in range(len(entrants))]
    triples = list(zip(entrants, looks, offsets, strict=True))
    traces = [_line(*each) for each in reversed(triples)]
    undefined = [_undefined(*each) for each in triples]
    divider = (_place(3) + _place(4)) / 2
    return chart(
        tokens,
        [*traces, *(trace for trace in undefined if trace["x"])],
        xaxis=axis(
            tokens,
            tickvals=[_place(index) for index in range(len(WINDOWS))],
            ticktext=[
                f"<b>{window.label}</b>" if window == chosen else window.label for window in WINDOWS
            ],
            range=[-0.6, _place(len(WINDOWS) - 1) + 0.6],
            showgrid=False,
        ),
        yaxis=axis(tokens, "BSS", range=_ends(entrants), nticks=6),
        shapes=[
            {"type": "line", "layer": "below", "line": {"color": tokens.axis, "width": 1}, **place}
            for place in (
                {"xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0},
                {"yref": "paper", "x0": divider, "x1": divider, "y0": 0, "y1": 1},
            )
        ],
        annotations=[
            note(tokens, text, x=x, y=-0.13, yref="paper", yanchor="top", xanchor="center")
            for text, x in (("from the record on", _place(1) + 0.5), ("later day", _place(4) + 0.5))
        ],
        margin={"l": 48, "r": 8, "t": 8, "b": 44},
    )


def _place(index: int) -> float:
    return index + (_GAP if WINDOWS[index].latency else 0.0)


def _ends(entrants: Iterable[LeadEntrant]) -> list[float]:
    """Hold every known value and interval between round ends, but for very low ones."""
    scores = [lead.bss for entrant in entrants for lead in entrant.leads]
    known = [v for score in scores for v in (score.value, score.low, score.high) if v is not None]
    low = max(floor(10 * min([*known, _USUAL_ENDS[0]])) / 10, _LOWEST)
    high = ceil(10 * max([*known, _USUAL_ENDS[1]])) / 10
    return [low - 0.02, high + 0.02]


def _line(entrant: LeadEntrant, style: Style, offset: float) -> Trace:
    points = [(_place(index) + offset, lead) for index, lead in enumerate(entrant.leads)]
    drawn: list[tuple[float | None, Score, str]] = []
    for x, lead in points:
        if drawn and lead.of == _FIRST_LATER:
            drawn.append((None, Score(), ""))
        drawn.append((x, lead.bss, _hover(entrant, lead)))
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": style.label,
        "x": [x for x, _, _ in drawn],
        "y": [_rounded(score.value) for _, score, _ in drawn],
        "connectgaps": False,
        "line": {"color": style.color, "width": style.width, "dash": style.dash},
        "marker": {
            "color": style.color,
            "size": 7,
            "symbol": _SYMBOLS.get(style.marker, style.marker),
        },
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [_arm(score.high, score.value) for _, score, _ in drawn],
            "arrayminus": [_arm(score.value, score.low) for _, score, _ in drawn],
            "color": style.color,
            "thickness": 1,
            "width": 3,
        },
        "customdata": [hover for _, _, hover in drawn],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


_FIRST_LATER = next(window for window in WINDOWS if window.latency)


def _undefined(entrant: LeadEntrant, style: Style, offset: float) -> Trace:
    """Say at the line of no skill, where nothing is drawn, how many cases there are."""
    leads = [
        (_place(index) + offset, _hover(entrant, lead))
        for index, lead in enumerate(entrant.leads)
        if lead.n and lead.bss.value is None
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": style.label,
        "x": [x for x, _ in leads],
        "y": [0] * len(leads),
        "marker": {"opacity": 0, "size": 12},
        "customdata": [hover for _, hover in leads],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _hover(entrant: LeadEntrant, lead: LeadScore) -> str:
    value = "undefined" if lead.bss.value is None else score_text(lead.bss.value)
    interval = interval_text(lead.bss)
    score = f"BSS {value}" + (f" ({interval})" if interval else "")
    cases = f"{count(lead.n_events)} of {count(lead.n)} with the event"
    return f"{model_label(entrant.model)}, {lead.of.words}<br>{score}<br>{cases}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _arm(upper: Any, lower: Any) -> float:
    return 0.0 if upper is None or lower is None else round(max(upper - lower, 0.0), 4)
