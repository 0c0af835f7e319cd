"""The Skill page: how good the forecasts of a range were, compared with reference forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import dash
import sqlalchemy as sa
from dash import Input, Output, dcc, html
from dash.development.base_component import Component
from pydantic import BaseModel

from app_dash.frame.page import PageContext
from app_dash.frame.typed_fields import parse_leniently
from app_dash.guard import callback
from app_dash.shared import numbers
from app_dash.shared.as_of import store_of
from app_dash.shared.base_rate import base_rate_panel
from app_dash.shared.numbers import count, model_label, score_text
from app_dash.shared.panels import empty_message, error_message, facts, graph, panel
from app_dash.shared.range_picker import newest_shown
from app_dash.shared.theme import Tokens, tokens
from app_dash.shared.url_state import SKILL_PATH
from app_dash.shared.verification.definitions import DEFINITIONS
from app_dash.shared.verification.report import (
    AllClear,
    Latency,
    Score,
    SkillReport,
    StrataReport,
    Stratum,
)
from app_dash.shared.verification.score_axis import KINDS, interval_text
from app_dash.shared.verification.tables import count_chips
from app_dash.skill.data import (
    SkillData,
    read_leads,
    read_request,
    read_skill,
    read_strata,
    register_skill_files,
)
from app_dash.skill.filters import choice, filters, model_menu
from app_dash.skill.panels import (
    contingency,
    curve,
    days,
    differences,
    reliability,
    scores,
    table,
)
from app_dash.skill.query import SkillQuery
from app_dash.skill.skill_by_lead import lead_panel, no_lead_panel
from app_dash.skill.strata_figure import strata_figure
from app_dash.skill.threshold import register_sliders, threshold_panels
from database.engine import reading
from database.flares.flares import flares_changed_at
from database.models import list_models
from database.people.principal import READ
from solar.errors import FlarewatchError, NotFoundError
from solar.flares import event as find_event
from solar.windows import DAY

_BY = (("tss", "TSS"), ("bss", "BSS"), ("auc", "AUC"), ("recall", "Recall"))
_SHOWN = ("tss", "recall", "far", "bss", "auc")
HEIGHT = 260
STRATA = "skill-strata"
REQUEST = "skill-strata-asked"
LEADS = "skill-leads"
LEADS_REQUEST = "skill-leads-asked"
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


class StrataRequest(BaseModel):
    """What the page asks for once it is drawn."""

    search: str
    theme: str | None = None


def layout(context: PageContext, pathname: str, search: str) -> Component:
    """Draw the report of the address; an error stays in its panel, and the filters remain."""
    query, message = parse_leniently(SkillQuery, search)
    try:
        request, models = read_request(context.engine, query)
    except NotFoundError as error:
        return panel("Scores", empty_message(str(error), _choice(context, query)))
    bar = filters(query, request, models, message=message, api_url=context.settings.shown_api_url)
    try:
        data = read_skill(context.engine, request, models, now=context.sun_now)
    except FlarewatchError as error:
        failed = error_message(f"{error.title}: {error}", retry=pathname + search)
        return html.Div([bar, panel("Scores", failed)], className="stack")
    return html.Div(
        [bar, *_unverified_days(data.report), *_report(query, data, context.tokens)],
        className="stack",
    )


def data_key(context: PageContext, _pathname: str, search: str) -> str:
    """Return a text that changes when newer records or flares come into the range."""
    with reading(context.engine) as connection:
        flares_at = flares_changed_at(connection)
    return f"{newest_shown(context.state.newest_t_rec, search)}|{flares_at}"


def register(app: dash.Dash, engine: sa.Engine) -> None:
    """Connect the typed fields, the sliders and the files; the strata are drawn later."""
    register_sliders(app)
    register_skill_files(app.server, engine)

    @callback(app, READ, Output(STRATA, "children"), Input(REQUEST, "data"))
    def follow(request: StrataRequest | None) -> Any:
        if request is None:
            return dash.no_update
        return strata_parts(engine, request.search, tokens(request.theme))

    @callback(app, READ, Output(LEADS, "children"), Input(LEADS_REQUEST, "data"))
    def follow_leads(request: StrataRequest | None) -> Any:
        if request is None:
            return dash.no_update
        return lead_part(engine, request.search, tokens(request.theme))


def lead_part(engine: sa.Engine, search: str, colors: Tokens) -> Component:
    """Draw the skill by lead of an address, or in its place the reason why there is none."""
    query, _ = parse_leniently(SkillQuery, search)
    try:
        report = read_leads(store_of(engine, search), query)
    except FlarewatchError as error:
        failed = error_message(f"{error.title}: {error}", retry=SKILL_PATH + search)
        return html.Div(failed, className="span-4")
    return no_lead_panel(query) if report is None else lead_panel(query, report, colors)


def strata_parts(engine: sa.Engine, search: str, colors: Tokens) -> list[Component]:
    """Draw the strata of an address, or in their place the reason why there are none."""
    query, _ = parse_leniently(SkillQuery, search)
    try:
        strata = read_strata(store_of(engine, search), query)
    except FlarewatchError as error:
        failed = error_message(f"{error.title}: {error}", retry=SKILL_PATH + search)
        return [html.Div(failed, className="span-12")]
    return [no_strata_panel(query)] if strata is None else strata_panels(query, strata, colors)


def strata_panels(query: SkillQuery, report: StrataReport, tokens: Tokens) -> list[Component]:
    """Draw the three panels of the strata."""
    return [
        _stratum_panel("Skill by longitude", _centred(report.longitude), query, tokens),
        _stratum_panel("Skill by month", report.month, query, tokens),
        panel(
            "First flare and all clear",
            _first_flare(report.first_flare),
            facts([*_all_clear(report.all_clear), *_latency(report.latency)]),
            class_name="span-4",
            definition=DEFINITIONS["first_flare"],
        ),
    ]


def no_strata_panel(query: SkillQuery) -> Component:
    """Say why there are no strata, and link a report that has some."""
    whole = query.changed(model="", region="")
    link = dcc.Link(
        "Show the live model, all regions", href=SKILL_PATH + whole.search(), className="button"
    )
    text = "Skill by history, longitude and month is available for a model over all regions."
    return panel("Skill by stratum", empty_message(text, link), class_name="span-12")


def strata_placeholders() -> list[Component]:
    """Hold the places of the strata panels, in their size."""
    return [html.Div(className="sunk-block span-4 strata-block") for _ in range(3)]


def _leads(request: StrataRequest) -> list[Component]:
    """Hold the place of the skill by lead, and ask for it."""
    block = html.Div(className="sunk-block span-4 strata-block")
    return [
        dcc.Store(id=LEADS_REQUEST, data=request.model_dump()),
        html.Div([block], id=LEADS, className="contents"),
    ]


def _stratum_panel(
    title: str, strata: Sequence[Stratum], query: SkillQuery, tokens: Tokens
) -> Component:
    name = title.rpartition(" ")[2]
    label = next(kind.label for kind in KINDS if kind.name == query.by)
    known = sum(1 for stratum in strata if stratum.score(query.by).value is not None)
    text = f"{label} in {known} of {len(strata)} strata by {name}, with 95 % intervals and cases"
    axis = {
        "longitude": "Stonyhurst longitude, centres of 30° bands",
        "month": "Month of issue, UTC",
    }[name]
    drawn = (
        graph(
            f"strata-{name}",
            strata_figure(strata, query.by, tokens, title=axis),
            text=text,
            height=HEIGHT,
        )
        if any(stratum.n for stratum in strata)
        else empty_message(f"These cases have no {name}.")
    )
    return panel(
        title,
        drawn,
        actions=choice(f"Score by {name}", query, "by", _BY),
        class_name="span-4",
        definition=DEFINITIONS[name],
    )


def _centred(bands: Sequence[Stratum]) -> list[Stratum]:
    """Label each band by its centre, ``E45``, which is short."""
    return [band.model_copy(update={"label": _centre(band)}) for band in bands]


def _centre(band: Stratum) -> str:
    if not isinstance(band.low, float) or not isinstance(band.high, float):
        return "unknown"
    middle = (band.low + band.high) / 2
    return f"{'E' if middle < 0 else 'W'}{abs(middle):.0f}"


def _first_flare(stratum: Stratum) -> Component:
    labels = {kind.name: kind.label for kind in KINDS}
    rows = [_score(labels[name], stratum.score(name)) for name in _SHOWN]
    counted = f"{numbers.count(stratum.n_events)} of {numbers.count(stratum.n)} cases"
    head = html.Tr([html.Th("First flare after quiet"), html.Th(counted, className="number")])
    return html.Table([html.Thead(head), html.Tbody(rows)], className="data summary strata-table")


def _score(label: str, score: Score) -> Component:
    parts = [
        html.Span(interval_text(score), className="score-interval"),
        html.B(score_text(score.value)),
    ]
    return html.Tr([html.Th(label, scope="row"), html.Td(parts, className="number score-cell")])


def _all_clear(statements: AllClear) -> list[tuple[str, str]]:
    interval = interval_text(statements.right, digits=3)
    right = score_text(statements.right.value, digits=3)
    return [
        ("All clear", f"{numbers.count(statements.n)} times"),
        ("of these correct", f"{right} ({interval})" if interval else right),
        ("Events missed", numbers.count(statements.n_missed)),
    ]


def _latency(latency: Latency) -> list[tuple[str, str]]:
    if not latency.n:
        return [("Latency", numbers.ABSENT)]
    parts = (("median", latency.p50_s), ("p95", latency.p95_s), ("p99", latency.p99_s))
    return [("Latency", ", ".join(f"{name} {_seconds(value)}" for name, value in parts))]


def _seconds(value: float | None) -> str:
    if value is None:
        return numbers.ABSENT
    return f"{value:.1f} s" if value < 10 else numbers.duration(timedelta(seconds=value))


def _report(query: SkillQuery, data: SkillData, colors: Tokens) -> list[Component]:
    report = data.report
    request = StrataRequest(search=query.search(), theme=colors.name)
    if not report.n:
        chips = html.Span(count_chips(report), className="count-chips")
        nothing = panel("Scores", _no_cases(query, data), subtitle=chips)
        if query.of == DAY:
            return [nothing]
        return [nothing, html.Div(_leads(request), className="grid")]
    return [
        *_no_events(query, report),
        scores(report),
        html.Div(
            [
                reliability(query, report, colors),
                curve(query, report, colors),
                contingency(report),
                *threshold_panels(query, data, colors),
                days(report, colors),
                base_rate_panel(
                    find_event(query.event), data.base_rates, data.model, class_name="span-4"
                ),
                dcc.Store(id=REQUEST, data=request.model_dump()),
                html.Div(strata_placeholders(), id=STRATA, className="contents"),
                *_leads(request),
                differences(report),
                table(report),
            ],
            className="grid",
        ),
    ]


def _unverified_days(report: SkillReport) -> list[Component]:
    # After every record, today and tomorrow are unverified for a moment.
    if report.days_waiting <= FEW_DAYS:
        return []
    text = (
        f"{count(report.days_waiting)} days of this range have new forecasts or flares that are"
        " not verified yet; the API is verifying them."
    )
    return [html.P(text, className="notice", role="note")]


def _choice(context: PageContext, query: SkillQuery) -> Component:
    with reading(context.engine) as connection:
        return model_menu(query, "", list_models(connection))


def _no_cases(query: SkillQuery, data: SkillData) -> Component:
    text = _no_case_text(query, data)
    # Forecasts that are not verified yet will be unknown too.
    if (data.report.n_unknown or data.report.days_waiting) and not data.has_flares:
        text = _NOT_COVERED
    elif data.report.n_unknown:
        text = _PARTLY_COVERED
    return empty_message(text, _wider(query, "button"))


def _no_case_text(query: SkillQuery, data: SkillData) -> str:
    text = "No case can be scored in this range."
    if query.of == DAY:
        return text
    name = model_label(data.report.model)
    return (
        f"{text} {name} has no verified forecast of {query.target.label} here; see below who"
        " forecasts which windows."
    )


def _no_events(query: SkillQuery, report: SkillReport) -> list[Component]:
    if report.n_events:
        return []
    what = find_event(report.event).goes_class
    text = f"No {what}+ flare in this range: scores that need an event are undefined. "
    return [html.P([text, _wider(query, "link")], className="notice", role="note")]


def _wider(query: SkillQuery, class_name: str) -> Component:
    wider = query.changed(range="all", start=None, end=None, region="")
    return dcc.Link(
        "Show the whole stored range", href=SKILL_PATH + wider.search(), className=class_name
    )
