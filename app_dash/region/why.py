"""The question why a region's forecast says what it says, asked behind the page's first paint."""

from __future__ import annotations

from typing import Any

import dash
from dash import Input, Output, dcc, html, no_update
from dash.development.base_component import Component

from app_dash.api_client import api_of
from app_dash.components.panels import empty_message, panel
from app_dash.components.why_panel import CHANGES, why_panel
from app_dash.region.data import RegionData
from app_dash.region.explanation_client import TIMEOUT_SECONDS, ExplanationQuestion, ask
from app_dash.region.query import RegionQuery, address
from app_dash.settings import DashSettings
from app_dash.theme import tokens
from app_dash.view import View
from solar.errors import FlarewatchError
from solar.time import isoformat, parse_time

WHY = "region-why"
ASKED = "region-why-asked"


def why_parts(data: RegionData, query: RegionQuery, view: View) -> list[Component]:
    """Hold the place of the panel and the question that fills it, if there is a forecast."""
    row = data.standing
    if row is None:
        message = "There is no forecast to explain at this time. Choose a later one."
        return [panel("Why", empty_message(message), how="why", class_name="why")]
    live = view.state.model.model_id if view.state.model else None
    model_id = data.issued.line.model_ids[row]
    asked = {
        "region": data.region.region_id,
        "search": query.search(),
        "at": isoformat(data.at),
        "model": None if model_id == live else model_id,
        "theme": view.tokens.name,
    }
    waiting = html.Div(className="sunk-block why-block")
    return [dcc.Store(id=ASKED, data=asked), html.Div(waiting, id=WHY, className="why-place")]


def register_why(app: dash.Dash, settings: DashSettings) -> None:
    """Fill the panel once the page stands."""

    @app.callback(Output(WHY, "children"), Input(ASKED, "data"))
    def follow(asked: dict[str, Any] | None) -> Any:
        return no_update if asked is None else explained(asked, settings)


def explained(asked: dict[str, Any], settings: DashSettings) -> Component:
    """Draw the answer of the API, or say in its place why there is none."""
    query = RegionQuery.parse(asked["search"])
    question = ExplanationQuestion(
        region_id=asked["region"],
        event=query.event,
        at=parse_time(asked["at"]),
        model_id=asked["model"],
        hours_back=CHANGES[query.why].hours_back,
    )
    try:
        answer: Any = ask(api_of(settings, timeout_seconds=TIMEOUT_SECONDS), question)
    except FlarewatchError as error:
        answer = error
    return why_panel(
        answer,
        change=query.why,
        tokens=tokens(asked["theme"]),
        address=lambda change: address(asked["region"], query.changed(why=change)),
    )
