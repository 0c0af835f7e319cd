from __future__ import annotations

import json
from datetime import timedelta

import sqlalchemy as sa
from stocked_store import NOW, stock

from app_dash import routing
from app_dash.create_app import PAGES
from app_dash.pages.now import layout
from app_dash.settings import DashSettings

NARROW = "\u202f"


def _page(engine: sa.Engine) -> str:
    view = routing.look(engine, settings=DashSettings(), theme="dark")
    return json.dumps(layout(view, "/", ""), default=_plain, ensure_ascii=False)


def _plain(value: object) -> object:
    return value.to_plotly_json() if hasattr(value, "to_plotly_json") else value.tolist()  # type: ignore[attr-defined]  # arrays


def test_the_cards_combine_the_regions_that_have_a_forecast(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = _page(engine_sqlite)

    # M1.0+: 1 - 0.65 * 0.94 = 0.389, the largest 0.35; the silent and the limb region do not count.
    assert f'"39{NARROW}%"' in page
    assert f'"35{NARROW}%"' in page


def test_regions_are_listed_by_risk_and_link_to_their_page(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = _page(engine_sqlite)

    places = [page.index(f'"/regions/{number}"') for number in (3894, 3907)]
    assert places == sorted(places)
    assert '"/regions/3856"' in page


def test_regions_without_a_forecast_stay_with_their_reason(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = _page(engine_sqlite)

    assert "beyond 70° of longitude" in page
    assert "at or past the west limb, last SHARP record 29 Mar 05:00, 11 h ago" in page
    assert "no SHARP patch; flared C1.2 at 29 Mar 11:00" in page
    assert "2 with a forecast, 3 without" in page


def test_regions_without_a_position_are_counted_and_named(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    with engine_sqlite.begin() as connection:
        connection.execute(sa.text("UPDATE regions SET last_lon_fwt = NULL WHERE region_id > 3860"))

    page = _page(engine_sqlite)

    assert "3 of 4 regions without a position: 12017, 12024, 12013" in page
    assert "Behind the limb" not in page


def test_alert_states_are_words_with_a_shape(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = _page(engine_sqlite)

    # 0.35 is over the threshold of 0.1, 0.06 over half of it.
    assert "▲" in page
    assert '"alert"' in page
    assert '"watch"' in page


def test_flares_of_a_day_are_counted_by_region(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = _page(engine_sqlite)

    assert '"M2.0"' in page
    assert " ×2" in page


def test_every_figure_has_a_sentence_for_those_who_do_not_see_it(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = _page(engine_sqlite)

    assert "Flares of the last 3 days: 2 C, 1 M, 0 X; full-disk P(M1.0+) is now 39" in page
    assert "1 over the threshold." in page


def test_fresh_data_are_not_called_a_replay(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    view = routing.look(engine_sqlite, settings=DashSettings(), theme=None)
    fresh = routing.View(view.engine, view.settings, view.tokens, view.state,
                         NOW + timedelta(minutes=5))  # fmt: skip

    frame = routing.frame(fresh, PAGES, pathname="/", search="")

    strip = json.dumps(frame["strip"], default=_plain, ensure_ascii=False)
    assert "Data end" not in strip
    assert "AR 12017 over the M1.0+ threshold" in strip
    assert "Operations overview" in json.dumps(frame["title"], default=_plain)


def test_without_a_live_model_the_page_still_lists_the_regions(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    with engine_sqlite.begin() as connection:
        connection.execute(sa.text("UPDATE models SET stage = 'retired'"))

    assert "0 with a forecast" in _page(engine_sqlite)


def test_the_order_of_the_regions_is_part_of_the_address(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    view = routing.look(engine_sqlite, settings=DashSettings(), theme="light")

    page = json.dumps(layout(view, "/", "?sort=position"), default=_plain, ensure_ascii=False)

    # The region at E24 stands before the one at W33, which is the riskier.
    assert page.index('"/regions/3907"') < page.index('"/regions/3894"')
    assert '"/?sort=change"' in page
