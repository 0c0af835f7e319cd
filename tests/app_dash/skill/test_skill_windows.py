"""The Skill page of another window than the next 24 h, and skill by lead over all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from component_tree import parts, words
from dash.development.base_component import Component
from plotly.utils import PlotlyJSONEncoder
from windowed_store import AGENCY, WINDOWS, fill_with_windows

from app.contract.queries import SkillQuery as ApiQuery
from app_dash.create_app import create_app
from app_dash.frame import routing
from app_dash.settings import DashSettings
from app_dash.shared.numbers import model_label, score_text
from app_dash.shared.theme import LIGHT
from app_dash.shared.verification.score_axis import CARDS
from app_dash.skill import page as skill
from app_dash.skill.data import read_leads, read_request
from app_dash.skill.page import lead_part
from app_dash.skill.query import SkillQuery
from app_dash.skill.skill_by_lead import LeadEntrant, lead_figure
from database.engine import create_engine, reading
from database.migrations import upgrade
from database.settings import DatabaseSettings
from database.verification.entrants import ENTRANTS
from database.verification.skill import skill as report
from solar.errors import InvalidInputError
from solar.windows import WINDOWS as ALL_WINDOWS
from solar.windows import forecast_window

MODEL = "logistic@1.0.0"
SHOWN = "?range=all"


@pytest.fixture(scope="module")
def windowed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    folder = tmp_path_factory.mktemp("windows")
    engine = create_engine(DatabaseSettings(database_url=f"sqlite:///{folder}/flarewatch.db"))
    upgrade(engine)
    fill_with_windows(engine)
    yield engine
    engine.dispose()


def drawn(engine: sa.Engine, search: str) -> Component:
    view = routing.read_context(engine, settings=DashSettings(_env_file=None), theme="light")
    return skill.layout(view, "/skill", search)


def shown_scores(page: Component) -> list[str]:
    return [words(part) for part in parts(page, "score-value")]


@pytest.mark.parametrize("scope", ["region", "disk"])
@pytest.mark.parametrize("window", WINDOWS)
def test_all_numbers_of_the_page_follow_the_window(
    windowed: sa.Engine, window: str, scope: str
) -> None:
    page = drawn(windowed, f"{SHOWN}&window={window}&scope={scope}")

    with reading(windowed) as connection:
        body = report(connection, model_id=MODEL, event=f"M1.0/{window}", window=None, scope=scope)
    chips = [words(part) for part in parts(page, "chip")]
    assert body["n_events"] > 0
    assert {f"n = {body['n']:,}", f"events = {body['n_events']:,}"} <= set(chips)
    assert shown_scores(page) == [score_text(body["scores"][kind.name]["value"]) for kind in CARDS]
    assert f"M1.0+ {forecast_window(window).words}, threshold frozen at" in words(page)


def test_an_address_without_a_window_is_of_24_h_and_stays_without_one(windowed: sa.Engine) -> None:
    page = drawn(windowed, SHOWN)

    assert shown_scores(page) == shown_scores(drawn(windowed, f"{SHOWN}&window=24h"))
    active = [link for link in parts(page, "active") if link.children == "24 h"]
    assert [link.href for link in active] == ["/skill?range=all"]
    assert SkillQuery.parse("?event=C1.0&window=d1").search() == "?event=C1.0"


def test_an_event_may_name_its_window_as_it_did_before(windowed: sa.Engine) -> None:
    old = SkillQuery.parse("?event=M1.0%2Fd2")

    assert (old.event, old.window) == ("M1.0", "d2")
    assert old.search() == "?window=d2"
    assert shown_scores(drawn(windowed, f"{SHOWN}&event=M1.0/d2")) == shown_scores(
        drawn(windowed, f"{SHOWN}&window=d2")
    )


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("?window=week", "no window 'week'; choose one of 6h, 12h"),
        ("?event=M1.0/week", "no window 'week'"),
        ("?event=M1.0/d2&window=6h", "M1.0/d2 is not of window 6h; name one window"),
    ],
)
def test_a_window_that_there_is_not_is_refused_with_the_known_ones(search: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        SkillQuery.parse(search)


def test_the_call_and_the_files_name_the_window(windowed: sa.Engine) -> None:
    query = SkillQuery.parse(f"{SHOWN}&window=d2")
    request, _ = read_request(windowed, query)
    client = create_app(windowed, DashSettings(_env_file=None)).server.test_client()

    page = words(drawn(windowed, query.search()))
    answer = client.get(f"/export/skill.csv{query.search()}")

    asked = request.parameters()
    assert (asked["event"], asked["window"]) == ("M1.0", "d2")
    assert ApiQuery.model_validate(asked).target == request.event == "M1.0/d2"
    assert "event=M1.0&window=d2" in page
    assert "window" not in read_request(windowed, SkillQuery.parse(SHOWN))[0].parameters()
    assert "M1.0/d2" in answer.text
    assert "M1.0-d2" in answer.headers["Content-Disposition"]


def test_where_nobody_has_the_window_the_page_says_who_has_which(windowed: sa.Engine) -> None:
    page = drawn(windowed, f"{SHOWN}&window=d3")
    below = words(lead_part(windowed, f"{SHOWN}&window=d3", LIGHT))

    assert "has no verified forecast of M1.0+ on day 3 here" in words(page)
    assert f"Windows: {model_label(MODEL)} 6 h, 24 h, 48 h, day 2." in below


def test_who_has_the_window_is_a_link(windowed: sa.Engine) -> None:
    panel = lead_part(windowed, f"{SHOWN}&window=d3&scope=disk", LIGHT)

    (link,) = parts(panel, "link")
    assert words(link) == model_label(AGENCY)
    assert link.href == "/skill?range=all&window=d3&model=swpc%401&scope=disk"
    assert shown_scores(drawn(windowed, link.href.partition("/skill")[2]))


def lead_numbers(panel: Component) -> list[list[str]]:
    (table,) = parts(panel, "lead-table")
    _, body = table.children
    return [[words(cell) for cell in row.children] for row in body.children]


def test_skill_by_lead_has_the_number_of_each_window_in_figure_and_table(
    windowed: sa.Engine,
) -> None:
    panel = lead_part(windowed, f"{SHOWN}&scope=disk", LIGHT)

    rows = {row[0]: row[1:] for row in lead_numbers(panel)}
    assert list(rows) == ["6 h", "12 h", "24 h", "48 h", "day 2", "day 3"]
    names = [MODEL, *ENTRANTS, AGENCY]
    for window in ALL_WINDOWS:
        target = "M1.0" if window.name == "24h" else f"M1.0/{window.name}"
        for place, name in ((0, MODEL), (names.index(AGENCY), AGENCY)):
            with reading(windowed) as connection:
                body = report(connection, model_id=name, event=target, window=None, scope="disk")
            cell = rows[window.label][place]
            if body["n"]:
                assert score_text(body["scores"]["bss"]["value"]) in cell
                assert f"{body['n_events']:,} of {body['n']:,}" in cell
            else:
                assert cell == "–"
    figure = parts(panel, "graph")[0].children.figure
    assert {trace["name"] for trace in figure["data"]} == {model_label(name) for name in names}
    assert "<b>24 h</b>" in figure["layout"]["xaxis"]["ticktext"]


def test_a_reference_forecast_is_shown_beside_the_live_model_and_one_region_has_none(
    windowed: sa.Engine,
) -> None:
    beside = read_leads(windowed, SkillQuery.parse(f"{SHOWN}&model=persistence"))

    assert beside is not None
    assert beside.model == MODEL
    assert "over all regions" in words(lead_part(windowed, f"{SHOWN}&region=101", LIGHT))


def entrant(name: str, values: dict[str, tuple[int, float | None]]) -> LeadEntrant:
    leads = [
        {
            "window": window.name,
            "n": values.get(window.name, (0, None))[0],
            "n_events": 4,
            "bss": {"value": values.get(window.name, (0, None))[1]},
        }
        for window in ALL_WINDOWS
    ]
    return LeadEntrant.model_validate({"model": name, "leads": leads})


def test_undefined_is_a_gap_that_tells_its_cases_and_no_line_leads_to_a_later_day() -> None:
    scores = {
        "6h": (40, 0.1),
        "12h": (40, None),
        "24h": (40, 0.2),
        "48h": (40, 0.3),
        "d2": (40, 0.1),
        "d3": (40, 0.05),
    }

    line, gaps = lead_figure([entrant(MODEL, scores)], LIGHT, chosen=forecast_window("6h"))["data"]

    assert line["y"] == [0.1, None, 0.2, 0.3, None, 0.1, 0.05]
    assert line["connectgaps"] is False
    assert line["x"][4] is None
    assert gaps["x"] == [1]
    assert "BSS undefined<br>4 of 40 with the event" in gaps["customdata"][0]


def test_a_very_bad_forecast_leaves_room_for_the_others() -> None:
    bad = entrant("persistence", {"6h": (40, -3.0)})
    good = entrant(MODEL, {"6h": (40, 0.31)})

    figure = lead_figure([good, bad], LIGHT, chosen=forecast_window("6h"))

    assert figure["layout"]["yaxis"]["range"] == pytest.approx([-0.52, 0.42])


def test_the_page_of_a_window_is_small(windowed: sa.Engine) -> None:
    page = json.dumps(drawn(windowed, f"{SHOWN}&window=6h"), cls=PlotlyJSONEncoder)
    panel = json.dumps(lead_part(windowed, SHOWN, LIGHT), cls=PlotlyJSONEncoder)

    assert len(page) + len(panel) < 200_000
