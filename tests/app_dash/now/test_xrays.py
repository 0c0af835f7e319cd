"""The X-rays stand first on Now: their level, the flare in progress, and what is confirmed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from component_tree import parts, words
from dash.development.base_component import Component
from stocked_store import NOW, stock

from app_dash.frame import routing
from app_dash.now.page import layout
from app_dash.now.xrays import power_text
from app_dash.settings import DashSettings
from database.engine import writing
from database.nowcast.detection import store_minutes
from database.schema.nowcast_tables import nowcast_events
from solar.flare_detection import MINUTE, XrayMinute

NARROW = "\u202f"
# From 6e-7 over 1.4 times as much in four minutes, up to M8.2 at 15:55.
RISE = (6e-7, 1.2e-6, 4e-6, 1.1e-5, 3e-5, 5.2e-5, 8.2e-5)


@pytest.fixture
def stocked(engine_sqlite: sa.Engine) -> sa.Engine:
    stock(engine_sqlite)
    return engine_sqlite


def _measure(engine: sa.Engine, *flux: float, satellite: str = "G16") -> None:
    """Store two quiet hours, and minutes with the given flux after them, from 15:49 on."""
    values = [6e-7] * 120 + list(flux)
    first = NOW - timedelta(minutes=11 + 120)
    minutes = [XrayMinute(first + i * MINUTE, value, satellite) for i, value in enumerate(values)]
    with writing(engine) as connection:
        store_minutes(connection, minutes)


def _page(engine: sa.Engine, *, later: timedelta = timedelta(0)) -> Component:
    view = routing.read_context(engine, settings=DashSettings(), theme=None)
    return layout(replace(view, now=NOW + later), "/", "")


def _panel(engine: sa.Engine, *, later: timedelta = timedelta(0)) -> Component:
    page = _page(engine, later=later)
    assert page.children[0].className.startswith("panel xrays")
    return page.children[0]


def test_without_any_minute_the_panel_is_one_line(stocked: sa.Engine) -> None:
    panel = _panel(stocked)

    assert "none" in panel.className.split()
    assert words(panel).startswith("X-rays No X-ray flux was measured in the last day")


def test_a_rising_flare_stands_first_with_its_level_in_words(stocked: sa.Engine) -> None:
    _measure(stocked, *RISE)

    panel = _panel(stocked)

    assert {"in-progress", "m"} <= set(panel.className.split())
    assert words(parts(panel, "level-line")[0]) == "↑M8.2R2"
    told = words(parts(panel, "xray-told")[0])
    assert told.startswith("Flare in progress since 15:49, 11 min: M8.2 so far, rising")
    # 1e-4 / 8.2e-5 = 1.22
    assert "R2, moderate radio blackout. R3 begins at 1.2 times this flux." in told
    assert "hollow until the flare list confirms it" in told
    facts = words(parts(panel, "xray-facts")[0])
    assert f"Flux8.2{NARROW}×{NARROW}10⁻⁵ W m⁻²Minute15:55, 5 min agoSatelliteG16" in facts
    assert "Detected15:52, 3 min after start" in facts


def test_a_declining_flare_names_its_peak(stocked: sa.Engine) -> None:
    _measure(stocked, *RISE, 6e-5)

    told = words(parts(_panel(stocked), "xray-told")[0])

    assert "11 min: declining from M8.2 at 15:55" in told


def test_minutes_that_stay_away_leave_no_level(stocked: sa.Engine) -> None:
    _measure(stocked, 1.2e-6)

    panel = _panel(stocked, later=timedelta(minutes=20))

    assert words(parts(panel, "level-line")[0]) == "–"
    told = words(parts(panel, "xray-told")[0])
    assert told.startswith("No data since 15:49, 31 minThe level is not known; it was C1.2 then.")


def test_a_flare_that_is_over_is_hollow_until_the_list_confirms_it(stocked: sa.Engine) -> None:
    _measure(stocked, *RISE, 3e-5)
    assert "Last ○ M8.2 at 15:55, not confirmed yet" in words(_panel(stocked))
    assert "hollow: 1 not in the list" in words(_page(stocked))

    with writing(stocked) as connection:
        listed = {"state": "confirmed", "flare_id": "b"}
        connection.execute(nowcast_events.update().values(**listed, reconciled_at=NOW))

    # The listed flare b of the store is a C3.0.
    assert "Last ● M8.2 at 15:55, confirmed C3.0 by the list" in words(_panel(stocked))
    assert "hollow" not in words(parts(_page(stocked), "flare-panel")[0])


def test_the_flux_of_an_early_satellite_names_its_scale(stocked: sa.Engine) -> None:
    _measure(stocked, 1.2e-6, satellite="G15")

    assert "G15 (operational scale)" in words(_panel(stocked))


def test_minutes_after_the_newest_record_are_drawn_up_to_now(stocked: sa.Engine) -> None:
    _measure(stocked, *[1.2e-6] * 30)

    (graph,) = parts(_panel(stocked, later=timedelta(minutes=18)), "graph")
    (line,) = (t for t in graph.children.figure["data"] if t["name"] == "X-ray flux")

    # Six hours up to 16:18, of which the last 150 minutes are measured.
    assert len(line["y"]) == 361
    assert [value is not None for value in line["y"]].count(True) == 150


@pytest.mark.parametrize(
    ("flux", "text"),
    [
        (8.2e-5, f"8.2{NARROW}×{NARROW}10⁻⁵"),
        (9.99e-7, f"1.0{NARROW}×{NARROW}10⁻⁶"),
        (None, "–"),
    ],
)
def test_a_flux_is_written_in_powers_of_ten(flux: float | None, text: str) -> None:
    assert power_text(flux) == text
