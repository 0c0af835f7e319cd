"""An agency's forecasts are on the pages like a model's: Skill, Region and Explore choose it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from plotly.utils import PlotlyJSONEncoder
from stocked_store import MODEL, NOW, stock

from app_dash.shared.numbers import model_label
from app_dash.shared.verification.tables import score_table
from app_dash.skill.data import read_request, read_skill, read_strata
from app_dash.skill.filters import model_menu
from app_dash.skill.query import SkillQuery
from database.agencies.forecasts import AgencyForecast, store_forecasts
from database.engine import reading, transact
from database.exploration.rollup import refresh_exploration
from database.schema.rollup_tables import exploration_days
from database.verification.rollup import refresh

AGENCY = "swpc@1"
MIDNIGHT = datetime(2014, 3, 29, tzinfo=UTC)


@pytest.fixture
def stocked(engine_sqlite: sa.Engine) -> sa.Engine:
    stock(engine_sqlite)
    said = (0.9, 0.4, None, 0.05)
    forecasts = [
        AgencyForecast(0, MIDNIGHT - timedelta(days=day), noaa_ar, said, NOW)
        for day in range(3)
        for noaa_ar in (12017, None)
    ]
    transact(engine_sqlite, lambda c: store_forecasts(c, AGENCY, forecasts, now=NOW))
    refresh(engine_sqlite)
    return engine_sqlite


@pytest.mark.parametrize("scope", ["region", "disk"])
@pytest.mark.parametrize("cases", ["own", "shared"])
def test_the_skill_page_shows_the_agency(stocked: sa.Engine, scope: str, cases: str) -> None:
    query = SkillQuery(range="all", model=AGENCY, scope=scope, cases=cases)
    asked, models = read_request(stocked, query)

    view = read_skill(stocked, asked, models, now=NOW)

    assert view.report.model == AGENCY
    # Nothing was frozen for an agency: it is judged at the prior rate of the event.
    assert view.frozen is None
    assert read_strata(stocked, query) is not None
    table = json.dumps(score_table(view.report), cls=PlotlyJSONEncoder)
    assert model_label(AGENCY) in table


def test_the_agency_can_be_chosen_beside_the_models(stocked: sa.Engine) -> None:
    _, models = read_request(stocked, SkillQuery(range="all"))

    menu = json.dumps(model_menu(SkillQuery(), MODEL, models), cls=PlotlyJSONEncoder)

    assert "(agency)" in menu
    assert "model=swpc%401" in menu


def test_the_days_of_the_agency_are_counted_for_the_page_explore(stocked: sa.Engine) -> None:
    refresh_exploration(stocked)

    with reading(stocked) as connection:
        days = exploration_days.c
        found = connection.scalars(sa.select(days.n).where(days.model_id == AGENCY)).all()
    assert list(found) == [1, 1, 1]
