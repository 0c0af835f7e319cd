"""The progress of a run: its steps, its learning curves, its score, its attempts, its note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.frame.page import PageContext
from app_dash.lab.answers import Attempt, Run
from app_dash.lab.curves import (
    Steps,
    curve_figure,
    curve_groups,
    machine_curves,
    parts_of,
    read_events,
    title_of,
    unit_of,
)
from app_dash.lab.marks import (
    PAGE,
    doing_text,
    lab_row,
    left_text,
    named,
    progress_bar,
    size_text,
    state_mark,
    took_text,
)
from app_dash.shared.numbers import ABSENT, count, duration, score_text
from app_dash.shared.panels import aria_label, empty_message, event_badge, facts, graph, panel
from app_dash.shared.people import day_or_time
from app_dash.shared.theme import Tokens
from app_dash.shared.verification.score_axis import interval_text
from database.lab.runs import LOST, RUNNING
from solar.flares import EVENTS

_CURVE_HEIGHT = 180
_MOST_SEGMENTS = 8
_EVENTS = {event.name: event for event in EVENTS}


def progress_tab(
    run: Run, events: str, attempts: Sequence[Attempt], context: PageContext
) -> Component:
    """Draw the tab from the run, what it told so far as lines of JSON, and its attempts."""
    places, now = read_events(events), context.now
    right = [_headline(run), _attempts(attempts, now), _facts(run)]
    left = [_curves(run, places, context.tokens), _note(run)]
    parts = [
        html.Div(_steps(run, places, now), className="span-12"),
        html.Div(left, className="stack span-8"),
        html.Div([part for part in right if part is not None], className="stack span-4"),
    ]
    return html.Div(parts, className="grid")


def _steps(run: Run, places: Mapping[str, Steps], now: datetime) -> Component:
    """Show a segment for each part that has begun, or one bar where none counts its steps."""
    left = left_text(run, now)
    text = doing_text(run) if run.is_under_way or run.state == LOST else _ended(run)
    if run.state == RUNNING and places and not list(places.values())[-1].is_done:
        text = f"Part {len(places)}"
    head = html.Div(
        [html.Span(text, className="secondary"), html.B(left if left != ABSENT else "")],
        className="steps-head",
    )
    shown = list(places.items())[-_MOST_SEGMENTS:]
    segments = [_segment(place, steps, run) for place, steps in shown]
    bars = html.Ol(segments, className="segments") if segments else progress_bar(run)
    return html.Section([head, bars], className="panel steps", **aria_label("Steps"))


def _ended(run: Run) -> str:
    """Say how long a run took, or that it has not begun."""
    if run.state == "draft":
        return "A draft: it starts when you say so."
    took = took_text(run)
    return "It has not begun." if took == ABSENT else f"It took {took}."


def _segment(place: str, steps: Steps, run: Run) -> Component:
    part, event = parts_of(place)
    is_now = run.state == RUNNING and not steps.is_done
    far = "done" if steps.is_done else f"{steps.unit} {steps.done:,} of {steps.total:,}"
    bar = html.I(style={"width": f"{steps.share * 100:.1f}%"})
    name = " · ".join(filter(None, (part, event)))
    said = html.Span(name, className="strong" if is_now else "")
    return html.Li([html.Div(bar, className="progress"), said, html.Span(far)])


def _curves(run: Run, places: Mapping[str, Steps], tokens: Tokens) -> Component:
    groups = curve_groups(places, is_live=run.state == RUNNING)
    if not groups:
        text = "No curves yet." if run.is_under_way else "This run has told no curves."
        return panel("Learning curves", empty_message(f"{text} The log says what it does."))
    unit = unit_of(places)
    drawn = []
    for (name, event), curves in groups.items():
        heading = _figure_heading(name, event)
        last = ", ".join(f"{curve.part} {curve.values[-1]:.3f}" for curve in curves)
        text = f"{title_of(name)} of {event or 'the run'} by {unit}, at the end: {last}"
        figure = curve_figure(name, unit, curves, tokens, height=_CURVE_HEIGHT)
        identity = f"curve-{name}-{event}".replace(".", "-")
        drawn.append(html.Div([heading, graph(identity, figure, text=text, height=_CURVE_HEIGHT)]))
    return panel(
        "Learning curves", html.Div(drawn, className="curves"), subtitle=f"by part, every {unit}"
    )


def machine_tab(
    run: Run, events: str, attempts: Sequence[Attempt], context: PageContext
) -> Component:
    """Draw processor and memory over the current attempt of a run; what there is not is said."""
    curves = machine_curves(events, is_live=run.state == RUNNING)
    drawn = []
    for name, curve in zip(("Processor, cores", "Memory, GB"), curves, strict=True):
        if not curve.values:
            continue
        text = f"{name} by minute, at the end {curve.values[-1]:.3f}"
        figure = curve_figure(name, "minute", [curve], context.tokens, height=_CURVE_HEIGHT)
        shown = graph(f"machine-{curve.part}", figure, text=text, height=_CURVE_HEIGHT)
        drawn.append(html.Div([html.H3(name), shown]))
    nothing = empty_message("Nothing yet: a job tells of its machine every ten seconds.")
    last = max(attempts, key=lambda one: one.attempt, default=None)
    took = timedelta(seconds=last.cpu_s) if last is not None and last.cpu_s else None
    has_gpu = run.queue.startswith("gpu")
    rows = [
        ("Host", (last and last.host) or ABSENT),
        ("Processor time", ABSENT if took is None else duration(took)),
        ("Memory at most", size_text(last.peak_rss) if last and last.peak_rss else ABSENT),
        ("GPU", "not measured" if has_gpu else "none: the run has a slot of a processor"),
    ]
    return html.Div(
        [
            panel("Machine", html.Div(drawn, className="curves") if drawn else nothing),
            panel("In all", facts(rows), subtitle=f"attempt {run.attempt}"),
        ],
        className="stack",
    )


def _figure_heading(name: str, event: str) -> Component:
    badge: list[Any] = [event_badge(_EVENTS[event]), " "] if event in _EVENTS else []
    return html.H3([*badge, title_of(name)])


def _headline(run: Run) -> Component | None:
    if not run.headline:
        return None
    rows = [
        (f"{event}+", f"{score_text(one.value)} ({interval_text(one) or ABSENT})")
        for event, one in run.headline.items()
    ]
    return panel("Brier skill", facts(rows), subtitle="against climatology, 95 %")


def _attempts(attempts: Sequence[Attempt], now: datetime) -> Component | None:
    if not attempts:
        return None
    rows = [
        lab_row(
            "attempt",
            html.B(str(one.attempt)),
            state_mark(one.outcome or "running"),
            named(html.Span(one.host), one.reason),
            html.Span(ABSENT if one.began_at is None else day_or_time(one.began_at, now)),
        )
        for one in sorted(attempts, key=lambda one: -one.attempt)
    ]
    return panel("Attempts", *rows, subtitle=count(len(attempts)), class_name="flush")


def _facts(run: Run) -> Component:
    rows: list[tuple[str, Any]] = [
        ("Data sets", count(len(run.datasets)) if run.datasets else ABSENT),
        ("Queue", run.queue or ABSENT),
        ("Tags", ", ".join(run.tags) or ABSENT),
        *((name, str(value)) for name, value in run.parameters.items()),
        ("Fingerprint", html.Code(f"{run.fingerprint[:8]}…" if run.fingerprint else ABSENT)),
    ]
    return panel("What it does", facts(rows))


def _note(run: Run) -> Component:
    """Show note and tags; who owns the run may change them."""
    if "change" not in run.actions:
        return panel("Note", html.P(run.note or "No note.", className="secondary"))
    text = dcc.Textarea(
        id=actions.input_id(PAGE, "note"),
        value=run.note,
        className="field area",
        maxLength=2000,
        rows=3,
    )
    tags = ", ".join(run.tags)
    rows = [
        html.Div(html.Label([html.Span("Note"), text]), className="form-row tall"),
        actions.text_input(PAGE, "tags", "Tags", hint="with commas between", value=tags),
        actions.button(PAGE, "note", "Save", of=run.run_id),
    ]
    return panel("Note", html.Div(rows, className="form note-fields"))
