"""The data of the Skill page: the request, the report from the store, and the report as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from flask import Flask, Response, request

from app_dash.guard import route
from app_dash.shared.as_of import mode_of, store_of
from app_dash.shared.url_state import SKILL_CSV_PATH, SKILL_JSON_PATH
from app_dash.shared.verification.report import SkillReport, StrataReport
from app_dash.skill.query import SkillQuery, SkillRequest, skill_request
from app_dash.skill.skill_by_lead import LeadReport
from database.engine import reading
from database.flares.coverage import is_covered
from database.models import ModelRow, list_models, live_model
from database.people.principal import READ
from database.verification.base_rate import BaseRates, base_rates
from database.verification.entrants import ENTRANTS, PERSISTENCE
from database.verification.lead_skill import lead_skill
from database.verification.skill import skill
from database.verification.strata import strata
from solar.flares import event as find_event
from solar.time import Window
from solar.windows import DAY

COLUMNS = (
    "model",
    "event",
    "scope",
    "from",
    "to",
    "cases",
    "threshold",
    "quantity",
    "value",
    "low",
    "high",
)
_COUNTS = ("n", "n_events", "n_unknown", "n_withheld", "coverage", "base_rate")


@dataclass(frozen=True)
class SkillData:
    """What the page shows; `frozen` is the threshold frozen with the model, None without one.

    `has_flares` tells whether a flare list covers any of the forecast time. `base_rates` are those
    of now, whatever range is scored, and `model` the one whose threshold they are compared with.
    """

    request: SkillRequest
    report: SkillReport
    frozen: float | None
    has_flares: bool
    base_rates: BaseRates
    model: ModelRow | None


def read_request(engine: sa.Engine, query: SkillQuery) -> tuple[SkillRequest, list[ModelRow]]:
    """Return the request of a query, and the models to choose from.

    Raises
    ------
    NotFoundError
        When nothing is stored of the model, or the region is unknown.
    """
    with reading(engine) as connection:
        return skill_request(connection, query), list_models(connection)


def read_skill(
    engine: sa.Engine, request: SkillRequest, models: Sequence[ModelRow], *, now: datetime
) -> SkillData:
    """Read all that the page shows at first; the strata follow later."""
    report = SkillReport.model_validate(read_report(engine, request))
    event = find_event(request.event)
    with reading(engine) as connection:
        end_at = request.window.end_at + event.window.closes_after
        has_flares = is_covered(connection, Window(request.window.start_at, end_at))
        of_day = event.within(DAY)
        rates = base_rates(connection, of_day, request.model_id, now=now)
    frozen, model = frozen_threshold(request, models), judged_model(request, models)
    return SkillData(request, report, frozen, has_flares, rates, model)


def read_report(engine: sa.Engine, request: SkillRequest) -> dict[str, Any]:
    """Read the report; the API returns the same for the same request."""
    with reading(engine) as connection:
        return skill(
            connection,
            model_id=request.model_id,
            event=request.event,
            window=request.window,
            scope=request.scope,
            region_id=request.region_id,
            threshold=request.threshold,
            cases=request.cases,
        )


def read_strata(engine: sa.Engine, query: SkillQuery) -> StrataReport | None:
    """Read the skill by strata; None for a reference forecast or one region, which have none."""
    with reading(engine) as connection:
        request = skill_request(connection, query)
        if request.model_id in ENTRANTS or request.region_id is not None:
            return None
        return StrataReport.model_validate(
            strata(
                connection,
                model_id=request.model_id,
                event=request.event,
                window=request.window,
                scope=request.scope,
                threshold=request.threshold,
            )
        )


def read_leads(engine: sa.Engine, query: SkillQuery) -> LeadReport | None:
    """Read the skill by lead; None for one region, which has none.

    A reference forecast is among those of the live model.
    """
    with reading(engine) as connection:
        request = skill_request(connection, query)
        live = live_model(connection)
        is_model = request.model_id not in ENTRANTS
        model_id = request.model_id if is_model or live is None else live.model_id
        if request.region_id is not None or model_id in ENTRANTS:
            return None
        return LeadReport.model_validate(
            lead_skill(
                connection,
                model_id=model_id,
                event=query.event,
                window=request.window,
                scope=request.scope,
            )
        )


def frozen_threshold(request: SkillRequest, models: Sequence[ModelRow]) -> float | None:
    """Return the frozen threshold: climatology uses the live model's, persistence has none."""
    if request.model_id == PERSISTENCE:
        return None
    model = judged_model(request, models)
    return model.thresholds.get(request.event) if model else None


def judged_model(request: SkillRequest, models: Sequence[ModelRow]) -> ModelRow | None:
    """Return the model of a request; a reference forecast is compared with the live one."""
    named = {model.model_id: model for model in models}
    live = next((model for model in models if model.stage == "live"), None)
    return named.get(request.model_id, live)


def register_skill_files(server: Flask, engine: sa.Engine) -> None:
    """Serve the report as JSON and CSV; the query is that of the page."""

    @route(server, SKILL_JSON_PATH, permission=READ)
    def skill_json() -> Response:
        search = request.query_string.decode()
        query, store = SkillQuery.parse(search), store_of(engine, search)
        body = _report(store, query)
        divided = read_strata(store, query)
        body["strata"] = divided and divided.model_dump(mode="json")
        mode = mode_of(engine)
        name = f"{_stem(body, mode)}.json"
        if mode:
            body["mode"] = "historical"
        content = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        return _file(content, "application/json", name, mode)

    @route(server, SKILL_CSV_PATH, permission=READ)
    def skill_csv() -> Response:
        search = request.query_string.decode()
        body = _report(store_of(engine, search), SkillQuery.parse(search))
        mode = mode_of(engine)
        return _file(csv_text(body).encode(), "text/csv", f"{_stem(body, mode)}.csv", mode)


def csv_text(body: dict[str, Any]) -> str:
    """Write one row per forecast and quantity; undefined is empty, times are ISO."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for part in (body, *body["entrants"]):
        threshold = (part["threshold"] or {}).get("value")
        fixed = (
            part["model"],
            body["event"],
            body["scope"],
            body["from"],
            body["to"],
            body.get("cases", "own"),
            threshold,
        )
        writer.writerows((*fixed, *quantity) for quantity in _quantities(part))
    return text.getvalue()


def _quantities(part: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for name in _COUNTS:
        yield name, part[name], None, None
    for name, count in (part["contingency"] or {}).items():
        yield name, count, None, None
    for name, score in part["scores"].items():
        yield name, score["value"], score["low"], score["high"]


def _report(engine: sa.Engine, query: SkillQuery) -> dict[str, Any]:
    request, _ = read_request(engine, query)
    return read_report(engine, request)


def _stem(body: dict[str, Any], mode: Mapping[str, str]) -> str:
    model = body["model"].replace("@", "-")
    event = body["event"].replace("/", "-")
    name = "_".join([*mode.values(), "skill"])
    return f"{name}_{model}_{event}_{body['scope']}_{body['from']}_{body['to']}"


def _file(content: bytes, mimetype: str, name: str, mode: Mapping[str, str]) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', **mode}
    return Response(content, mimetype=mimetype, headers=headers)
