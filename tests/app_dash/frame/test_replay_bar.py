"""The bar of a replay: who may set the clock, what is refused and why, and pages as of a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from component_tree import walk, words
from office import Office, serving_api
from played_replay import replay
from raised_alerts import announce, raised
from stocked_store import NOW, stock

from app_dash.create_app import PAGES
from app_dash.frame import routing
from app_dash.frame.all_clear import assess
from app_dash.frame.go_to import address_of
from app_dash.frame.page import PageContext
from app_dash.settings import DashSettings
from database.alerts.alerts import write_alerts
from database.clock.clock import read_clock
from database.engine import reading, writing
from solar.errors import InvalidInputError

SETTINGS = DashSettings(_env_file=None)
HOUR = timedelta(hours=1)
AT = "?at=2014-03-29T12%3A00%3A00Z"


@pytest.fixture(scope="module")
def api(sqlite_engine: sa.Engine) -> Iterator[str]:
    with serving_api(sqlite_engine) as address:
        yield address


@pytest.fixture
def office(engine_sqlite: sa.Engine, api: str) -> Office:
    made = Office(engine_sqlite, api)
    made.add("vic", "viewer")
    made.add("ana", "operator")
    return made


def press(office: Office, action: str, *, by: str = "ana", search: str = "", **given: Any) -> Any:
    """Press a button of the bar, and return the answer and what else it sets."""
    with reading(office.engine) as connection:
        version = read_clock(connection).version
    act = {"number": 7, "action": action, "version": version, **given}
    body = {
        "output": "clock-answer.data",
        "outputs": {"id": "clock-answer", "property": "data"},
        "inputs": [{"id": "clock-act", "property": "data", "value": act}],
        "state": [{"id": "url", "property": "search", "value": search}],
        "changedPropIds": ["clock-act.data"],
    }
    answer = office.browser(by).post("/_dash-update-component", json=body)
    assert answer.status_code == 200, answer.text
    said = answer.get_json()
    assert said["response"]["clock-answer"]["data"]["number"] == 7
    return said["response"]["clock-answer"]["data"]["error"], said["sideUpdate"]


def context_of(engine: sa.Engine, search: str = "") -> PageContext:
    return routing.read_context(engine, settings=SETTINGS, theme="light", search=search)


def frame_of(engine: sa.Engine, pathname: str, search: str = "") -> dict[str, Any]:
    context = context_of(engine, search)
    return routing.draw_frame(context, PAGES, pathname=pathname, search=search)


def links_of(drawn: Any) -> list[str]:
    return [part.href for part in walk(drawn) if hasattr(part, "href")]


def test_an_operator_plays_sets_the_speed_and_pauses(office: Office) -> None:
    replay(office.engine, NOW)

    for action, given, speed in (
        ("play", {}, 600.0), ("speed", {"speed": 3600}, 3600.0), ("speed", {"speed": None}, None),
        ("pause", {}, 0.0),
    ):  # fmt: skip
        error, sets = press(office, action, **given)

        assert error == ""
        assert sets["clock-data"]["data"]["speed"] == speed
        assert sets["version"]["data"] != ""


def test_who_may_not_set_the_clock_is_told_so_and_sees_no_buttons(office: Office) -> None:
    replay(office.engine, NOW)

    error, sets = press(office, "play", by="vic")

    assert "operate" in error
    assert sets["clock-data"]["data"]["speed"] == 0.0
    assert sets["clock-data"]["data"]["may_set"] is False


def test_a_clock_that_somebody_else_has_set_is_shown_with_the_refusal(office: Office) -> None:
    replay(office.engine, NOW, version=5)

    error, sets = press(office, "play", version=4)

    assert "version 5 by now, not 4" in error
    assert sets["clock-data"]["data"]["version"] == 5


def test_a_jump_forward_sets_the_clock_and_one_back_opens_the_page_as_of_then(
    office: Office,
) -> None:
    replay(office.engine, NOW)

    forward = press(office, "jump", to="2014-03-30 06:00", search="?sort=change&at=2014-03-28")
    back = press(office, "jump", to="2014-03-29T12:00Z", search="?sort=change")

    assert forward[0] == back[0] == ""
    assert forward[1]["clock-data"]["data"]["now"] == "2014-03-30T06:00:00+00:00"
    assert forward[1]["url"] == {"search": "?sort=change"}
    assert back[1]["url"] == {"search": "?sort=change&at=2014-03-29T12%3A00%3A00Z"}
    assert back[1]["clock-data"]["data"]["now"] == "2014-03-30T06:00:00+00:00"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Write a time in UTC, such as 2014-03-29 17:00."),
        ("tomorrow", "'tomorrow'"),
        ("2014-05-01", "is after the last record, 2014-04-08T16:00:00Z"),
    ],
)
def test_a_time_to_which_nobody_can_jump_is_refused_with_the_reason(
    office: Office, typed: str, said: str
) -> None:
    replay(office.engine, NOW)

    error, sets = press(office, "jump", to=typed)

    assert said in error
    assert "url" not in sets


def test_the_next_flare_of_an_earlier_time_is_one_that_is_over_by_now(office: Office) -> None:
    stock(office.engine)
    replay(office.engine, NOW)

    # The M2.0 peaked 20 h before; the usual step of the records is an hour.
    error, sets = press(office, "next-flare", search="?at=2014-03-27T00:00:00Z")
    later, _ = press(office, "next-flare", search="?at=2014-03-29T00:00:00Z")
    front, _ = press(office, "next-flare")

    assert error == ""
    assert sets["url"] == {"search": "?at=2014-03-28T19%3A00%3A00Z"}
    assert "no later flare ≥ M1.0 is listed" in later
    assert "no later flare ≥ M1.0 is listed" in front


def test_the_next_alert_of_an_earlier_time_is_one_that_has_opened_by_now(office: Office) -> None:
    stock(office.engine)
    replay(office.engine, NOW)
    with writing(office.engine) as connection:
        write_alerts(connection, [raised()])

    _, sets = press(office, "next-alert", search="?at=2014-03-28T00:00:00Z")
    error, _ = press(office, "next-alert", search=AT)

    assert sets["url"] == {"search": AT}
    assert error == "No later alert has opened up to 29 Mar 2014 16:00 UTC, now."


def test_while_a_replay_is_paused_nothing_is_drawn_anew(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    replay(engine_sqlite, NOW + HOUR)
    before = routing.version(engine_sqlite)

    replay(engine_sqlite, NOW + HOUR, ago=timedelta(seconds=60))

    assert routing.version(engine_sqlite) == before


def test_without_new_data_a_page_is_drawn_anew_at_each_usual_step_of_event_time(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)

    def version(seconds: float) -> str:
        # At 600× ten minutes pass in a second; the records are an hour apart.
        replay(engine_sqlite, NOW, speed=600.0, ago=timedelta(seconds=seconds))
        return routing.version(engine_sqlite)

    versions = [version(seconds) for seconds in (1, 4, 7, 10, 13)]

    assert versions[0] == versions[1] != versions[2] == versions[3] != versions[4]


def test_data_are_old_after_two_usual_steps_of_their_source(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    replay(engine_sqlite, NOW + 2 * HOUR)
    fresh = frame_of(engine_sqlite, "/")
    replay(engine_sqlite, NOW + 2 * HOUR + timedelta(minutes=1))
    old = assess(context_of(engine_sqlite))

    assert fresh["clock"]["step_s"] == 3600
    assert "Data age ≤ 2 h: " not in words(fresh["strip"]).partition("Why withheld")[0]
    assert old.reasons[0] == "Data age ≤ 2 h: 2 h"


def test_a_page_as_of_a_time_says_so_and_all_its_links_keep_to_it(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)
    announce(engine_sqlite, raised())
    replay(engine_sqlite, NOW)

    frame = frame_of(engine_sqlite, "/", f"{AT}&sort=change")

    assert "As of 29 Mar 2014 12:00 UTC" in words(frame["as_of"])
    assert links_of(frame["as_of"]) == ["/?sort=change"]
    links = [*links_of(frame["navigation"]), *links_of(frame["page"]), frame["brand"]]
    assert f"/regions/3894{AT}" in links
    assert [link for link in links if "at=2014-03-29T12%3A00%3A00Z" not in link] == []


def test_the_page_of_a_region_still_leads_back_to_its_latest_record(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)

    frame = frame_of(engine_sqlite, "/regions/3894", AT)

    assert "/regions/3894" in links_of(frame["page"])
    assert f"/regions{AT}" in links_of(frame["page"])


def test_without_a_time_in_the_address_there_is_no_banner(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    frame = frame_of(engine_sqlite, "/")

    assert frame["as_of"] == []
    assert "/regions" in links_of(frame["navigation"])


def test_a_time_that_cannot_be_read_is_an_error_of_the_page(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    frame = frame_of(engine_sqlite, "/explore", "?at=yesterday")

    assert frame["as_of"] == []
    assert "yesterday" in words(frame["page"])


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("skill", "/skill"), ("ALERTS", "/alerts"), ("12017", "/regions/3894"),
        ("AR 12017", "/regions/3894"), ("HARP 3907", "/regions/3907"), ("77", "/regions?q=77"),
    ],
)  # fmt: skip
def test_the_field_of_the_frame_leads_to_a_page_or_region(
    engine_sqlite: sa.Engine, typed: str, address: str
) -> None:
    stock(engine_sqlite)

    assert address_of(engine_sqlite, PAGES, typed) == address


@pytest.mark.parametrize("typed", ["nowhere", "12017, 12024", "/skill"])
def test_what_is_no_page_and_no_region_is_refused(engine_sqlite: sa.Engine, typed: str) -> None:
    with pytest.raises(InvalidInputError, match="is no page and no region; write a page"):
        address_of(engine_sqlite, PAGES, typed)


def test_the_clock_of_the_present_is_told_without_a_replay(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    clock = frame_of(engine_sqlite, "/")["clock"]

    assert (clock["mode"], clock["speed"], clock["ends"]) == ("wall", 1.0, None)
    assert datetime.fromisoformat(clock["newest"]) == NOW
