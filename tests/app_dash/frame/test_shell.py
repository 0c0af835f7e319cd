from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from dash.development.base_component import Component
from flask.testing import FlaskClient
from stocked_store import NOW, stock
from werkzeug.test import TestResponse

from app_dash.create_app import PAGES, create_app
from app_dash.frame import routing
from app_dash.settings import DashSettings
from database.schema import tables

SETTINGS = DashSettings(_env_file=None)


def text_of(content: object) -> str:
    """All that a component would show, as one text."""
    return json.dumps(content, default=lambda c: c.to_plotly_json(), ensure_ascii=False)


def _client(engine: sa.Engine) -> FlaskClient:
    return create_app(engine, SETTINGS).server.test_client()


def _frame(engine: sa.Engine, pathname: str, search: str = "") -> dict[str, Component]:
    view = routing.read_context(engine, settings=SETTINGS, theme="light")
    return routing.draw_frame(view, PAGES, pathname=pathname, search=search)


def _draw(
    engine: sa.Engine,
    pathname: str,
    *,
    changed: str,
    is_drawn: bool,
    version: str = "1",
    search: str = "",
    marks: list[str] | None = None,
    data_key: str | None = None,
) -> TestResponse:
    """Ask for a drawing as the browser does, because of what changed in it."""
    outputs = [
        {"id": output.component_id, "property": output.component_property}
        for output in routing._FRAME.values()
    ]
    given = {
        ("url", "pathname"): pathname, ("url", "search"): search, ("theme", "data"): "light",
        ("version", "data"): version, ("show-newer", "n_clicks"): None,
    }  # fmt: skip
    body = {
        "output": "..{}..".format("...".join(f"{o['id']}.{o['property']}" for o in outputs)),
        "outputs": outputs,
        "inputs": [{"id": i, "property": p, "value": v} for (i, p), v in given.items()],
        "state": [
            {"id": "is-drawn", "property": "data", "value": is_drawn},
            {"id": "marks", "property": "data", "value": marks or []},
            {"id": "data-key", "property": "data", "value": data_key},
        ],
        "changedPropIds": [changed],
    }
    return _client(engine).post("/_dash-update-component", json=body)


def test_the_first_answer_names_its_language_and_allows_no_foreign_script(
    engine_sqlite: sa.Engine,
) -> None:
    answer = _client(engine_sqlite).get("/")

    policy = answer.headers["Content-Security-Policy"]
    assert answer.status_code == 200
    assert '<html lang="en">' in answer.text
    assert "default-src 'self'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self' 'sha256-" in policy
    assert "http://" not in answer.text
    assert "https://" not in answer.text


def test_answers_are_compressed(engine_sqlite: sa.Engine) -> None:
    answer = _client(engine_sqlite).get("/_dash-layout", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["Content-Encoding"] == "gzip"


def test_the_font_and_its_licence_are_served(engine_sqlite: sa.Engine) -> None:
    client = _client(engine_sqlite)

    with client.get("/assets/fonts/inter.woff2") as font:
        assert font.data[:4] == b"wOF2"
    with client.get("/assets/fonts/LICENSE.txt") as licence:
        assert "Open Font License" in licence.text


def test_every_page_is_linked_with_its_key(engine_sqlite: sa.Engine) -> None:
    links = _frame(engine_sqlite, "/")["navigation"]

    assert [(link.id, link.href) for link in links] == [
        ("nav-1", "/"), ("nav-2", "/regions"), ("nav-3", "/skill"), ("nav-4", "/explore"),
        ("nav-5", "/pipeline"), ("nav-6", "/alerts"), ("nav-7", "/lab"), ("nav-8", "/machines"),
    ]  # fmt: skip


def test_the_page_of_the_address_is_marked(engine_sqlite: sa.Engine) -> None:
    links = _frame(engine_sqlite, "/regions/1")["navigation"]

    assert [link.className for link in links].count("nav-link active") == 1
    assert links[1].className == "nav-link active"


def test_an_unknown_address_says_that_it_is_unknown(engine_sqlite: sa.Engine) -> None:
    assert "There is no page /nowhere" in text_of(_frame(engine_sqlite, "/nowhere")["page"])


def test_an_empty_store_says_how_to_fill_it(engine_sqlite: sa.Engine) -> None:
    frame = _frame(engine_sqlite, "/")

    assert "flarewatch send simulate" in text_of(frame["page"])
    assert "No data yet." in text_of(frame["strip"])
    assert frame["newest"] is None


def test_simulated_data_are_named_in_strip_and_header(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite, series="simulated")

    frame = _frame(engine_sqlite, "/")

    assert "Simulated data" in text_of(frame["strip"])
    assert "SHARP simulated" in text_of(frame["chips"])


@pytest.mark.parametrize(
    ("series", "said"), [("unstated", "not stated"), ("my-regression", "my-regression")]
)
def test_the_header_names_the_series_of_own_records(
    engine_sqlite: sa.Engine, series: str, said: str
) -> None:
    stock(engine_sqlite, series=series)

    frame = _frame(engine_sqlite, "/")

    assert f'"{said}"' in text_of(frame["chips"])
    assert "Simulated data" not in text_of(frame["strip"])


def test_a_replay_says_the_time_of_its_newest_record(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    frame = _frame(engine_sqlite, "/")

    assert "as of 29 Mar 2014 16:00 UTC" in text_of(frame["title"])
    assert "All clear withheld." in text_of(frame["strip"])
    assert "Simulated" not in text_of(frame["strip"])
    assert frame["newest"] == NOW.isoformat()


def test_the_status_counts_regions_with_a_forecast(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    assert "2 of 4" in text_of(_frame(engine_sqlite, "/")["status"])


def test_the_version_changes_only_when_something_is_newer(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    before = routing.version(engine_sqlite)

    assert routing.version(engine_sqlite) == before

    stock(engine_sqlite, now=NOW + timedelta(minutes=12))
    assert routing.version(engine_sqlite) != before


def test_an_unavailable_store_is_a_message_and_not_a_failure(
    open_store: Callable[[str], sa.Engine], tmp_path: Path
) -> None:
    nowhere = open_store(f"sqlite:///{tmp_path}/empty.db")

    version = routing.version(nowhere)
    frame = routing._store_unavailable(PAGES, "/", is_drawn=False)

    assert version == routing.STORE_UNAVAILABLE
    assert "The store has not answered" in text_of(frame["page"])
    assert "Retry" in text_of(frame["page"])
    nowhere.dispose()


def test_a_drawn_page_stays_when_the_store_becomes_unavailable() -> None:
    frame = routing._store_unavailable(PAGES, "/", is_drawn=True)

    assert "The values below are the last good ones" in text_of(frame["strip"])
    assert not isinstance(frame["page"], Component)


def test_a_tick_with_nothing_new_is_a_small_answer(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    known = routing.version(engine_sqlite)
    body = {
        "output": "newest-version.data",
        "outputs": {"id": "newest-version", "property": "data"},
        "inputs": [{"id": "tick", "property": "n_intervals", "value": 1}],
        "state": [{"id": "version", "property": "data", "value": known}],
        "changedPropIds": ["tick.n_intervals"],
    }

    answer = _client(engine_sqlite).post("/_dash-update-component", json=body)

    assert answer.status_code in (200, 204)
    assert len(answer.data) < 200


def test_an_unexpected_error_is_shown_in_the_strip_and_logged(
    engine_sqlite: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    stock(engine_sqlite)
    with engine_sqlite.begin() as connection:
        connection.execute(sa.text("UPDATE models SET manifest = '{}'"))

    answer = _draw(engine_sqlite, "/", changed="url.pathname", is_drawn=False)

    assert answer.status_code in (200, 204)
    assert "This view could not be drawn." in answer.text
    assert "a view could not be drawn" in caplog.text


@pytest.mark.parametrize("pathname", ["/skill", "/explore", "/regions", "/regions/3"])
def test_new_data_alone_leave_the_page_that_an_analyst_works_on(
    engine_sqlite: sa.Engine, pathname: str
) -> None:
    stock(engine_sqlite)

    drawn = _draw(engine_sqlite, pathname, changed="version.data", is_drawn=True).json["response"]

    assert "page" not in drawn
    assert {"strip", "status", "newest", "chips"} <= set(drawn)


def _offers_newer(engine: sa.Engine, pathname: str, search: str = "") -> bool:
    """Tell whether a drawn page offers newer data once another hour of records has come."""
    stock(engine)
    asked = {"is_drawn": True, "search": search}
    first = _draw(engine, pathname, changed="url.pathname", **asked).json["response"]
    key = first["data-key"]["data"]
    same = _draw(engine, pathname, changed="version.data", data_key=key, **asked)
    assert same.json["response"]["show-newer"]["hidden"]
    with engine.begin() as connection:
        hour_later = tables.regions.c.region_id == 3894
        moved = {"last_t_rec": NOW + timedelta(hours=1)}
        connection.execute(tables.regions.update().where(hour_later).values(moved))
    newer = _draw(engine, pathname, changed="version.data", data_key=key, **asked)
    return not newer.json["response"]["show-newer"]["hidden"]


@pytest.mark.parametrize("pathname", ["/skill", "/explore", "/regions"])
def test_an_analysts_page_offers_newer_data(engine_sqlite: sa.Engine, pathname: str) -> None:
    assert _offers_newer(engine_sqlite, pathname)


@pytest.mark.parametrize(
    ("pathname", "search"),
    [("/skill", "?end=2014-03-29"), ("/explore", "?end=2014-03-29"), ("/pipeline", ""), ("/", "")],
)
def test_newer_data_are_not_offered_where_they_change_nothing(
    engine_sqlite: sa.Engine, pathname: str, search: str
) -> None:
    assert not _offers_newer(engine_sqlite, pathname, search)


def test_newer_data_that_are_asked_for_redraw_the_page_once(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    drawn = _draw(
        engine_sqlite, "/explore", changed="show-newer.n_clicks", is_drawn=True, data_key="old"
    ).json["response"]

    assert "page" in drawn
    assert drawn["show-newer"]["hidden"]


def test_a_region_that_leaves_the_disk_is_drawn_once_more(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    left = {"changed": "version.data", "is_drawn": True}
    live = _draw(engine_sqlite, "/regions/3874", **left).json["response"]
    with engine_sqlite.begin() as connection:
        moved = {"last_t_rec": NOW + timedelta(hours=20)}
        newest = tables.regions.c.region_id == 3894
        connection.execute(tables.regions.update().where(newest).values(moved))

    last = _draw(engine_sqlite, "/regions/3874", marks=live["marks"]["data"], **left)
    after = _draw(engine_sqlite, "/regions/3874", marks=[], **left)

    assert live["marks"]["data"]
    assert "left the disk at 29 Mar 2014 05:00 UTC, its last record" in last.text
    assert last.json["response"]["marks"]["data"] == []
    assert "page" not in after.json["response"]
    assert "left the disk" not in after.text


@pytest.mark.parametrize("pathname", ["/", "/regions/3894"])
def test_new_data_redraw_what_shows_the_present(engine_sqlite: sa.Engine, pathname: str) -> None:
    stock(engine_sqlite)

    drawn = _draw(engine_sqlite, pathname, changed="version.data", is_drawn=True).json["response"]

    assert "page" in drawn


def test_a_page_is_drawn_anew_when_the_store_is_back(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    away = _draw(
        engine_sqlite,
        "/explore",
        changed="version.data",
        is_drawn=True,
        version=routing.STORE_UNAVAILABLE,
    ).json["response"]
    back = _draw(
        engine_sqlite, "/explore", changed="version.data", is_drawn=away["is-drawn"]["data"]
    ).json["response"]

    assert "page" not in away
    assert "page" in back


def test_a_page_that_waits_for_the_first_forecast_shows_it_by_itself(
    engine_sqlite: sa.Engine,
) -> None:
    waiting = _draw(engine_sqlite, "/explore", changed="url.pathname", is_drawn=False)

    assert waiting.json["response"]["is-drawn"]["data"] is False


def test_the_theme_is_known_before_anything_is_painted(engine_sqlite: sa.Engine) -> None:
    client = _client(engine_sqlite)

    page = client.get("/").text

    assert page.index("/assets/theme.js") < page.index("<body>")
    assert page.count("theme.js") == 1
    with client.get("/assets/theme.js") as script:
        assert "dataset.theme" in script.text
