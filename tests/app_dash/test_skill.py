from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from answering_api import answering
from plotly.utils import PlotlyJSONEncoder
from pydantic import SecretStr
from stocked_store import MODEL, NOW, stock

from app_dash import routing
from app_dash.components.contingency_table import contingency_table
from app_dash.components.score_card import score_cards
from app_dash.components.score_table import score_table
from app_dash.components.skill_facts import cases, count_chips, statement, threshold_text
from app_dash.figures.entrants import entrant_label, marker
from app_dash.pages import skill
from app_dash.settings import DashSettings
from app_dash.skill_answer import SkillAnswer
from app_dash.skill_query import SkillQuery, question
from database import verification
from database.engine import reading
from solar.errors import InvalidInputError, NotFoundError
from solar.time import Window

MARCH = Window(datetime(2014, 3, 26, tzinfo=UTC), datetime(2014, 3, 30, tzinfo=UTC))
ABSENT_API = DashSettings(api_url="http://127.0.0.1:9")


@pytest.fixture
def stocked(engine_sqlite: sa.Engine) -> sa.Engine:
    stock(engine_sqlite)
    with engine_sqlite.begin() as connection:
        verification.mark_stale(connection, [date(2014, 3, day) for day in range(26, 30)])
    verification.refresh(engine_sqlite)
    return engine_sqlite


def ask(engine: sa.Engine, event: str, *, scope: str = "region") -> SkillAnswer:
    with reading(engine) as connection:
        body = verification.skill(
            connection, model_id=MODEL, event=event, window=MARCH, scope=scope, resamples=50
        )
    return SkillAnswer.model_validate_json(json.dumps(body))


def text_of(component: object) -> str:
    return json.dumps(component, cls=PlotlyJSONEncoder, ensure_ascii=False)


@pytest.mark.parametrize(
    "query",
    [
        SkillQuery(),
        SkillQuery(range="all", event="X1.0", scope="disk", model="persistence"),
        SkillQuery(start="2014-02-16T00:00:00Z", end="2014-04-14T00:00:00Z", region="12017"),
    ],
)
def test_the_address_holds_the_whole_state(query: SkillQuery) -> None:
    assert SkillQuery.parse(query.search()) == query


def test_a_preset_asks_about_the_time_before_the_newest_record(stocked: sa.Engine) -> None:
    with reading(stocked) as connection:
        asked = question(connection, SkillQuery(range="24h"))

    assert asked.model_id == MODEL
    assert asked.window.end_at.replace(microsecond=0, second=0) == NOW


def test_a_noaa_number_is_asked_by_the_region_that_is_stored(stocked: sa.Engine) -> None:
    with reading(stocked) as connection:
        asked = question(connection, SkillQuery(region="3894"))

    assert asked.region_id == 3894


def test_an_unknown_region_is_named(stocked: sa.Engine) -> None:
    with reading(stocked) as connection, pytest.raises(NotFoundError, match="77777"):
        question(connection, SkillQuery(region="77777"))


def test_several_regions_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="name one region"):
        SkillQuery(region="3894, 3907")


def test_the_full_disk_is_asked_without_a_region(stocked: sa.Engine) -> None:
    with reading(stocked) as connection:
        asked = question(connection, SkillQuery(region="3894", scope="disk"))

    assert asked.region_id is None


def test_the_real_answer_of_the_store_can_be_drawn(stocked: sa.Engine) -> None:
    answer = ask(stocked, "C1.0")

    text = text_of([score_cards(answer), score_table(answer), contingency_table(answer),
                    statement(answer), count_chips(answer)])  # fmt: skip

    assert [entrant.model for entrant in answer.all] == [MODEL, *verification.ENTRANTS]
    for name in ("TSS", "HSS1", "CSI", "Brier", "Persistence", "Climatology, 120 d"):
        assert name in text
    assert f'"{answer.n:,}"' in text


def test_without_events_scores_are_dashes_and_the_count_stays(stocked: sa.Engine) -> None:
    answer = ask(stocked, "X1.0")

    text = text_of([score_cards(answer), count_chips(answer)])

    assert (answer.n_events, answer.message) == (0, "no events: undefined")
    assert answer.score("tss").value is None
    assert '"undefined"' in text
    assert f'"{answer.n:,}"' in text


def test_the_statement_says_where_the_threshold_comes_from(stocked: sa.Engine) -> None:
    assert threshold_text(ask(stocked, "M1.0")) == "threshold frozen at 10\u202f%"
    assert "no threshold was frozen" in threshold_text(ask(stocked, "X1.0"))


def test_cases_of_the_disk_are_days(stocked: sa.Engine) -> None:
    assert cases(ask(stocked, "M1.0", scope="disk")) == "days at 00 UT"


def test_an_absent_api_leaves_the_filters_and_offers_a_retry(stocked: sa.Engine) -> None:
    view = routing.look(stocked, settings=ABSENT_API, theme="dark")

    text = text_of(skill.layout(view, "/skill", "?event=C1.0"))

    assert "cannot be reached" in text
    assert '"href": "/skill?event=C1.0"' in text
    assert "skill-start" in text


def test_the_key_of_the_settings_is_shown_to_the_api(stocked: sa.Engine) -> None:
    with answering(401, {"detail": "no such key"}) as api:
        settings = DashSettings(api_url=api.url, api_key=SecretStr("a-key-for-reading"))
        text = text_of(skill.layout(routing.look(stocked, settings=settings, theme=None), "/", ""))

    assert [key for _, _, key in api.seen] == ["a-key-for-reading"]
    assert "FLARE_API_KEY" in text


def test_an_unreadable_address_says_why_beside_the_filters(stocked: sa.Engine) -> None:
    view = routing.look(stocked, settings=ABSENT_API, theme="light")

    assert "is not a time" in text_of(skill.layout(view, "/skill", "?start=soon"))


def test_every_entrant_has_a_name_and_a_marker_of_its_own() -> None:
    names = [MODEL, *verification.ENTRANTS]

    assert len({entrant_label(name) for name in names}) == len(names)
    assert len({marker(name) for name in names}) == len(names)
