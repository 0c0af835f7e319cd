"""The filters of the Skill page: range, model, class, scope, region."""

from __future__ import annotations

from collections.abc import Sequence

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.menu import menu
from app_dash.components.panels import segmented
from app_dash.components.range_picker import presets, time_field, write_utc
from app_dash.components.typed_fields import field_id, field_state
from app_dash.figures.entrants import entrant_label
from app_dash.skill_client import Question
from app_dash.skill_query import SkillQuery
from database.entrants import ENTRANTS
from database.models import ModelRow
from solar.flares import EVENTS

PAGE = "skill"
PATH = "/skill"
_SCOPES = (("region", "Region"), ("disk", "Disk"))


def filters(
    query: SkillQuery, asked: Question, models: Sequence[ModelRow], *, message: str
) -> Component:
    """Show the state of every filter; each is a link or a typed field."""
    shown = {
        "start": write_utc(asked.window.start_at),
        "end": write_utc(asked.window.end_at),
        "region": query.region,
    }
    rows = [
        [
            presets(query, PATH),
            time_field(field_id(PAGE, "start"), "From (UTC)", shown["start"]),
            time_field(field_id(PAGE, "end"), "To (UTC)", shown["end"]),
            model_menu(query, asked.model_id or "", models),
        ],
        [_events(query), _scope(query), _region(query)],
    ]
    return html.Div(
        [*(html.Div(row, className="filters") for row in rows), field_state(PAGE, shown, message)],
        className="filter-bar",
    )


def _events(query: SkillQuery) -> Component:
    choices = [
        (event.label, PATH + query.changed(event=event.name).search(), query.event == event.name)
        for event in EVENTS
    ]
    return segmented("Flare class", choices)


def _scope(query: SkillQuery) -> Component:
    choices = [
        (label, PATH + query.changed(scope=name).search(), query.scope == name)
        for name, label in _SCOPES
    ]
    return segmented("Scope", choices)


def _region(query: SkillQuery) -> Component:
    field = dcc.Input(
        id=field_id(PAGE, "region"),
        value=query.region,
        type="text",
        debounce=True,
        disabled=query.scope == "disk",
        placeholder="all; one HARP or NOAA number",
        className="field region-field",
        autoComplete="off",
    )
    hint = "The full disk has no single region" if query.scope == "disk" else ""
    return html.Label([html.Span("Region"), field], className="labelled", title=hint)


def model_menu(query: SkillQuery, chosen: str, models: Sequence[ModelRow]) -> Component:
    """Offer the registered models and the entrants; an empty `chosen` is none of them."""
    stages = {model.model_id: f" ({model.stage})" for model in models}
    live = {model.model_id for model in models if model.stage == "live"}
    choices = [
        (entrant_label(name) + stages.get(name, ""),
         PATH + query.changed(model="" if name in live else name).search(),
         name == chosen)
        for name in (*stages, *ENTRANTS)
    ]  # fmt: skip
    return menu("Model", entrant_label(chosen) or "choose", choices)
