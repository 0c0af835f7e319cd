from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import sqlalchemy as sa
from component_tree import parts, words
from dash.development.base_component import Component
from raised_alerts import raised
from stocked_store import NOW, stock

from app_dash.create_app import PAGES
from app_dash.frame import delta, routing, shell
from app_dash.now.page import layout
from app_dash.settings import DashSettings
from app_dash.shared.numbers import probability
from database.agencies.forecasts import AgencyForecast, store_forecasts
from database.alerts.alerts import write_alerts
from database.engine import writing
from database.flares.coverage import cover
from database.flares.xray import store_flux
from database.schema import tables
from solar.flare_detection import XrayMinute
from solar.time import Window, isoformat
from solar.windows import DAYS_AHEAD

NARROW = "\u202f"


def _layout(engine: sa.Engine, search: str = "") -> Component:
    view = routing.read_context(engine, settings=DashSettings(), theme="dark")
    return layout(view, "/", search)


def _cards(engine: sa.Engine) -> list[Component]:
    """Return the cards as they were at the time of the records."""
    search = f"?at={isoformat(NOW)}"
    view = routing.read_context(engine, settings=DashSettings(), theme="dark", search=search)
    return parts(layout(view, "/", search), "card")


def _page(engine: sa.Engine) -> str:
    return json.dumps(_layout(engine), default=_plain, ensure_ascii=False)


def _plain(value: object) -> object:
    return value.to_plotly_json() if isinstance(value, Component) else np.asarray(value).tolist()


def test_the_cards_combine_the_regions_that_have_a_forecast(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = _page(engine_sqlite)

    # M1.0+: 1 - 0.65 * 0.94 = 0.389, the largest 0.35; the silent and the limb region do not count.
    assert f"Now: 1−∏(1−p) 39{NARROW}%, by the flares alone" in page
    assert f"the riskiest region has 35{NARROW}%." in page


def test_one_number_of_regions_and_flares_stands_on_the_card(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    with writing(engine_sqlite) as connection:
        cover(connection, Window(NOW - timedelta(days=200), NOW), source="test")

    (_, card, _) = parts(_layout(engine_sqlite), "card")

    assert words(card).startswith("M1.0+full disk, 24 h")
    shown = re.search(
        rf"Now: 1−∏\(1−p\) 39{NARROW}%, by the flares alone ([\d.]+){NARROW}%", words(card)
    )
    assert shown is not None
    # Half way between both in log-odds.
    odds = math.sqrt(0.389 / 0.611 * float(shown[1]) / (100 - float(shown[1])))
    number = probability(odds / (1 + odds))
    assert f"{number}regions and recent flares" in words(card)


def test_agencies_stand_under_the_number_of_their_class(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    rows = [
        AgencyForecast(
            0,
            midnight + window.latency,
            None,
            (None, p, None, p / 10),
            NOW - timedelta(hours=18),
            window,
        )
        for window, p in zip(DAYS_AHEAD, (0.6, 0.5, 0.4), strict=True)
    ]
    with writing(engine_sqlite) as connection:
        store_forecasts(connection, "swpc@1", rows, now=NOW)

    c_card, m_card, x_card = _cards(engine_sqlite)

    assert f"swpc@160{NARROW}%50{NARROW}%40{NARROW}%18 h ago" in words(m_card)
    assert f"swpc@16.0{NARROW}%5.0{NARROW}%4.0{NARROW}%18 h ago" in words(x_card)
    assert "Agencies" not in words(c_card)


def test_without_an_agency_there_is_no_table_of_them(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    assert all("Agencies" not in words(card) for card in _cards(engine_sqlite))


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
    assert "2 of 4 on the disk with a forecast, 1 flared without a record" in page


def test_regions_without_a_position_are_counted_and_named(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    with engine_sqlite.begin() as connection:
        connection.execute(sa.text("UPDATE regions SET last_lon_fwt = NULL WHERE region_id > 3860"))

    page = _page(engine_sqlite)

    assert "3 of 4 on the disk without a position: 12017, 12024, 12013" in page
    assert "Behind the limb" not in page
    (row, *_) = parts(_layout(engine_sqlite), "linked")
    assert words(row).startswith("12017▲")


def test_regions_beyond_the_limit_are_listed_beside_the_disk(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    (beside,) = parts(_layout(engine_sqlite), "unplaced")

    # The one last seen at W80 11 h ago has moved 6.1 deg since.
    assert words(beside) == "Beyond 70°: 12010 N10W82, 12013 N10W86"


def test_the_change_since_the_previous_forecast_is_below_that_of_a_day(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)
    with writing(engine_sqlite) as connection:
        connection.execute(
            tables.predictions.update()
            .where(tables.predictions.c.region_id == 3894)
            .where(tables.predictions.c.t_rec == NOW - timedelta(hours=1))
            .values(m1=0.32)
        )

    first = parts(_layout(engine_sqlite), "change")[0]

    # From 0.32 to 0.35; 24 h ago it was 0.35 as well.
    assert words(first) == "0.0+3.0 last"
    assert first.title == "0.0 pp over 24 h, +3.0 pp since 29 Mar 15:00"


def test_open_alerts_are_beside_the_regions(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    with writing(engine_sqlite) as connection:
        write_alerts(connection, [raised(3894)])

    (panel,) = parts(_layout(engine_sqlite), "alert-panel")

    assert "1 open" in words(panel)
    assert "AR 12017" in words(panel)
    assert "Acknowledge" in words(panel)


def test_x_rays_are_drawn_where_they_are_stored(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    minute = XrayMinute(NOW - timedelta(hours=1), 3e-6, "G16")
    with writing(engine_sqlite) as connection:
        store_flux(connection, [minute])

    page = _page(engine_sqlite)

    assert '"X-ray flux"' in page
    assert "flux by G16, true scale: the classes are operational, 0.7 of it" in page


def test_flares_of_regions_without_a_forecast_are_counted(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    # That of 12023, which has no record at all.
    assert "1 from regions without a forecast" in _page(engine_sqlite)


def test_the_panels_travel_one_by_one(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    # X-rays, three cards, alerts, windows, disk, regions, flares and base rate.
    drawn = _layout(engine_sqlite)
    delta.fingerprints(drawn)
    assert [panel.id for panel in drawn.children] == [f"part-{place}" for place in range(10)]


def test_the_header_names_the_lowest_fallback_level_of_the_current_forecasts(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)
    with writing(engine_sqlite) as connection:
        connection.execute(
            tables.predictions.update()
            .where(tables.predictions.c.region_id == 3907)
            .values(rung="partial")
        )
    view = routing.read_context(engine_sqlite, settings=DashSettings(), theme=None)

    chip = next(chip for chip in shell.chips(view.state) if "rung" in str(chip.className))

    assert words(chip) == "Fallback level partial"
    assert chip.title.endswith("1 full, 1 partial; 2 of 4 on the disk with a forecast")


def test_alert_states_are_words_with_a_shape(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = _page(engine_sqlite)

    # 0.35 is over the threshold of 0.1, 0.06 over half of it.
    assert "▲" in page
    assert '"over threshold"' in page
    assert '"watch"' in page


def test_the_badge_of_a_region_names_all_its_open_alerts(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    alerts = [
        raised(3894, alert_id="m"),
        raised(3894, alert_id="c", event="C1.0", state="acknowledged"),
        raised(3894, alert_id="x", event="X1.0", state="closed"),
    ]
    with writing(engine_sqlite) as connection:
        write_alerts(connection, alerts)

    badges = [words(badge) for badge in parts(_layout(engine_sqlite), "state")]

    assert badges == ["▲alert M1.0+ C1.0+", "◆watch"]


def test_regions_that_left_the_disk_stand_apart_and_every_place_counts_alike(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)
    # 11 h on, one is 1 deg behind the limb; the other went there more than a day ago.
    with engine_sqlite.begin() as connection:
        for lon, region in ((85.0, 3874), (112.0, 3856)):
            text = "UPDATE regions SET last_lon_fwt = :lon WHERE region_id = :region"
            connection.execute(sa.text(text), {"lon": lon, "region": region})
    view = routing.read_context(engine_sqlite, settings=DashSettings(), theme=None)

    page = layout(view, "/", "")

    counted = "2 of 2 on the disk with a forecast, 1 behind the limb, 1 gone"
    assert [words(group) for group in parts(page, "group")] == ["Behind the limb", "Gone"]
    assert f"{counted}, 1 flared without a record" in words(parts(page, "region-panel")[0])
    assert counted in str(parts(page, "disk-panel")[0])
    assert words(shell.status(view)).startswith("Regions2 of 2")
    assert counted in str(shell.status(view))
    (beside,) = parts(page, "unplaced")
    assert words(beside) == "Behind the limb: 12013 N10W91Gone: 12010 N10W112"


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
    view = routing.read_context(engine_sqlite, settings=DashSettings(), theme=None)
    fresh = replace(view, now=NOW + timedelta(minutes=5))

    frame = routing.draw_frame(fresh, PAGES, pathname="/", search="")

    strip = json.dumps(frame["strip"], default=_plain, ensure_ascii=False)
    assert "data end" not in strip
    assert f"No region over its threshold, 10{NARROW}%: 12017 at 35{NARROW}%" in strip
    assert "Operations overview" in json.dumps(frame["title"], default=_plain)


def test_without_a_live_model_the_page_still_lists_the_regions(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    with engine_sqlite.begin() as connection:
        connection.execute(sa.text("UPDATE models SET stage = 'retired'"))

    assert "0 of 4 on the disk with a forecast" in _page(engine_sqlite)


def test_the_order_of_the_regions_is_part_of_the_address(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    view = routing.read_context(engine_sqlite, settings=DashSettings(), theme="light")

    page = json.dumps(layout(view, "/", "?sort=position"), default=_plain, ensure_ascii=False)

    # The region at E24 stands before the one at W33, which is the riskier.
    assert page.index('"/regions/3907"') < page.index('"/regions/3894"')
    assert '"/?sort=change"' in page
