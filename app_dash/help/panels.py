"""The panels of the Help page: feedback and bugs, their answers, announcements, keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.frame.announcements import WORDS
from app_dash.frame.key_form import choice_row
from app_dash.help.query import LONGEST_PAGE, HelpQuery
from app_dash.shared.numbers import count, moment
from app_dash.shared.panels import facts, panel, segmented
from app_dash.shared.people import avatar
from app_dash.shared.range_picker import write_utc
from app_dash.shared.url_state import HELP_PATH
from database.people.announcements import LONGEST_TEXT as LONGEST_ANNOUNCEMENT
from database.people.announcements import Announcement
from database.people.feedback import BUG, LONGEST_TEXT, OPEN, Feedback
from solar.version import VERSION

PAGE = "help"
_KINDS = (("Feedback", "feedback"), ("Report a bug", BUG))
_SCORES = {"1": "1 bad", "2": "2", "3": "3", "4": "4", "5": "5 good"}
_KEYS = (
    ("1 … 7", "the pages, in their order"),
    ("/", "the search of the page; without one, a field that leads to a page or region"),
    ("A", "acknowledge the first open alert"),
    ("Space", "play or pause a replay"),
    ("J", "in a replay, to just before the next M1.0+ flare that is listed"),
    ("K", "as of an earlier time, to the opening of the next alert"),
    ("← →", "step through what was known of a region"),
    ("Esc", "close what is open"),
)


def say_panel(query: HelpQuery) -> Component:
    """Ask for feedback, or for what is wrong."""
    tabs = segmented(
        "What to say",
        [
            (label, HELP_PATH + query.changed(kind=kind).search(), query.kind == kind)
            for label, kind in _KINDS
        ],
    )
    rows = _bug_rows(query) if query.kind == BUG else _feedback_rows()
    return panel(
        "Say something",
        html.Div(rows, className="form note-fields"),
        actions=tabs,
        class_name="say-panel",
    )


def _feedback_rows() -> list[Component]:
    score = dcc.RadioItems(
        id=actions.input_id(PAGE, "score"),
        options=[{"label": label, "value": value} for value, label in _SCORES.items()],
        className="choices inline",
    )
    return [
        choice_row("How is it?", score),
        _text("text", "What is good, what is missing?", longest=LONGEST_TEXT),
        actions.button(PAGE, "feedback", "Send", kind="button primary"),
    ]


def _bug_rows(query: HelpQuery) -> list[Component]:
    return [
        _text("text", "What happened, and what did you expect?", longest=LONGEST_TEXT),
        actions.text_input(
            PAGE,
            "page",
            "On the page",
            value=query.from_page,
            maxLength=LONGEST_PAGE,
            hint="filled in: the page that you came from",
        ),
        html.Div(
            [html.Span("Version", className="form-label"), html.Span(VERSION)],
            className="form-row",
        ),
        actions.button(PAGE, "bug", "Report", kind="button primary"),
    ]


def _text(name: str, label: str, *, longest: int) -> Component:
    area = dcc.Textarea(
        id=actions.input_id(PAGE, name), value="", className="field area", maxLength=longest, rows=4
    )
    return html.Div(html.Label([html.Span(label), area]), className="form-row tall")


def own_panel(rows: Sequence[Feedback]) -> Component:
    """List what the reader said, with the answers."""
    content = [_post(row) for row in rows] or [
        html.P("You have not said anything yet.", className="listed quiet")
    ]
    return panel("Mine", *content, subtitle=_counted(rows), class_name="flush")


def others_panel(rows: Sequence[Feedback]) -> Component:
    """List what others said, each with a field for the answer; the open ones first."""
    ordered = sorted(rows, key=lambda row: row.state != OPEN)
    content = [_post(row, *_answering(row), is_mine=False) for row in ordered] or [
        html.P("Nobody else has said anything yet.", className="listed quiet")
    ]
    return panel("From others", *content, subtitle=_counted(rows), class_name="flush")


def _counted(rows: Sequence[Feedback]) -> str:
    waiting = sum(row.state == OPEN for row in rows)
    return f"{count(len(rows))}, {count(waiting)} without an answer"


def _post(row: Feedback, *extra: Component, is_mine: bool = True) -> Component:
    kind = "Bug" if row.kind == BUG else "Feedback"
    score = [] if row.score is None else [html.Span(f"{row.score} of 5", className="tag")]
    author = [] if is_mine else [avatar(row.author), html.B(row.author)]
    head = html.Div(
        [
            *author,
            html.Span(kind, className=f"tag {row.kind}"),
            *score,
            html.Time(moment(row.created_at), className="secondary"),
        ],
        className="post-head",
    )
    where = " · ".join(filter(None, (row.page, row.version and f"version {row.version}")))
    parts: list[Component] = [head]
    if row.text:
        parts.append(html.P(row.text, className="post-text"))
    if where:
        parts.append(html.P(where, className="post-where"))
    if row.answer:
        by: list[Any] = [html.B(f"{row.answered_by}: "), row.answer]
        parts.append(html.P(by, className="post-answer"))
    elif is_mine:
        parts.append(html.P("Not answered yet.", className="quiet"))
    return html.Article([*parts, *extra], className="post")


def _answering(row: Feedback) -> list[Component]:
    entry = dcc.Input(
        id=actions.input_id(PAGE, f"answer {row.feedback_id}"),
        type="text",
        value="",
        className="field",
        placeholder="Answer" if row.answer is None else "Another answer in its place",
        maxLength=LONGEST_TEXT,
        debounce=False,
        autoComplete="off",
    )
    label = html.Span(f"Answer {row.author}", className="visually-hidden")
    send = actions.button(PAGE, "answer", "Answer", of=row.feedback_id)
    return [html.Div([html.Label([label, entry]), send], className="answering note-fields")]


def announcements_panel(
    rows: Sequence[Announcement], now: datetime, *, may_announce: bool
) -> Component:
    """List announcements, the newest first; those who may end the ones that are shown."""
    content = [_announced(row, now, may_announce=may_announce) for row in rows] or [
        html.P("Nothing has been announced yet.", className="listed quiet")
    ]
    shown = sum(row.from_at <= now < row.until_at for row in rows)
    return panel("Announcements", *content, subtitle=f"{count(shown)} shown", class_name="flush")


def _announced(row: Announcement, now: datetime, *, may_announce: bool) -> Component:
    is_shown = row.until_at > now
    end = actions.button(
        PAGE, "end", "End", of=row.announcement_id, kind="link", name=f"End: {row.text[:40]}"
    )
    until = f"{row.author}, {moment(row.from_at)} to {moment(row.until_at)}"
    head = html.Div(
        [
            html.Span(WORDS[row.severity], className=f"tag {row.severity}"),
            html.Span(until, className="secondary"),
            *([end] if is_shown and may_announce else []),
        ],
        className="post-head",
    )
    return html.Article(
        [head, html.P(row.text, className="post-text")],
        className="post" if is_shown else "post past",
    )


def announce_panel(now: datetime) -> Component:
    """Ask what everybody is to be told."""
    severity = dcc.RadioItems(
        id=actions.input_id(PAGE, "severity"),
        options=[{"label": word, "value": name} for name, word in WORDS.items()],
        value="info",
        className="choices inline",
    )
    tomorrow = (now + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    rows = [
        choice_row("Severity", severity),
        _text("announcement", "Text", longest=LONGEST_ANNOUNCEMENT),
        actions.text_input(PAGE, "until", "Until (UTC)", value=write_utc(tomorrow)),
        actions.button(PAGE, "announce", "Announce", kind="button primary"),
    ]
    return panel(
        "Announce",
        html.Div(rows, className="form note-fields"),
        subtitle="shown to everybody above every page",
    )


def band_panel() -> Component:
    """Say what the band around a probability is, and what it is not."""
    rows = [
        ("24 to 45 %", "how far the probability moves when the model is fitted on other days"),
        ("hardly known", "the band is wider than 40 points"),
        ("It does not cover", "a change of the base rate, from one part of the cycle to another"),
        ("It is no range", "for the flare itself, which comes or does not come"),
        ("Does it hold?", "Skill counts the bins whose observed frequency lies inside"),
    ]
    return panel("The band of a probability", facts(rows), class_name="band-help")


def keys_panel() -> Component:
    """List the keys of the keyboard."""
    return panel("Keys", facts([(what, html.Kbd(key)) for key, what in _KEYS]), class_name="keys")
