"""The Skill page: how good the forecasts of a range were, beside what needs no model."""

from __future__ import annotations

from typing import Any

import dash
import sqlalchemy as sa
from dash import Input, Output, dcc, html
from dash.development.base_component import Component

from app_dash.components.panels import empty_message, error_message, panel
from app_dash.components.skill_facts import count_chips
from app_dash.components.skill_filters import PAGE, PATH, filters, model_menu
from app_dash.components.skill_panels import (
    contingency,
    curve,
    days,
    differences,
    reliability,
    scores,
    table,
)
from app_dash.components.strata_panels import strata_panels, undivided, waiting
from app_dash.components.threshold_panel import register_sliders, threshold_panels
from app_dash.components.typed_fields import parse_leniently, register_fields
from app_dash.numbers import count
from app_dash.skill.answer import SkillAnswer
from app_dash.skill.files import register_skill_files
from app_dash.skill.query import FIELDS, SkillQuery
from app_dash.skill.view import SkillView, asking, divide, look
from app_dash.theme import Tokens, tokens
from app_dash.view import View
from database.engine import reading
from database.models import list_models
from solar.errors import FlarewatchError, NotFoundError

STRATA = "skill-strata"
ASKED = "skill-strata-asked"
FEW_DAYS = 2

_NOT_COVERED = (
    "No flare list covers this range, so its forecasts cannot be verified. Import one: flarewatch"
    " database import-flares FILE. Labels in a training file do not count: a replay sends records,"
    " not outcomes."
)
_PARTLY_COVERED = (
    "Flare lists cover only a part of this range, and no forecast in it can be verified. Import a"
    " list that covers it: flarewatch database import-flares FILE"
)


def layout(view: View, pathname: str, search: str) -> Component:
    """Show what the address asks for; a failure stays in the panel, the filters remain."""
    query, message = parse_leniently(SkillQuery, search)
    try:
        asked, models = asking(view.engine, query)
    except NotFoundError as error:
        return panel("Scores", empty_message(str(error), _choice(view, query)))
    bar = filters(query, asked, models, message=message, api_url=view.settings.shown_api_url)
    try:
        seen = look(view.engine, asked, models)
    except FlarewatchError as error:
        failed = error_message(f"{error.title}: {error}", retry=pathname + search)
        return html.Div([bar, panel("Scores", failed)], className="stack")
    return html.Div(
        [bar, *_waiting_days(seen), *_report(query, seen, view.tokens)], className="stack"
    )


def register(app: dash.Dash, engine: sa.Engine) -> None:
    """Connect the typed fields, the sliders, the files, and the strata that follow the page."""
    register_fields(app, PAGE, query_type=SkillQuery, names=FIELDS)
    register_sliders(app)
    register_skill_files(app.server, engine)

    @app.callback(Output(STRATA, "children"), Input(ASKED, "data"))
    def follow(asked: dict[str, Any] | None) -> Any:
        if asked is None:
            return dash.no_update
        return divided(engine, asked["search"], tokens(asked["theme"]))


def divided(engine: sa.Engine, search: str, colors: Tokens) -> list[Component]:
    """Draw the strata of an address, or say in their place why there are none."""
    query, _ = parse_leniently(SkillQuery, search)
    try:
        found = divide(engine, query)
    except FlarewatchError as error:
        failed = error_message(f"{error.title}: {error}", retry=PATH + search)
        return [html.Div(failed, className="span-12")]
    return [undivided(query)] if found is None else strata_panels(query, found, colors)


def _report(query: SkillQuery, seen: SkillView, colors: Tokens) -> list[Component]:
    answer = seen.answer
    if not answer.n:
        chips = html.Span(count_chips(answer), className="count-chips")
        return [panel("Scores", _nothing(query, seen), subtitle=chips)]
    asked = {"search": query.search(), "theme": colors.name}
    return [
        *_no_events(query, answer),
        scores(answer),
        html.Div(
            [
                reliability(query, answer, colors),
                curve(query, answer, colors),
                contingency(answer),
                *threshold_panels(query, seen, colors),
                days(answer, colors),
                dcc.Store(id=ASKED, data=asked),
                html.Div(waiting(), id=STRATA, className="contents"),
                differences(answer),
                table(answer),
            ],
            className="grid",
        ),
    ]


def _waiting_days(seen: SkillView) -> list[Component]:
    # Today and tomorrow wait for a moment after every record.
    if seen.waiting <= FEW_DAYS:
        return []
    text = (
        f"{count(seen.waiting)} days of this range have new forecasts or flares that are not"
        " verified yet; the API is at it."
    )
    return [html.P(text, className="notice", role="note")]


def _choice(view: View, query: SkillQuery) -> Component:
    with reading(view.engine) as connection:
        return model_menu(query, "", list_models(connection))


def _nothing(query: SkillQuery, seen: SkillView) -> Component:
    text = "No case can be scored in this range."
    # Forecasts that are not verified yet will be unknown as well.
    if (seen.answer.n_unknown or seen.waiting) and not seen.has_flares:
        text = _NOT_COVERED
    elif seen.answer.n_unknown:
        text = _PARTLY_COVERED
    return empty_message(text, _wider(query, "button"))


def _no_events(query: SkillQuery, answer: SkillAnswer) -> list[Component]:
    if answer.n_events:
        return []
    text = f"No {answer.event}+ flare in this range: scores that need an event are undefined. "
    return [html.P([text, _wider(query, "link")], className="notice", role="note")]


def _wider(query: SkillQuery, class_name: str) -> Component:
    wider = query.changed(range="all", start=None, end=None, region="")
    return dcc.Link("Widen to everything stored", href=PATH + wider.search(), className=class_name)
