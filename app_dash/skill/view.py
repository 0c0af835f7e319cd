"""What the Skill page shows of a query: the report, its question and the models to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app_dash.skill.answer import SkillAnswer
from app_dash.skill.query import Question, SkillQuery, question
from app_dash.skill.strata import StrataAnswer
from database.engine import reading
from database.flares.coverage import is_covered
from database.models import ModelRow, list_models
from database.rollup_days import count_stale
from database.verification.entrants import ENTRANTS, PERSISTENCE
from database.verification.skill import skill
from database.verification.strata import strata
from solar.flares import HORIZON
from solar.time import Window


@dataclass(frozen=True)
class SkillView:
    """One look; `frozen` is the threshold frozen with the model, None where there is none.

    `waiting` days of the range have new forecasts or flares that are not verified yet;
    `has_flares` tells whether a flare list covers any of the time that was forecast.
    """

    asked: Question
    answer: SkillAnswer
    frozen: float | None
    waiting: int
    has_flares: bool


def report(engine: sa.Engine, asked: Question) -> dict[str, Any]:
    """Ask the store for the report that the API gives for the same question."""
    with reading(engine) as connection:
        return skill(
            connection,
            model_id=asked.model_id,
            event=asked.event,
            window=asked.window,
            scope=asked.scope,
            region_id=asked.region_id,
            threshold=asked.threshold,
            cases=asked.cases,
        )


def look(engine: sa.Engine, asked: Question, models: Sequence[ModelRow]) -> SkillView:
    """Ask for everything that the page shows at once; the strata follow by themselves."""
    answer = SkillAnswer.model_validate(report(engine, asked))
    with reading(engine) as connection:
        waiting = count_stale(connection, asked.window)
        forecast = Window(asked.window.start_at, asked.window.end_at + HORIZON)
        has_flares = is_covered(connection, forecast)
    return SkillView(asked, answer, frozen_threshold(asked, models), waiting, has_flares)


def divide(engine: sa.Engine, query: SkillQuery) -> StrataAnswer | None:
    """Ask how a model's skill divides; None for an entrant or one region, which have no strata."""
    with reading(engine) as connection:
        asked = question(connection, query)
        if asked.model_id in ENTRANTS or asked.region_id is not None:
            return None
        return StrataAnswer.model_validate(
            strata(
                connection,
                model_id=asked.model_id,
                event=asked.event,
                window=asked.window,
                scope=asked.scope,
                threshold=asked.threshold,
            )
        )


def asking(engine: sa.Engine, query: SkillQuery) -> tuple[Question, list[ModelRow]]:
    """Return the question of a query and the models that could be asked about.

    Raises
    ------
    NotFoundError
        When nothing is stored of the model, or the region is unknown.
    """
    with reading(engine) as connection:
        return question(connection, query), list_models(connection)


def frozen_threshold(asked: Question, models: Sequence[ModelRow]) -> float | None:
    """Return what was frozen: climatology is judged as the live model, persistence is 0 or 1."""
    if asked.model_id == PERSISTENCE:
        return None
    named = {model.model_id: model for model in models}
    live = next((model for model in models if model.stage == "live"), None)
    model = named.get(asked.model_id, live)
    return model.thresholds.get(asked.event) if model else None
