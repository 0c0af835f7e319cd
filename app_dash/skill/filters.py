"""The filters of the Skill page: range, model, class, scope, cases, region, and the files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame.typed_fields import field_id, field_state
from app_dash.shared.numbers import model_label
from app_dash.shared.panels import menu, segmented
from app_dash.shared.range_picker import presets, time_field, write_range
from app_dash.shared.url_state import SKILL_CSV_PATH, SKILL_JSON_PATH, SKILL_PATH
from app_dash.skill.query import SkillQuery, SkillRequest
from database.models import AGENCY, ELSEWHERE, ModelRow
from database.verification.entrants import ENTRANTS
from solar.flares import EVENTS
from solar.windows import WINDOWS

PAGE = "skill"
_SCOPES = (("region", "Region"), ("disk", "Disk"))
_CASES = (("own", "Own cases"), ("shared", "Shared cases"))


def filters(
    query: SkillQuery,
    request: SkillRequest,
    models: Sequence[ModelRow],
    *,
    message: str,
    api_url: str,
) -> Component:
    """Show every filter with its state; each is a link or a typed field."""
    shown = {
        **write_range(query, request.window),
        "region": query.region,
    }
    rows = [
        [
            presets(query, SKILL_PATH),
            time_field(field_id(PAGE, "start"), "From (UTC)", shown["start"]),
            time_field(field_id(PAGE, "end"), "To (UTC)", shown["end"]),
            model_menu(query, request.model_id, models),
        ],
        [
            _events(query),
            _windows(query),
            choice("Scope", query, "scope", _SCOPES),
            choice("Cases", query, "cases", _CASES),
            _region(query),
            _files(query, request, api_url),
        ],
    ]
    return html.Div(
        [*(html.Div(row, className="filters") for row in rows), field_state(shown, message)],
        className="filter-bar",
    )


def choice(
    name: str, query: SkillQuery, field: str, choices: Sequence[tuple[str, str]]
) -> Component:
    """Offer the choices (value, label) of one field of the address."""
    links = [
        (
            label,
            SKILL_PATH + query.changed(**{field: value}).search(),
            getattr(query, field) == value,
        )
        for value, label in choices
    ]
    return segmented(name, links)


def _events(query: SkillQuery) -> Component:
    # Another class has another threshold and another cost/loss ratio.
    choices = [
        (
            event.label,
            SKILL_PATH + query.changed(event=event.name, threshold=None, cl=None).search(),
            query.event == event.name,
        )
        for event in EVENTS
    ]
    return segmented("Flare class", choices)


def _windows(query: SkillQuery) -> Component:
    # Another window has another threshold too.
    choices = [
        (
            window.label,
            SKILL_PATH + query.changed(window=window.name, threshold=None, cl=None).search(),
            query.window == window.name,
        )
        for window in WINDOWS
    ]
    return segmented("Window", choices)


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


def _files(query: SkillQuery, request: SkillRequest, api_url: str) -> Component:
    links = [
        html.A(label, href=path + query.search(), className="button", download="")
        for label, path in (("CSV", SKILL_CSV_PATH), ("JSON", SKILL_JSON_PATH))
    ]
    return html.Div([_call(request, api_url), *links], className="files")


def _call(request: SkillRequest, api_url: str) -> Component:
    address = f"{api_url}/api/v1/skill?{urlencode(request.parameters())}"
    command = f"curl '{address}'"
    copied: dict[str, Any] = {"data-copy": command}
    content = [
        html.Code(command, tabIndex=0),
        html.Button("Copy", className="button primary", type="button", **copied),
        html.P(
            "Returns this report; /api/v1/skill/strata takes the same parameters.",
            className="caption",
        ),
    ]
    return html.Details(
        [html.Summary("API call", className="button"), html.Div(content)],
        className="menu call-menu",
    )


def model_menu(query: SkillQuery, chosen: str, models: Sequence[ModelRow]) -> Component:
    """Offer the registered models and the reference forecasts; `chosen` may be empty."""
    stages = {model.model_id: _stage(model) for model in models}
    live = {model.model_id for model in models if model.stage == "live"}
    choices = [
        (
            model_label(name) + stages.get(name, ""),
            SKILL_PATH + query.changed(model="" if name in live else name, threshold=None).search(),
            name == chosen,
        )
        for name in (*stages, *ENTRANTS)
    ]
    return menu("Model", model_label(chosen) or "choose", choices)


def _stage(model: ModelRow) -> str:
    made = ", made elsewhere" if model.made_by == ELSEWHERE and model.stage != AGENCY else ""
    return f" ({model.stage}{made})"
