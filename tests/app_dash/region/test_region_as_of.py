from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from answering_api import answering
from component_tree import words
from drawn_region import drawn
from raised_alerts import raised
from stocked_store import NOW, stock
from synthetic_explanation import body, item

from app_dash.frame import routing
from app_dash.region.data import read_region
from app_dash.region.panels import minutes, moved_to
from app_dash.region.query import RegionQuery
from app_dash.region.why import WhyRequest, explanation_panel, why_parts
from app_dash.settings import DashSettings
from database.alerts.alerts import write_alerts
from database.engine import writing
from database.schema import tables
from database.upsert import upsert

AT = "at=2014-03-29T06:00:00Z"


def test_the_page_as_of_a_time_has_the_forecast_and_the_facts_of_then(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)

    then = drawn(engine_sqlite, "/regions/3894", f"?{AT}")

    assert "29 Mar 06:00 → 30 Mar 06:00" in then
    # The C3.0 of 13:00 had not happened yet.
    assert "M2.0, 28 Mar 20:00" in then
    assert "pale: known later" in then
    assert "Go to latest" in then


def test_the_arrow_keys_lead_to_the_previous_and_the_next_record(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = drawn(engine_sqlite, "/regions/3894", f"?{AT}")

    assert '"href": "/regions/3894?at=2014-03-29T05%3A00%3A00Z"' in page
    assert '"href": "/regions/3894?at=2014-03-29T07%3A00%3A00Z"' in page
    assert page.count('"data-key": "ArrowLeft"') == page.count('"data-key": "ArrowRight"') == 1


def test_at_the_newest_record_no_step_leads_on(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    latest = drawn(engine_sqlite, "/regions/3894")
    before = drawn(engine_sqlite, "/regions/3894", "?at=2014-03-29T15:00:00Z")

    assert "ArrowRight" not in latest
    # The step onto the newest record leaves the time out of the address, which then stays new.
    assert '"href": "/regions/3894", "title": "29 Mar 16:00 UTC"' in before


def test_a_time_before_the_first_record_shows_the_first(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = drawn(engine_sqlite, "/regions/3894", "?at=2010-01-01T00:00:00Z")

    assert "26 Mar 09:00 → 27 Mar 09:00" in page


def test_the_slider_becomes_the_time_of_the_address_and_its_right_end_is_now() -> None:
    newest = minutes(NOW)

    moved = moved_to(str(newest - 90), RegionQuery(range="3d"), newest)

    assert moved.search() == "?range=3d&at=2014-03-29T14%3A30%3A00Z"
    assert moved_to(newest, moved, newest) == RegionQuery(range="3d")


def test_a_slider_that_was_drawn_between_two_of_its_minutes_moves_nothing() -> None:
    shown = RegionQuery(at="2014-03-29T14:29:23Z")
    drawn_at = minutes(datetime(2014, 3, 29, 14, 30, tzinfo=UTC))

    assert moved_to(str(drawn_at), shown, minutes(NOW)) == shown
    assert moved_to(str(drawn_at + 12), shown, minutes(NOW)).at == "2014-03-29T14:42:00Z"


def test_models_beside_the_live_one_are_drawn_unless_the_address_says_otherwise(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)
    _forecast_also_by(engine_sqlite, "other@2")

    everything = drawn(engine_sqlite, "/regions/3894")
    alone = drawn(engine_sqlite, "/regions/3894", "?models=live")

    assert '"name": "other@2"' in everything
    assert '"name": "other@2"' not in alone
    assert '"href": "/regions/3894?models=live"' in everything


def _forecast_also_by(engine: sa.Engine, model_id: str) -> None:
    with writing(engine) as connection:
        rows = connection.execute(sa.select(tables.predictions)).all()
        names = list(tables.predictions.c.keys())
        place = names.index("model_id")
        copies = [(*row[:place], model_id, *row[place + 1 :]) for row in rows]
        upsert(connection, tables.predictions, columns=names, rows=copies)


def test_an_alert_is_open_only_between_its_opening_and_its_close(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)
    opened_at, closed_at = NOW - timedelta(hours=10), NOW - timedelta(hours=2)
    alert = raised(opened_at=opened_at, closed_at=closed_at, state="closed")
    with writing(engine_sqlite) as connection:
        write_alerts(connection, [alert])

    then = drawn(engine_sqlite, "/regions/3894", f"?{AT}")
    later = drawn(engine_sqlite, "/regions/3894", "?range=24h")

    assert "M1.0+ alert open" in then
    assert "M1.0+ alert open" not in later
    assert "M1.0+ alert, 8 h" in later


def test_the_explanation_is_requested_for_the_record_shown(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)
    view = routing.read_context(engine_sqlite, settings=DashSettings(), theme="light")
    query = RegionQuery.parse(f"?{AT}&event=C1.0&why=day")
    store, _ = why_parts(read_region(view, 3894, query), query, view)

    with answering(200, body(item("a", 0.5))) as api:
        panel = explanation_panel(WhyRequest(**store.data), DashSettings(api_url=api.url))

    path, asked, _ = api.seen[0]
    assert path == "/api/v1/explanations"
    assert asked == {
        "region": ["3894"], "event": ["C1.0"], "at": ["2014-03-29T06:00:00Z"], "hours_back": ["24"]
    }  # fmt: skip
    assert "There is no forecast 24 h or more earlier" in words(panel)


def test_an_unreachable_api_is_named_inside_the_panel(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    view = routing.read_context(engine_sqlite, settings=DashSettings(), theme="light")
    query = RegionQuery()
    store, _ = why_parts(read_region(view, 3894, query), query, view)

    panel = explanation_panel(WhyRequest(**store.data), DashSettings(api_url="http://127.0.0.1:1"))

    assert "cannot be reached" in words(panel)
