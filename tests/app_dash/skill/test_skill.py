from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
import sqlalchemy as sa
from plotly.utils import PlotlyJSONEncoder
from stocked_store import MODEL, NOW, stock

from app_dash.frame import routing
from app_dash.settings import DashSettings
from app_dash.shared.numbers import model_label
from app_dash.shared.theme import LIGHT
from app_dash.shared.verification.definitions import DEFINITIONS
from app_dash.shared.verification.report import SkillReport
from app_dash.shared.verification.score_axis import KINDS
from app_dash.shared.verification.styles import markers
from app_dash.shared.verification.tables import contingency_table, score_cards, score_table
from app_dash.skill import page
from app_dash.skill.panels import cases, count_chips, method_facts, threshold_text
from app_dash.skill.query import SkillQuery, skill_request
from database.engine import reading
from database.flares.coverage import cover
from database.rollup_days import mark_stale
from database.schema.tables import flare_coverage, flares
from database.verification import skill as verification
from database.verification.rollup import refresh
from solar.errors import InvalidInputError, NotFoundError
from solar.time import Window

MARCH = Window(datetime(2014, 3, 26, tzinfo=UTC), datetime(2014, 3, 30, tzinfo=UTC))
ABSENT_API = DashSettings(api_url="http://127.0.0.1:9")


@pytest.fixture
def stocked(engine_sqlite: sa.Engine) -> sa.Engine:
    stock(engine_sqlite)
    with engine_sqlite.begin() as connection:
        mark_stale(connection, [date(2014, 3, day) for day in range(26, 30)])
    refresh(engine_sqlite)
    return engine_sqlite


def ask(engine: sa.Engine, event: str, *, scope: str = "region") -> SkillReport:
    with reading(engine) as connection:
        body = verification.skill(
            connection, model_id=MODEL, event=event, window=MARCH, scope=scope, resamples=50
        )
    return SkillReport.model_validate_json(json.dumps(body))


def text_of(component: object) -> str:
    return json.dumps(component, cls=PlotlyJSONEncoder, ensure_ascii=False)


@pytest.mark.parametrize(
    "query",
    [
        SkillQuery(),
        SkillQuery(range="all", event="X1.0", scope="disk", model="persistence"),
        SkillQuery(start="2014-02-16T00:00:00Z", end="2014-04-14T00:00:00Z", region="12017"),
        SkillQuery(cases="shared", threshold=0.2, cl=0.05, bins="corp", curve="pr", by="auc"),
    ],
)
def test_the_address_holds_the_whole_state(query: SkillQuery) -> None:
    assert SkillQuery.parse(query.search()) == query


def test_a_preset_asks_about_the_time_before_the_newest_record(stocked: sa.Engine) -> None:
    with reading(stocked) as connection:
        asked = skill_request(connection, SkillQuery(range="24h"))

    assert asked.model_id == MODEL
    assert asked.window.end_at.replace(microsecond=0, second=0) == NOW


def test_a_noaa_number_selects_the_stored_region(stocked: sa.Engine) -> None:
    with reading(stocked) as connection:
        asked = skill_request(connection, SkillQuery(region="3894"))

    assert asked.region_id == 3894


def test_an_unknown_region_is_named(stocked: sa.Engine) -> None:
    with reading(stocked) as connection, pytest.raises(NotFoundError, match="77777"):
        skill_request(connection, SkillQuery(region="77777"))


def test_several_regions_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="name one region"):
        SkillQuery(region="3894, 3907")


def test_the_full_disk_is_requested_without_a_region(stocked: sa.Engine) -> None:
    with reading(stocked) as connection:
        asked = skill_request(connection, SkillQuery(region="3894", scope="disk"))

    assert asked.region_id is None


def test_the_real_answer_of_the_store_can_be_drawn(stocked: sa.Engine) -> None:
    answer = ask(stocked, "C1.0")

    text = text_of([score_cards(answer), score_table(answer), contingency_table(answer),
                    method_facts(answer), count_chips(answer)])  # fmt: skip

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


def layout(engine: sa.Engine, search: str) -> str:
    view = routing.read_context(engine, settings=ABSENT_API, theme="dark")
    return text_of(page.layout(view, "/skill", search))


def test_the_page_needs_no_api(stocked: sa.Engine) -> None:
    text = layout(stocked, "?event=C1.0&range=all&curve=pr&bins=corp")

    titles = ("Reliability", "Precision over recall", "Contingency", "Threshold", "Relative value",
              "Cases by day", "Paired differences", "All scores")  # fmt: skip
    for title in titles:
        assert f'"{title}"' in text


def test_the_base_rate_of_the_event_stands_beside_the_scores(stocked: sa.Engine) -> None:
    page = layout(stocked, "?event=C1.0&range=all")

    assert "days with C1.0+" in page
    assert "Threshold chosen at " in page


def test_days_that_are_not_verified_yet_are_counted(stocked: sa.Engine) -> None:
    assert "not verified yet" not in layout(stocked, "?event=C1.0&range=all")
    with stocked.begin() as connection:
        mark_stale(connection, [date(2014, 3, day) for day in range(26, 30)])

    assert "days of this range have new forecasts" in layout(stocked, "?event=C1.0&range=all")


def test_every_number_says_how_it_is_computed(stocked: sa.Engine) -> None:
    text = layout(stocked, "?event=C1.0&range=all")

    for kind in KINDS:
        assert f"How is this computed: {DEFINITIONS[kind.name].title}" in text


def test_a_range_without_events_offers_the_way_out(stocked: sa.Engine) -> None:
    text = layout(stocked, "?event=X1.0&range=27d")

    assert "No X1.0+ flare in this range" in text
    assert "/skill?range=all&event=X1.0" in text


def test_a_range_without_cases_keeps_the_filters(stocked: sa.Engine) -> None:
    text = layout(stocked, "?start=2013-01-01&end=2013-02-01")

    assert "No case can be scored" in text
    assert "skill-start" in text


def test_unverified_forecasts_say_that_no_list_covers_them(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)
    with engine_sqlite.begin() as connection:
        connection.execute(flare_coverage.delete())
        mark_stale(connection, [date(2014, 3, day) for day in range(25, 30)])

    text = layout(engine_sqlite, "?range=27d")

    assert "No flare list covers this range" in text


@pytest.mark.parametrize(
    ("covered_days", "said"),
    [
        (None, "No flare list covers this range, so its forecasts cannot be verified. Import one:"
         " flarewatch database import-flares FILE. Labels in a training file do not count"),
        (0.1, "Flare lists cover only a part of this range"),
    ],
)  # fmt: skip
def test_forecasts_without_a_flare_list_say_that_they_cannot_be_verified(
    stocked: sa.Engine, covered_days: float | None, said: str
) -> None:
    with stocked.begin() as connection:
        connection.execute(flares.delete())
        connection.execute(flare_coverage.delete())
        if covered_days:
            short = Window(NOW - timedelta(days=1), NOW - timedelta(days=1 - covered_days))
            cover(connection, short, source="short")
        mark_stale(connection, [date(2014, 3, day) for day in range(25, 30)])
    refresh(stocked)

    text = layout(stocked, "?event=C1.0&range=all")

    assert said in text
    assert '"Reliability"' not in text
    assert "skill-start" in text


def test_a_store_without_forecasts_offers_no_report(engine_sqlite: sa.Engine) -> None:
    assert "no stored forecasts to verify yet" in layout(engine_sqlite, "")


def test_the_copied_call_asks_the_api_the_same(stocked: sa.Engine) -> None:
    text = layout(stocked, "?event=C1.0&range=all&region=3894&threshold=0.2&cases=shared")

    call = text.partition("http://127.0.0.1:9/api/v1/skill?")[2].partition("'")[0]
    asked = dict(parse_qsl(call))
    assert (asked["model"], asked["event"], asked["scope"]) == (MODEL, "C1.0", "region")
    assert (asked["region"], asked["threshold"], asked["cases"]) == ("3894", "0.2", "shared")
    assert asked["to"] == "2014-03-29T16:00:01Z"


def test_the_strata_follow_in_three_panels(stocked: sa.Engine) -> None:
    text = text_of(page.strata_parts(stocked, "?event=C1.0&range=all&by=recall", LIGHT))

    for title in ("Skill by longitude", "Skill by month", "First flare and all clear"):
        assert f'"{title}"' in text
    assert "Recall in" in text


def test_strata_of_nothing_say_why(engine_sqlite: sa.Engine) -> None:
    assert "no stored forecasts" in text_of(page.strata_parts(engine_sqlite, "", LIGHT))


def test_a_model_is_compared_with_the_others_on_shared_cases_only(stocked: sa.Engine) -> None:
    shared = SkillQuery.parse("?cases=shared")

    with reading(stocked) as connection:
        assert skill_request(connection, shared).cases == "shared"
        assert skill_request(connection, SkillQuery()).cases == "own"


def test_an_unreadable_address_says_why_beside_the_filters(stocked: sa.Engine) -> None:
    view = routing.read_context(stocked, settings=ABSENT_API, theme="light")

    assert "is not a time" in text_of(page.layout(view, "/skill", "?start=soon"))


def test_every_forecast_has_its_own_name_and_marker() -> None:
    names = [MODEL, *verification.ENTRANTS]

    assert len({model_label(name) for name in names}) == len(names)
    assert len(set(markers(names))) == len(names)
