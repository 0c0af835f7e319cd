"""The comparison of runs: whiskers, paired differences, curves, parameters, reliability, files."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame.page import PageContext
from app_dash.lab.answers import Run
from app_dash.lab.client import Lab
from app_dash.lab.comparison import (
    SCORES,
    Compared,
    Comparison,
    Event,
    Parameter,
    read_comparison,
    summary,
    written,
)
from app_dash.lab.curves import Curve, curve_figure, curve_groups, read_events, unit_of
from app_dash.lab.marks import COMPARE_PATH, NEW_PATH, RUNS_PATH, head, run_address, scrolled, table
from app_dash.lab.query import CompareQuery, NewRunQuery
from app_dash.shared.numbers import count, score_text
from app_dash.shared.panels import aria_label, empty_message, event_badge, graph, panel, segmented
from app_dash.shared.theme import Tokens
from app_dash.shared.url_state import LAB_COMPARISON_PATH
from app_dash.shared.verification.diagrams import small_reliability
from app_dash.shared.verification.report import Score
from app_dash.shared.verification.score_axis import interval_text, place
from app_dash.shared.verification.tables import no_skill_line, signed, whisker
from solar.flares import EVENTS

FEWEST, MOST = 2, 10
# What has forecasts to compare.
_KINDS = ("train", "evaluate")
# The shape leads, whether it is filled comes next, and the colour last.
_MARKS = (
    *("circle", "square", "diamond", "triangle"),
    *("circle open", "square open", "diamond open", "triangle open"),
    *("cross", "cross open"),
)
_LONGEST_VALUE = 60
_SMALL, _CURVES = 132, 200
_EVENTS = {event.name: event for event in EVENTS}
_PARTS = (("validation", "Validation"), ("test", "Test"))


@dataclass(frozen=True)
class Look:
    """How a run is drawn everywhere on the page; `mark` is a class of ``lab_result.css``."""

    label: str
    mark: str
    color: str

    @property
    def symbol(self) -> str:
        """The marker of a figure."""
        return self.mark.replace("triangle", "triangle-up").replace(" ", "-")


def compare_page(lab: Lab, query: CompareQuery, context: PageContext) -> Component:
    """Draw the page, or say how one comes to a comparison."""
    if len(query.runs.split(",")) < FEWEST:
        text = f"Choose {FEWEST} to {MOST} runs that succeeded, and press Compare."
        link = dcc.Link("To the runs", href=RUNS_PATH, className="button")
        return html.Section(empty_message(text, link), className="panel")
    found = read_comparison(lab, query)
    looks = _looks(found.runs, context.tokens)
    event = _chosen(found, query)
    parts = [
        _differences(found, looks),
        _curves(lab, found, looks, event, query, context.tokens),
        _parameters(found, looks, query),
        _reliability(looks, event, context.tokens),
    ]
    first = [_title(found, event, query, _others(lab, found)), _scores(found, looks, query)]
    return html.Div([*first, html.Div(parts, className="grid")], className="stack compared")


def _looks(runs: Sequence[Run], tokens: Tokens) -> list[Look]:
    names = [run.name or run.kind for run in runs]
    # Runs of one recipe are told apart by their numbers.
    labels = [
        name if names.count(name) == 1 else f"{name} › {run.number}"
        for run, name in zip(runs, names, strict=True)
    ]
    colors = itertools.cycle((tokens.text, tokens.brown, tokens.accent, tokens.violet))
    return [Look(*look) for look in zip(labels, _MARKS, colors, strict=False)]


def _chosen(found: Comparison, query: CompareQuery) -> Event | None:
    """Return the event of the address, else M1.0+, else the first."""
    wanted = query.event or "M1.0"
    named = [one for one in found.events if one.event == wanted] or found.events
    return named[0] if named else None


def _address(query: CompareQuery, **changes: str) -> str:
    return COMPARE_PATH + query.changed(**changes).search()


def _others(lab: Lab, found: Comparison) -> list[Run]:
    """Return the newest runs beside the first one, in its experiment, that could be compared."""
    of, known = found.runs[0].experiment_id, {run.run_id for run in found.runs}
    listed = lab.runs(state="succeeded", experiment=of, limit="20").runs if of else []
    return [run for run in listed if run.kind in _KINDS and run.run_id not in known]


def _add_run(others: Sequence[Run], query: CompareQuery) -> list[Component]:
    """Offer each of the other runs as one more, and the table of runs for those elsewhere."""
    if len(query.runs.split(",")) >= MOST:
        return []
    links = [
        dcc.Link(run.label, href=_address(query, runs=f"{query.runs},{run.run_id}"))
        for run in others
    ]
    elsewhere = dcc.Link("Choose among all runs", href=f"{RUNS_PATH}?state=succeeded")
    named = html.Nav([*links, elsewhere], **aria_label("Add run"))
    return [html.Details([html.Summary("Add run", className="button"), named], className="menu")]


def _title(
    found: Comparison, event: Event | None, query: CompareQuery, others: Sequence[Run]
) -> Component:
    first = found.runs[0]
    n = len({run.experiment_id for run in found.runs})
    where = "of one experiment" if n == 1 else f"of {n} experiments"
    new = NewRunQuery(experiment=first.experiment_id or "", recipe=first.recipe_id or "")
    addresses = {kind: f"{LAB_COMPARISON_PATH}.{kind}{query.search()}" for kind in ("csv", "html")}
    files = [
        html.A(kind.upper(), href=address, download="", className="button")
        for kind, address in addresses.items()
    ]
    about = html.Span(f"{where} · {summary(event)}", className="secondary")
    label, kind = f"New run from {first.label}", "button primary"
    begin = dcc.Link(label, href=NEW_PATH + new.search(), className=kind)
    return head(
        [html.H2(f"Compare {len(found.runs)} runs"), about],
        [*_add_run(others, query), *files, begin],
        None,
    )


def _scores(found: Comparison, looks: Sequence[Look], query: CompareQuery) -> Component:
    parts = [(label, _address(query, part=part), part == found.part) for part, label in _PARTS]
    content = scrolled(_score_table(found, looks, query), "Scores")
    return panel(
        "Scores",
        content if found.events else empty_message("No run has forecasts on these cases."),
        subtitle="95 %, by blocks of days, the same resamples for all runs on the same cases",
        actions=segmented("Cases", parts),
        class_name="flush",
    )


def _score_table(found: Comparison, looks: Sequence[Look], query: CompareQuery) -> Component:
    columns = [
        (event, score, _ends([run.score(score[0]) for run in event.runs]))
        for event in found.events
        for score in SCORES
    ]
    headings: list[tuple[Component | str, str]] = [("Run", "")]
    headings += [
        (html.Span([*_badge(event.event), f" {label} ", html.Small(_range(*ends))]), "")
        for event, (_, label), ends in columns
    ]
    rows = [
        [
            html.Th(_named(look, run, query), scope="row"),
            *(
                _value(event.runs[i], event.runs[0], score, look, ends)
                for event, score, ends in columns
            ),
        ]
        for i, (run, look) in enumerate(zip(found.runs, looks, strict=True))
    ]
    return table("compared-scores", headings, rows)


def _named(look: Look, run: Run, query: CompareQuery) -> Component:
    """Name a run; another than the first one can become the reference."""
    others = [one for one in query.runs.split(",") if one != run.run_id]
    first = _address(query, runs=",".join([run.run_id, *others]))
    is_first = query.runs.startswith(run.run_id)
    place = "reference" if is_first else dcc.Link("as reference", href=first)
    link = dcc.Link(f"run {run.number}", href=run_address(run.run_id))
    named = html.Div([html.B(look.label), html.Small([link, " · ", place])])
    return html.Div([_mark(look), named], className="look")


def _mark(look: Look) -> Component:
    return html.I(className=f"mark {look.mark}", style={"--own": look.color})


def _key(look: Look) -> Component:
    return html.Span([_mark(look), look.label], className="look")


def _value(
    run: Compared, first: Compared, score: tuple[str, str], look: Look, ends: tuple[float, float]
) -> Component:
    """Write a score, and draw it on a line on which the first run is marked."""
    name, label = score
    one, reference = run.score(name), place(first.score(name), ends).at
    text = f"{look.label}: {label} {score_text(one.value)} ({interval_text(one) or 'no interval'})"
    lines = [] if reference is None else [no_skill_line(reference)]
    lines.append(whisker(place(one, ends), look.mark, text=text, color=look.color))
    counted = f"n = {count(run.n)}" if run.n is not None and run.reason else ""
    note = html.Span(counted, className="note", title=run.reason or "")
    parts = [html.B(score_text(one.value)), html.Div(lines, className="whiskers"), note]
    return html.Div(parts, className="compared-value")


def _ends(scores: Sequence[Score]) -> tuple[float, float]:
    """Choose the ends of a scale, in twentieths, so that it holds all values."""
    known = [v for one in scores for v in (one.value, one.low, one.high) if v is not None]
    if not known:
        return 0.0, 1.0
    low, high = int(min(known) * 20 // 1) / 20, -int(-max(known) * 20 // 1) / 20
    return low, max(high, low + 0.05)


def _range(low: float, high: float) -> str:
    return f"{score_text(low)} … {score_text(high)}"


def _badge(name: str) -> list[Component | str]:
    known = _EVENTS.get(name)
    return [event_badge(known)] if known else [f"{name}+"]


def _differences(found: Comparison, looks: Sequence[Look]) -> Component:
    of_score = {
        name: [d[name] for e in found.events for r in e.runs for d in [r.differences] if d]
        for name, _ in SCORES
    }
    ends = {name: max(map(abs, _ends([*of, Score(value=0.0)]))) for name, of in of_score.items()}
    headings: list[tuple[Component | str, str]] = [("Run", ""), ("Event", "")]
    for name, label in SCORES:
        headings += [(f"Δ{label}", "number"), (_range(-ends[name], ends[name]), ""), ("Says", "")]
    n = len(found.events)
    rows = [
        [
            *([html.Th(_key(look), scope="rowgroup", rowSpan=n)] if row == 0 else []),
            html.Td(_badge(event.event)),
            *_difference_cells(event.runs[i], look, ends),
        ]
        for i, look in enumerate(looks)
        for row, event in enumerate(found.events)
        if i
    ]
    return panel(
        "Paired differences",
        scrolled(table("compared-differences", headings, rows), "Paired differences"),
        subtitle=f"run minus {looks[0].label}, each case against itself",
        class_name="flush span-8",
    )


def _difference_cells(run: Compared, look: Look, ends: Mapping[str, float]) -> list[Component]:
    if run.differences is None:
        return [html.Td(f"Not compared: {run.reason}.", colSpan=6, className="note")]
    cells: list[Component] = []
    for name, label in SCORES:
        one = run.differences[name]
        end = ends[name]
        text = f"{look.label}: Δ{label} {signed(one.value)} ({interval_text(one) or 'no interval'})"
        drawn = whisker(place(one, (-end, end)), look.mark, text=text, color=look.color)
        line = [no_skill_line(0.5), drawn]
        kind = one.says if one.says in ("better", "worse") else "secondary"
        cells += [
            html.Td(html.B(signed(one.value)), className="number", title=interval_text(one)),
            html.Td(html.Div(line, className="whiskers")),
            html.Td(one.says, className=kind),
        ]
    return cells


def _curves(
    lab: Lab,
    found: Comparison,
    looks: Sequence[Look],
    event: Event | None,
    query: CompareQuery,
    tokens: Tokens,
) -> Component:
    """Lay the curves of the last fit of each run over each other."""
    curves, unit, silent = [], "step", []
    for run, look in zip(found.runs, looks, strict=True):
        last = _last_curve(lab, run, event)
        if last is None:
            silent.append(look.label)
        else:
            unit, curve = last
            curves.append(replace(curve, part=look.label, dash="solid", color=look.color))
    name = event.event if event else ""
    events = [(f"{e.event}+", _address(query, event=e.event), e is event) for e in found.events]
    note = f"Without curves: {', '.join(silent)}." if silent and curves else ""
    text = f"Training loss by {unit} of {len(curves)} runs on {name}+"
    drawn = empty_message("None of these runs learns step by step.")
    if curves:
        figure = curve_figure("loss", unit, curves, tokens, height=_CURVES)
        drawn = graph("compared-curves", figure, text=text, height=_CURVES)
    return panel(
        "Learning curves",
        drawn,
        html.P(note, className="note"),
        subtitle="training loss, last fit",
        actions=segmented("Event", events),
        class_name="span-4",
    )


def _last_curve(lab: Lab, run: Run, event: Event | None) -> tuple[str, Curve] | None:
    places = read_events(lab.events(run.run_id))
    curves = curve_groups(places, is_live=False).get(("loss", event.event if event else ""), [])
    # The final fit comes after those of the folds.
    return (unit_of(places), curves[-1]) if curves else None


def _parameters(found: Comparison, looks: Sequence[Look], query: CompareQuery) -> Component:
    differing = [one for one in found.parameters if one.differs]
    shown = found.parameters if query.parameters == "all" else differing
    rows = [_parameter_row(one) for one in shown]
    headings: list[tuple[Component | str, str]] = [("Parameter", "")]
    headings += [(_key(look), "") for look in looks]
    choices = [
        (label, _address(query, parameters=key), query.parameters == key)
        for key, label in (("differences", "Differences"), ("all", "All"))
    ]
    return panel(
        "Parameters",
        scrolled(table("compared-parameters", headings, rows), "Parameters")
        if rows
        else empty_message("These runs were told the same."),
        subtitle=f"{len(differing)} of {len(found.parameters)} differ",
        actions=segmented("Parameters", choices),
        class_name="flush span-8",
    )


def _parameter_row(one: Parameter) -> list[Component]:
    kinds = ["" if value == one.values[0] else "strong" for value in one.values]
    cells = [
        html.Td(text[:_LONGEST_VALUE], title=text, className=kind)
        for text, kind in zip(map(written, one.values), kinds, strict=True)
    ]
    return [html.Th(html.Code(one.name), scope="row"), *cells]


def _reliability(looks: Sequence[Look], event: Event | None, tokens: Tokens) -> Component:
    """Draw a small reliability diagram for each run."""
    runs = event.runs if event else []
    drawn = []
    for i, (run, look) in enumerate(zip(runs, looks, strict=bool(runs))):
        figure = small_reliability(run.reliability, tokens, color=look.color, symbol=look.symbol)
        text = f"Reliability of {look.label}, {count(run.n or 0)} cases"
        plot = graph(f"compared-reliability-{i}", figure, text=text, height=_SMALL)
        drawn.append(html.Div([html.H3(_key(look)), plot]))
    return panel(
        "Reliability",
        html.Div(drawn, className="run-multiples") if drawn else empty_message("Nothing to draw."),
        subtitle=f"{event.event}+, forecast against observed, %" if event else "",
        class_name="span-4",
    )
