"""The tables of the skill report: score cards, all scores, paired differences, contingency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from app_dash.shared.numbers import ABSENT, NARROW, count, model_label, probability, score_text
from app_dash.shared.panels import aria_label, explanation
from app_dash.shared.verification.definitions import DEFINITIONS
from app_dash.shared.verification.report import Contingency, Score, SkillReport, Verification
from app_dash.shared.verification.score_axis import (
    CARDS,
    KINDS,
    Mark,
    ScoreKind,
    interval_text,
    place,
    scale,
)
from app_dash.shared.verification.styles import markers

# Brier scores of rare events differ only from the third decimal on.
_DIGITS = {"brier": 4}
COMPARED = (("tss", "TSS"), ("hss2", "HSS2"), ("bss", "BSS"), ("auc", "AUC"))
_ENDS = (0.25, 0.5, 1.0, 2.0)
Look = tuple[str, float]
Outcome = tuple[str, int, str]


def score_cards(report: SkillReport) -> Component:
    """Draw one card per main score, side by side."""
    return html.Div([_card(kind, report) for kind in CARDS], className="score-cards")


def _card(kind: ScoreKind, report: SkillReport) -> Component:
    score = report.score(kind.name)
    ends = scale(kind, [forecast.score(kind.name) for forecast in report.all])
    shapes = markers([forecast.model for forecast in report.all])
    rows = [
        _card_row(kind, forecast, ends, (shape, index))
        for index, (forecast, shape) in enumerate(zip(report.all, shapes, strict=True))
    ]
    return html.Div(
        [
            _head(kind),
            html.Div(score_text(score.value), className="score-value"),
            html.Div(interval_text(score) or NARROW, className="score-interval"),
            html.Div([*_reference(kind, ends), *rows], className="whiskers"),
            html.Div([html.Span(_tick(end)) for end in ends], className="score-axis"),
        ],
        className="score-card",
    )


def _head(kind: ScoreKind) -> Component:
    arrow = {"lower": " ↓", "one": " → 1"}.get(kind.is_better, "")
    name = html.Span(kind.label + arrow, className="score-name", title=kind.description)
    return html.Div([name, explanation(DEFINITIONS[kind.name])], className="score-head")


def _card_row(
    kind: ScoreKind, forecast: Verification, ends: tuple[float, float], style: tuple[str, int]
) -> Component:
    shape, index = style
    score = forecast.score(kind.name)
    text = f"{model_label(forecast.model)}: {kind.label} {score_text(score.value)}"
    interval = interval_text(score)
    text = f"{text} ({interval})" if interval else text
    return whisker(place(score, ends), shape, text=text, is_asked=index == 0)


def _reference(kind: ScoreKind, ends: tuple[float, float]) -> list[Component]:
    if kind.reference is None:
        return []
    return [no_skill_line((kind.reference - ends[0]) / (ends[1] - ends[0]))]


def _tick(value: float) -> str:
    return score_text(value, digits=0 if value == int(value) else 1)


def forecast_legend(names: Sequence[str]) -> list[Component]:
    """Explain the markers of the forecasts; the first is the one asked about."""
    return [
        html.Span(
            [html.I(className=f"mark {shape}"), model_label(name)],
            className="entrant-key asked" if index == 0 else "entrant-key",
        )
        for index, (name, shape) in enumerate(zip(names, markers(names), strict=True))
    ]


def count_chips(report: SkillReport) -> list[Component]:
    """Show how many cases, events, unknown and withheld cases there are."""
    figures = [
        ("n =", count(report.n)),
        ("events =", count(report.n_events)),
        ("unknown =", count(report.n_unknown)),
        ("withheld =", count(report.n_withheld)),
    ]
    return [html.Span([f"{name} ", html.B(value)], className="chip") for name, value in figures]


def threshold_text(report: SkillReport) -> str:
    """Name the probability from which a forecast counts as yes: ``threshold frozen at 4.3 %``."""
    threshold = report.threshold
    if threshold is None or threshold.value is None:
        return "no threshold"
    value = probability(threshold.value)
    if threshold.source == "prior rate":
        return f"no threshold was frozen; judged at the prior rate, {value}"
    return f"threshold {threshold.source} at {value}"


def whisker(
    mark: Mark, shape: str, *, text: str, is_asked: bool = False, color: str = ""
) -> Component:
    """Draw one score on a short line with its interval; without a value say so."""
    return html.Div(
        _marks(mark, shape),
        className="whisker asked" if is_asked else "whisker",
        title=text,
        role="img",
        style={"--own": color} if color else {},
        **aria_label(text),
    )


def no_skill_line(share: float) -> Component:
    """Draw the vertical line at the value of no skill."""
    return html.I(className="reference", style={"left": f"{100 * share:.2f}%"})


def _marks(mark: Mark, shape: str) -> Sequence[Component]:
    if mark.at is None:
        return [html.Span("undefined", className="undefined")]
    drawn = [html.I(className=f"mark {shape}", style={"left": f"{100 * mark.at:.2f}%"})]
    if mark.low is not None and mark.high is not None:
        span = {"left": f"{100 * mark.low:.2f}%", "width": f"{100 * (mark.high - mark.low):.2f}%"}
        drawn.insert(0, html.I(className="span", style=span))
    return drawn


def score_table(report: SkillReport) -> Component:
    """Write every score of every forecast; undefined is a dash."""
    names = [model_label(forecast.model) for forecast in report.all]
    head = html.Tr([html.Th("Score"), *(html.Th(name, className="number") for name in names)])
    rows = [_score_row(kind, report) for kind in KINDS]
    rows += [_against(reference, report) for reference in _references(report)]
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="data summary score-table")
    return html.Div(table, className="table-scroll", tabIndex=0)


def _score_row(kind: ScoreKind, report: SkillReport) -> Component:
    digits = _DIGITS.get(kind.name, 2)
    cells = [_score_cell(forecast.score(kind.name), digits) for forecast in report.all]
    return html.Tr([_score_name(kind), *cells])


def _against(reference: str, report: SkillReport) -> Component:
    label = f"BSS, {model_label(reference)}"
    cells = [_score_cell(_versus(forecast, reference), 2) for forecast in report.all]
    return html.Tr([html.Th(label, scope="row"), *cells])


def _score_name(kind: ScoreKind) -> Component:
    question = explanation(DEFINITIONS[kind.name])
    return html.Th(html.Div([kind.label, question], className="score-head"), scope="row")


def _references(report: SkillReport) -> list[str]:
    return sorted({name for forecast in report.all for name in forecast.bss_against})


def _versus(forecast: Verification, reference: str) -> Score:
    return forecast.bss_against.get(reference) or Score()


def _score_cell(score: Score, digits: int) -> Component:
    interval = interval_text(score, digits=digits)
    parts = [
        html.Span(interval, className="score-interval"),
        html.B(score_text(score.value, digits=digits)),
    ]
    return html.Td(parts, className="number score-cell")


def difference_table(report: SkillReport) -> Component:
    """Write a row per compared forecast and score, and whether its interval excludes zero."""
    names = [forecast.model for forecast in report.all]
    shapes = dict(zip(names, markers(names), strict=True))
    end = _end(report)
    bodies = [
        html.Tbody(_difference_rows(forecast, differences, (shapes.get(forecast, "circle"), end)))
        for forecast, differences in report.differences.items()
    ]
    scale = html.Th(f"{score_text(-end)} to {score_text(end)}")
    head = html.Tr(
        [html.Th("Score"), html.Th("Difference", className="number"), scale, html.Th("95 % says")]
    )
    table = html.Table([html.Thead(head), *bodies], className="data summary differences")
    return html.Div(table, className="table-scroll", tabIndex=0)


def verdict(difference: Score) -> tuple[str, str]:
    """Say in a word what the interval shows, with the CSS class of the word."""
    if difference.value is None:
        return "undefined", "quiet"
    if difference.low is None or difference.high is None:
        return "no interval", "quiet"
    if difference.low > 0:
        return "better", "better"
    if difference.high < 0:
        return "worse", "worse"
    return "no difference", "secondary"


def _end(report: SkillReport) -> float:
    """Choose the ends of the scale from few steps, so that it holds every known value."""
    known = [
        abs(value)
        for differences in report.differences.values()
        for score in differences.values()
        for value in (score.value, score.low, score.high)
        if value is not None
    ]
    return next((end for end in _ENDS if end >= max(known, default=0.0)), _ENDS[-1])


def _difference_rows(
    forecast: str, differences: Mapping[str, Score], style: Look
) -> list[Component]:
    label = model_label(forecast)
    title = html.Tr(html.Th(f"minus {label}", scope="rowgroup", colSpan=4), className="first")
    rows = [
        _difference_row(label, name, differences.get(key) or Score(), style)
        for key, name in COMPARED
    ]
    return [title, *rows]


def _difference_row(forecast: str, label: str, difference: Score, style: Look) -> Component:
    shape, end = style
    meaning, kind = verdict(difference)
    interval = interval_text(difference)
    text = f"minus {forecast}: {label} {score_text(difference.value)} ({interval or 'no interval'})"
    value = [html.Span(interval, className="score-interval"), html.B(signed(difference.value))]
    line = [
        no_skill_line(0.5),
        whisker(place(difference, (-end, end)), shape, text=text, is_asked=False),
    ]
    return html.Tr(
        [
            html.Th(label, scope="row"),
            html.Td(value, className="number score-cell"),
            html.Td(html.Div(line, className="whiskers")),
            html.Td(meaning, className=kind),
        ]
    )


def signed(value: float | None) -> str:
    """Write a difference with its sign."""
    text = score_text(value)
    return f"+{text}" if value is not None and value > 0 and float(text) > 0 else text


def contingency_table(report: SkillReport) -> Component:
    """Draw the two-by-two table with its sums, and a row per forecast on the same cases."""
    table = report.contingency
    square = _square(table) if table else html.P("No case to count.", className="quiet")
    return html.Div([square, _comparison(report)], className="contingency")


def _square(table: Contingency) -> Component:
    yes, no = table.hits + table.false_alarms, table.misses + table.correct_negatives
    events, quiet = table.hits + table.misses, table.false_alarms + table.correct_negatives
    head = html.Tr(
        [
            html.Td(),
            *(html.Th(t, scope="col") for t in ("Event observed", "No event")),
            html.Th("Sum", scope="col", className="number"),
        ]
    )
    sums = [html.Td(count(n), className="sum") for n in (events, quiet)]
    total = html.Td(html.B(count(events + quiet)), className="number")
    return html.Table(
        [
            html.Thead(head),
            html.Tbody(
                [
                    _outcomes(
                        "Forecast yes",
                        ("hits", table.hits, "hit"),
                        ("false alarms", table.false_alarms, ""),
                        yes,
                    ),
                    _outcomes(
                        "Forecast no",
                        ("misses", table.misses, "miss"),
                        ("correct quiet", table.correct_negatives, ""),
                        no,
                    ),
                    html.Tr([html.Th("Sum", scope="row"), *sums, total]),
                ]
            ),
        ],
        className="outcomes",
    )


def _outcomes(label: str, left: Outcome, right: Outcome, total: int) -> Component:
    cells = [
        html.Td(html.Div([html.B(count(n)), html.Span(name)], className=f"outcome {kind}".strip()))
        for name, n, kind in (left, right)
    ]
    return html.Tr([html.Th(label, scope="row"), *cells, html.Td(count(total), className="number")])


def _comparison(report: SkillReport) -> Component:
    titles = ("Hits", "False al.", "Misses", "Quiet")
    head = [html.Th("Same cases"), *(html.Th(t, className="number") for t in titles)]
    rows = [_contingency_row(forecast, is_asked=i == 0) for i, forecast in enumerate(report.all)]
    return html.Table(
        [html.Thead(html.Tr(head)), html.Tbody(rows)], className="data summary same-cases"
    )


def _contingency_row(forecast: Verification, *, is_asked: bool) -> Component:
    table = forecast.contingency
    values = (
        [ABSENT] * 4
        if table is None
        else [
            count(n)
            for n in (table.hits, table.false_alarms, table.misses, table.correct_negatives)
        ]
    )
    cells = [html.Td(value, className="number") for value in values]
    name = html.Th(model_label(forecast.model), scope="row", className="asked" if is_asked else "")
    return html.Tr([name, *cells])
