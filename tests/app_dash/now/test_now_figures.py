from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_dash.now.disk_figure import (
    DiskRegion,
    RegionLabel,
    disk_figure,
    place,
    project,
    tilt_deg,
)
from app_dash.now.flare_figure import XRAY_FLOOR, DiskLine, FluxLine, Stem, flare_figure
from app_dash.shared.sparkline import Scale, sparkline
from app_dash.shared.theme import DARK, LIGHT
from solar.time import Window

NOW = datetime(2014, 3, 29, 16, 0, tzinfo=UTC)
END = np.datetime64("2014-03-29T16:00:00", "us")
TIMES = END - np.arange(10, -1, -1) * np.timedelta64(1, "h")
SHOWN = Window(NOW - timedelta(hours=10), NOW + timedelta(hours=24))


def _trace(figure: dict[str, Any], name: str) -> dict[str, Any]:
    return next(trace for trace in figure["data"] if trace.get("name") == name)


def _texts(figure: dict[str, Any]) -> list[str]:
    return [note["text"] for note in figure["layout"]["annotations"]]


def _flares(stems: list[Stem], xray: FluxLine | None = None) -> dict[str, Any]:
    line = DiskLine(TIMES, np.linspace(0.01, 0.35, 11))
    return flare_figure(stems, line, shown=SHOWN, now=NOW, tokens=LIGHT, xray=xray)


def test_only_the_largest_c_flare_and_all_greater_ones_are_named() -> None:
    stems = [
        Stem(NOW - timedelta(hours=30), "C2.0", 2e-6, "12010"),
        Stem(NOW - timedelta(hours=20), "C4.8", 4.8e-6, "12010"),
        Stem(NOW - timedelta(hours=8), "M2.6", 2.6e-5, "12017"),
    ]

    texts = " ".join(_texts(_flares(stems)))

    assert "C4.8" in texts
    assert "M2.6" in texts
    assert "C2.0" not in texts


def test_the_flare_figure_says_what_is_forecast_for_the_coming_day() -> None:
    figure = _flares([])

    assert any("M1.0+ 35\u202f%" in text for text in _texts(figure))
    assert figure["layout"]["yaxis2"]["tickvals"] == [0, 25.0, 50]
    assert _trace(figure, "forecast")["y"] == pytest.approx([35, 35])


def test_the_name_of_a_flare_later_than_the_newest_record_lies_on_no_other_text() -> None:
    figure = _flares([Stem(NOW + timedelta(hours=9), "C8.6", 8.6e-6, "12035")])

    assert "<b>Next 24 h</b>" in _texts(figure)
    assert any("C8.6" in text for text in _texts(figure))


def test_an_unknown_disk_forecasts_nothing() -> None:
    unknown = DiskLine(TIMES, np.full(11, np.nan))

    figure = flare_figure([], unknown, shown=SHOWN, now=NOW, tokens=DARK)

    assert any("M1.0+ –" in text for text in _texts(figure))


def test_the_centre_of_the_disk_is_where_the_tilt_says() -> None:
    # B0 is about -7.2 deg in early March and zero about 7 June.
    assert tilt_deg(datetime(2014, 3, 6, tzinfo=UTC)) == pytest.approx(-7.25, abs=0.3)
    assert tilt_deg(datetime(2014, 6, 7, tzinfo=UTC)) == pytest.approx(0.0, abs=0.1)


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(-7.25, 7.25))
def test_every_position_lies_on_the_sphere(lat: float, lon: float, tilt: float) -> None:
    x, y, depth = project(np.array([lat]), np.array([lon]), tilt)

    np.testing.assert_allclose(x**2 + y**2 + depth**2, 1.0)


def test_west_is_to_the_right_and_north_is_up() -> None:
    x, y, depth = project(np.array([30.0]), np.array([40.0]), 0.0)

    # cos 30 sin 40 = 0.5567, sin 30 = 0.5
    np.testing.assert_allclose([x[0], y[0]], [0.5567, 0.5], atol=1e-4)
    assert depth[0] > 0


def test_a_region_is_sized_by_area_and_coloured_by_step() -> None:
    spots = [
        DiskRegion("12017", 10.0, 33.0, 1764.0, 0.35, is_over=True),
        DiskRegion("12013", 5.0, -20.0, None, None, is_over=False),
    ]

    figure = disk_figure(spots, NOW, LIGHT)

    marker = _trace(figure, "regions")["marker"]
    # radius 4 + sqrt(1764) / 4.2 = 14
    assert marker["size"] == pytest.approx([28.0, 8.0])
    assert marker["color"] == [LIGHT.step(0.35), LIGHT.panel]
    assert "<b>12017</b><br>35\u202f%" in _texts(figure)
    assert "<b>12013</b>" in _texts(figure)


def _drawing(address: str) -> str:
    return base64.b64decode(address.removeprefix("data:image/svg+xml;base64,")).decode()


def test_a_sparkline_breaks_at_missing_values() -> None:
    values = np.array([0.1, 0.2, np.nan, 0.3, 0.4])

    drawing = _drawing(sparkline(values, Scale(), colour="#123456"))

    assert drawing.count("<polyline") == 2
    assert drawing.count("<circle") == 1


def test_a_sparkline_shows_its_threshold() -> None:
    address = sparkline(
        np.array([0.1, 0.2]), Scale(), colour="#1", threshold=0.5, threshold_colour="#BDBDBD"
    )

    # Half way up 24 pixels.
    assert "M0 12.0H72" in _drawing(address)


def test_a_sparkline_of_nothing_draws_nothing() -> None:
    drawing = _drawing(sparkline(np.full(3, np.nan), Scale(), colour="#1"))

    assert "polyline" not in drawing
    assert "circle" not in drawing


def test_the_x_rays_run_behind_the_flares_with_their_gaps() -> None:
    flux = FluxLine(NOW - timedelta(hours=1), timedelta(minutes=20), np.array([2e-6, np.nan, 1e-9]))

    figure = _flares([], flux)

    line = _trace(figure, "X-ray flux")
    assert (line["x0"], line["dx"]) == ((NOW - timedelta(hours=1)).timestamp() * 1000, 1_200_000)
    # A flux below the axis runs along its floor.
    assert line["y"] == [2e-6, None, XRAY_FLOOR]
    assert figure["data"][0] is line
    assert figure["layout"]["yaxis"]["tickvals"] == [1e-7, 1e-6, 1e-5, 1e-4]


def test_without_x_rays_the_axis_begins_with_the_flares() -> None:
    assert _flares([])["layout"]["yaxis"]["tickvals"] == [1e-6, 1e-5, 1e-4]


def test_a_region_near_the_limb_is_named_outside_the_disk() -> None:
    spots = [
        DiskRegion("12010", -15.0, 82.0, 100.0, None, is_over=False, is_near_limb=True),
        DiskRegion("12022", 16.0, -74.0, 100.0, None, is_over=False, is_near_limb=True),
    ]

    figure = disk_figure(spots, NOW, LIGHT)

    notes = {note["text"]: note for note in figure["layout"]["annotations"]}
    west, east = notes["<b>12010</b><br>near limb"], notes["<b>12022</b><br>near limb"]
    assert (west["xanchor"], east["xanchor"]) == ("left", "right")
    assert west["x"] ** 2 + west["y"] ** 2 > 1
    assert east["x"] ** 2 + east["y"] ** 2 > 1


def _label(x: float, y: float, *, is_near_limb: bool = False) -> RegionLabel:
    return RegionLabel("1", x, y, 0.1, "", 0.1, is_near_limb)


@given(st.lists(st.tuples(st.floats(-0.9, 0.9), st.floats(-0.4, 0.4)), max_size=12))
def test_names_on_the_disk_never_lie_upon_each_other(places: list[tuple[float, float]]) -> None:
    notes = place([_label(x, y) for x, y in places], LIGHT)

    for i, one in enumerate(notes):
        for other in notes[:i]:
            assert abs(one["x"] - other["x"]) > 0.32 or abs(one["y"] - other["y"]) > 0.13


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=5))
def test_every_name_at_the_limb_is_written_one_below_the_other(heights: list[float]) -> None:
    notes = place([_label(0.95, y, is_near_limb=True) for y in heights], LIGHT)

    y = np.sort([note["y"] for note in notes])
    assert len(y) == len(heights)
    assert (np.diff(y) >= 0.24 - 1e-9).all()
