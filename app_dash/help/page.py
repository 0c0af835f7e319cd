"""The Help page: feedback and bugs with their answers, announcements, the keys."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

import dash
import sqlalchemy as sa
from dash import html
from dash.development.base_component import Component

from app_dash.api_client import ask
from app_dash.frame import actions
from app_dash.frame.actions import Action, ActionPage, ActionResult
from app_dash.frame.page import PageContext
from app_dash.frame.typed_fields import parse_leniently
from app_dash.help.panels import (
    PAGE,
    announce_panel,
    announcements_panel,
    band_panel,
    keys_panel,
    others_panel,
    own_panel,
    say_panel,
)
from app_dash.help.query import HelpQuery, read_help
from app_dash.settings import DashSettings
from app_dash.shared.url_state import HELP_PATH, parse_utc
from database.people.feedback import BUG
from database.people.principal import ANNOUNCE, ANSWER, FEEDBACK
from solar.errors import InvalidInputError
from solar.time import isoformat
from solar.version import VERSION


def layout(context: PageContext, pathname: str, search: str) -> Component:
    """Draw the page."""
    return html.Div(content(context, pathname, search), id=actions.content_id(PAGE))


def content(context: PageContext, _pathname: str, search: str) -> Component:
    """Draw what an action draws anew."""
    query, _ = parse_leniently(HelpQuery, search)
    data, who = read_help(context), context.who
    left = [say_panel(query), own_panel(data.own)]
    if who.may(ANSWER):
        left.append(others_panel(data.of_others))
    may_announce = who.may(ANNOUNCE)
    right = [announcements_panel(data.announcements, context.now, may_announce=may_announce)]
    if may_announce:
        right.insert(0, announce_panel(context.now))
    return html.Div(
        [
            html.Div(left, className="stack span-7"),
            html.Div([*right, band_panel(), keys_panel()], className="stack span-5"),
        ],
        className="grid help-page",
    )


def register(app: dash.Dash, engine: sa.Engine, *, settings: DashSettings) -> None:
    """Connect the actions, which the API does in the session of who asks."""

    def perform(action: Action) -> ActionResult:
        if action.name in ("feedback", BUG):
            ask(settings, "POST", "/feedback", _feedback(action))
            return ActionResult("Thank you. The answer will stand on this page.")
        if action.name == "answer":
            body = {"answer": action.text(f"answer {action.of}")}
            if not body["answer"]:
                raise InvalidInputError("Write an answer first.")
            ask(settings, "PATCH", f"/feedback/{quote(action.of, safe='')}", body)
            return ActionResult("Answered.")
        if action.name == "announce":
            ask(settings, "POST", "/announcements", _announcement(action))
            return ActionResult("Announced.")
        if action.name == "end":
            ask(settings, "DELETE", f"/announcements/{quote(action.of, safe='')}")
            return ActionResult("The announcement has ended.")
        raise InvalidInputError("there is no such action; load the page again")

    page = ActionPage(PAGE, HELP_PATH, FEEDBACK, perform, content)
    actions.register(app, engine, page, settings=settings)


def _feedback(action: Action) -> dict[str, object]:
    text = action.text("text")
    if action.name == BUG:
        if not text:
            raise InvalidInputError("Write what happened.")
        return {"kind": BUG, "text": text, "page": action.text("page"), "version": VERSION}
    score = action.text("score")
    if not (text or score):
        raise InvalidInputError("Choose a number, or write a text.")
    return {
        "kind": "feedback",
        "score": int(score) if score.isdecimal() else None,
        "text": text,
        "page": HelpQuery.parse(action.search).from_page,
        "version": VERSION,
    }


def _announcement(action: Action) -> dict[str, object]:
    text, until = action.text("announcement"), action.text("until")
    if not text:
        raise InvalidInputError("Write what everybody is to know.")
    if not until:
        raise InvalidInputError("Write until when it is shown, such as 2026-12-01 07:00.")
    until_at: datetime = parse_utc(until)
    severity = action.text("severity")
    return {"severity": severity, "text": text, "until_at": isoformat(until_at)}
