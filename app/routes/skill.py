"""Skill over HTTP: how good a model was, beside what anyone could have said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response

from app.answers import SkillAnswer
from app.operations import operation
from app.queries import SkillQuery
from app.responses import json_response
from app.services import services
from database.engine import reading
from database.models import find_model
from database.verification import ENTRANTS, refresh, skill
from solar.time import Window

blueprint = Blueprint("skill", __name__)

# HMI has observed since then; a range with one open side does not reach further.
_HMI_BEGAN_AT = datetime(2010, 5, 1, tzinfo=UTC)


@blueprint.get("/skill")
@operation("Verification of a model and of the entrants on the same cases", scope="read",
           query=SkillQuery, answer=SkillAnswer)  # fmt: skip
def get_skill(query: SkillQuery) -> Response:
    window = _window(query)
    engine = services().engine
    refresh(engine)
    with reading(engine) as connection:
        model_id = query.model
        if model_id == "live":
            model_id = services().lineup.live.model_id
        if model_id not in ENTRANTS:
            model_id = find_model(connection, model_id).model_id
        body = skill(
            connection,
            model_id=model_id,
            event=query.event,
            window=window,
            scope=query.scope,
            region_id=query.region,
            threshold=query.threshold,
        )
    return json_response(body)


def _window(query: SkillQuery) -> Window | None:
    if query.from_ is None and query.to is None:
        return None
    end_at = query.to or services().clock() + timedelta(days=1)
    return Window(query.from_ or _HMI_BEGAN_AT, end_at)
