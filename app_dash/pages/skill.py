"""The Skill page: how good the forecasts of a range were, beside what needs no model."""

from __future__ import annotations

import dash
import sqlalchemy as sa
from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.contingency_table import contingency_table
from app_dash.components.panels import empty_message, error_message, graph, legend, panel
from app_dash.components.score_card import entrant_legend, score_cards
from app_dash.components.score_table import score_table
from app_dash.components.skill_facts import (
    cases,
    count_chips,
    model_name,
    statement,
    threshold_text,
)
from app_dash.components.skill_filters import PAGE, PATH, filters, model_menu
from app_dash.components.typed_fields import parse_leniently, register_fields
from app_dash.figures.days import days_figure
from app_dash.figures.reliability import reliability_figure
from app_dash.figures.roc import roc_figure
from app_dash.figures.scores import score_text
from app_dash.numbers import count
from app_dash.settings import reading_key
from app_dash.skill_answer import SkillAnswer
from app_dash.skill_client import SkillClient
from app_dash.skill_query import FIELDS, SkillQuery, question
from app_dash.theme import Tokens
from app_dash.view import View
from database.engine import reading
from database.models import list_models
from solar.errors import FlarewatchError, NotFoundError


def layout(view: View, pathname: str, search: str) -> Component:
    """Ask the API what the address asks; a failure stays in the panel, the filters remain."""
    query, message = parse_leniently(SkillQuery, search)
    with reading(view.engine) as connection:
        models = list_models(connection)
        try:
            asked = question(connection, query)
        except NotFoundError as error:
            return panel("Scores", empty_message(str(error), model_menu(query, "", models)))
    bar = filters(query, asked, models, message=message)
    try:
        client = SkillClient(view.settings.api_url, reading_key(view.settings))
        answer = client.ask(asked)
    except FlarewatchError as error:
        failed = error_message(f"{error.title}: {error}", retry=pathname + search)
        return html.Div([bar, panel("Scores", failed)], className="stack")
    return html.Div([bar, *_report(query, answer, view.tokens)], className="stack")


def register(app: dash.Dash, _engine: sa.Engine) -> None:
    """Connect the typed fields."""
    register_fields(app, PAGE, query_type=SkillQuery, names=FIELDS)


def _report(query: SkillQuery, answer: SkillAnswer, tokens: Tokens) -> list[Component]:
    if not answer.n:
        message = empty_message("No case can be scored in this range.", _wider(query, "button"))
        return [panel("Scores", message, subtitle=count_chips(answer))]
    figures = [_reliability(answer, tokens), _roc(answer, tokens), _contingency(answer)]
    below = [_all_scores(answer), html.Div([_days(answer, tokens), _facts(answer)],
                                           className="span-4 stack")]  # fmt: skip
    return [
        *_no_events(query, answer),
        _scores(answer),
        html.Div(figures, className="grid"),
        html.Div(below, className="grid"),
    ]


def _no_events(query: SkillQuery, answer: SkillAnswer) -> list[Component]:
    if answer.n_events:
        return []
    text = f"No {answer.event}+ flare in this range: scores that need an event are undefined. "
    return [html.P([text, _wider(query, "link")], className="notice", role="note")]


def _wider(query: SkillQuery, class_name: str) -> Component:
    wider = query.changed(range="all", start=None, end=None, region="")
    return dcc.Link("Widen to everything stored", href=PATH + wider.search(), className=class_name)


def _scores(answer: SkillAnswer) -> Component:
    subtitle = [f"{answer.event}+ in 24 h, {threshold_text(answer)}"]
    chips = html.Span(count_chips(answer), className="count-chips")
    return panel("Scores", html.Div([chips, html.Span(entrant_legend(answer), className="keys")],
                                    className="score-line"),
                 score_cards(answer), subtitle=subtitle)  # fmt: skip


def _reliability(answer: SkillAnswer, tokens: Tokens) -> Component:
    text = f"Reliability of {answer.event}+ forecasts in {len(answer.reliability)} bins"
    drawn = graph("reliability", reliability_figure(answer, tokens), text=text, height=330)
    return panel("Reliability", drawn, subtitle=f"{model_name(answer)}, Wilson 95 %",
                 class_name="span-4")  # fmt: skip


def _roc(answer: SkillAnswer, tokens: Tokens) -> Component:
    area = score_text(answer.score("auc").value)
    text = f"ROC of {model_name(answer)} and the entrants; area under the model's curve {area}"
    drawn = graph("roc", roc_figure(answer, tokens), text=text, height=330)
    return panel("ROC", drawn, subtitle="all thresholds", class_name="span-4")


def _contingency(answer: SkillAnswer) -> Component:
    counted = f"{model_name(answer)}, {cases(answer)}"
    return panel("Contingency", contingency_table(answer), subtitle=counted, class_name="span-4")


def _all_scores(answer: SkillAnswer) -> Component:
    return panel("All scores", score_table(answer), subtitle="95 % interval and value",
                 class_name="span-8 flush")  # fmt: skip


def _days(answer: SkillAnswer, tokens: Tokens) -> Component:
    text = f"{count(answer.n_events)} of {count(answer.n)} cases with the event, by day"
    drawn = graph("days", days_figure(answer.days, answer.event, tokens), text=text, height=150)
    keys = [legend(answer.event[0].lower(), "event"), legend("quiet-case", "no event")]
    return panel("Cases by day", drawn, subtitle=cases(answer), actions=keys)


def _facts(answer: SkillAnswer) -> Component:
    return panel("How this was computed", statement(answer))
