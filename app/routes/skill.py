"""Skill over HTTP: how good a model was, beside what anyone could have said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from flask import Blueprint, Response

from app.contract.answers import SkillAnswer, StrataAnswer
from app.contract.operations import operation
from app.contract.queries import SkillQuery, StrataQuery
from app.contract.responses import json_response
from app.services import services
from database.engine import reading
from database.models import find_model
from database.verification.entrants import ENTRANTS
from database.verification.rollup import refresh
from database.verification.skill import skill
from database.verification.strata import strata
from solar.time import Window

blueprint = Blueprint("skill", __name__)

# HMI has observed since then; a range with one open side does not reach further.
_HMI_BEGAN_AT = datetime(2010, 5, 1, tzinfo=UTC)


@blueprint.get("/skill")
@operation("Verification of a model and of the entrants on the same cases", scope="read",
           query=SkillQuery, answer=SkillAnswer)  # fmt: skip
def get_skill(query: SkillQuery) -> Response:
    engine = services().engine
    refresh(engine)
    with reading(engine) as connection:
        body = skill(
            connection,
            model_id=_model_id(connection, query.model),
            event=query.event,
            window=_window(query),
            scope=query.scope,
            region_id=query.region,
            threshold=query.threshold,
            cases=query.cases,
        )
    return json_response(body)


@blueprint.get("/skill/strata")
@operation("Verification by kinds of cases: first flares, all-clears, longitude, month, latency",
           scope="read", query=StrataQuery, answer=StrataAnswer)  # fmt: skip
def get_strata(query: StrataQuery) -> Response:
    engine = services().engine
    refresh(engine)
    with reading(engine) as connection:
        body = strata(
            connection,
            model_id=_model_id(connection, query.model),
            event=query.event,
            window=_window(query),
            scope=query.scope,
            threshold=query.threshold,
        )
    return json_response(body)


def _model_id(connection: sa.Connection, name: str) -> str:
    if name == "live":
        return services().lineup.live.model_id
    return name if name in ENTRANTS else find_model(connection, name).model_id


def _window(query: StrataQuery) -> Window | None:
    if query.from_ is None and query.to is None:
        return None
    end_at = query.to or services().clock() + timedelta(days=1)
    return Window(query.from_ or _HMI_BEGAN_AT, end_at)
