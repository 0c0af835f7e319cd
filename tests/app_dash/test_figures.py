from __future__ import annotations

import base64
import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_dash.figures.disk import Spot, disk_figure, project, tilt_deg
from app_dash.figures.flares import DiskLine, Stem, flare_figure
from app_dash.figures.keywords import keyword_figure
from app_dash.figures.lanes import Run, runs
from app_dash.figures.sparkline import Scale, sparkline
from app_dash.figures.timeline import timeline_figure
from app_dash.figures.timeline_notes import spread
from app_dash.outcomes import FlareMark, Outcome, Passage
from app_dash.theme import DARK, LIGHT
from solar.flares import EVENTS
from solar.sharp import BY_NAME
from solar.time import Window

NOW = datetime(2014, 3, 29, 16, 0, tzinfo=UTC)
END = np.datetime64("2014-03-29T16:00:00", "us")
HOUR = np.timedelta64(1, "h")
TIMES = END - np.arange(10, -1, -1) * HOUR
SHOWN = Window(NOW - timedelta(hours=10), NOW + timedelta(hours=24))


def _passage(probability: np.ndarray | None = None) -> Passage:
    values = np.tile([0.5, 0.2, 0.05, 0.0004], (11, 1)) if probability is None else probability
    outcomes = [Outcome.QUIET] * 4 + [Outcome.HIT] * 4 + [Outcome.UNKNOWN] * 3
    flares = [
        FlareMark(NOW - timedelta(hours=6), "M2.6", Outcome.HIT),
        FlareMark(NOW - timedelta(hours=2), "C3.3", None),
    ]
    return Passage(TIMES, values, EVENTS[1], 0.043, outcomes, flares)


def _timeline(passage: Passage, *, is_log: bool = True) -> dict:
    return timeline_figure(passage, SHOWN, is_log=is_log, model="m@1", tokens=LIGHT)


def _trace(figure: dict, name: str) -> dict:
    return next(trace for trace in figure["data"] if trace.get("name") == name)


def _texts(figure: dict) -> list[str]:
    return [note["text"] for note in figure["layout"]["annotations"]]


def test_the_axes_of_the_timeline_name_unit_and_utc() -> None:
    layout = _timeline(_passage())["layout"]

    assert layout["xaxis"]["title"]["text"] == "Time, UTC"
    assert layout["yaxis"]["title"]["text"] == "Probability in 24 h, %"
    assert layout["yaxis"]["type"] == "log"


def test_the_scale_can_be_linear() -> None:
    assert "type" not in _timeline(_passage(), is_log=False)["layout"]["yaxis"]


def test_every_event_has_its_line_in_percent() -> None:
    figure = _timeline(_passage())

    assert _trace(figure, "M1.0+")["y"][0] == 20.0
    # Below a tenth of a percent the line runs along the floor of the log axis.
    assert _trace(figure, "X1.0+")["y"][0] == 0.1


def test_the_frozen_threshold_is_a_dashed_line_with_its_value() -> None:
    figure = _timeline(_passage())

    line = next(shape for shape in figure["layout"]["shapes"] if shape["y0"] == pytest.approx(4.3))
    assert line["line"]["dash"] == "5px,3px"
    assert "Threshold 4.3\u202f%, frozen" in _texts(figure)


def test_an_event_without_a_threshold_draws_none() -> None:
    passage = _passage()
    without = Passage(passage.t_rec, passage.probability, EVENTS[3], None, passage.outcomes, ())

    assert not any(text.startswith("Threshold") for text in _texts(_timeline(without)))


def test_a_withheld_stretch_breaks_the_line_and_is_hatched() -> None:
    values = np.tile([0.5, 0.2, 0.05, 0.01], (11, 1))
    values[3:8] = np.nan

    figure = _timeline(_passage(values))

    assert np.isnan(_trace(figure, "M1.0+")["y"]).sum() == 1
    hatched = _trace(figure, "no data")["x"]
    assert hatched[1] - hatched[0] == 6 * 3_600_000


def test_hits_are_filled_and_misses_open() -> None:
    marks = [FlareMark(NOW, "M1.0", Outcome.HIT), FlareMark(NOW, "M1.1", Outcome.MISS)]
    passage = _passage()
    shown = Passage(passage.t_rec, passage.probability, EVENTS[1], 0.1, passage.outcomes, marks)

    heads = _trace(_timeline(shown), "flares of the event")

    assert heads["marker"]["symbol"] == ["circle", "circle-open"]
    assert heads["marker"]["color"] == [LIGHT.ok, LIGHT.error]


def test_false_alarms_are_hatched() -> None:
    assert _trace(_timeline(_passage()), "false alarm")["fillpattern"]["shape"] == "/"


def test_a_region_without_any_forecast_still_has_a_figure() -> None:
    nothing = Passage(TIMES[:0], np.empty((0, 4)), EVENTS[1], 0.1, [], [])

    assert _timeline(nothing)["layout"]["xaxis"]["title"]["text"] == "Time, UTC"


def test_neighbouring_outcomes_join_into_runs_and_a_gap_ends_one() -> None:
    times = END + np.array([0, 1, 2, 9]) * HOUR
    hit, miss = Outcome.HIT, Outcome.MISS
    start = float(END.astype("datetime64[ms]").astype(float))
    hour = 3_600_000

    found = runs(times, [hit, hit, miss, miss], HOUR)

    assert found == [
        Run(hit, start, start + 2 * hour),
        Run(miss, start + 2 * hour, start + 3 * hour),
        Run(miss, start + 9 * hour, start + 10 * hour),
    ]


@given(st.lists(st.floats(0, 100), max_size=4).map(lambda v: sorted(v, reverse=True)))
def test_labels_never_lie_upon_each_other(heights: list[float]) -> None:
    moved = spread(heights, 8.0)

    assert all(upper - lower >= 8.0 - 1e-9 for upper, lower in itertools.pairwise(moved))


def test_a_keyword_is_drawn_in_its_display_unit() -> None:
    values = np.full(11, 1.86e23)

    figure = keyword_figure(BY_NAME["TOTPOT"], TIMES, values, SHOWN, LIGHT)

    line = _trace(figure, "TOTPOT")
    assert line["y"][0] == pytest.approx(1.86)
    assert "10²³ erg/cm" in line["hovertemplate"]


def test_a_keyword_that_was_zero_stays_zero_and_one_that_is_missing_is_empty() -> None:
    keyword = BY_NAME["R_VALUE"]

    zero = keyword_figure(keyword, TIMES, np.zeros(11), SHOWN, LIGHT)
    missing = keyword_figure(keyword, TIMES, np.full(11, np.nan), SHOWN, LIGHT)

    assert _trace(zero, "R_VALUE")["y"] == [0.0] * 11
    assert _trace(missing, "R_VALUE")["y"] == []


def _flares(stems: list[Stem]) -> dict:
    line = DiskLine(TIMES, np.linspace(0.01, 0.35, 11))
    return flare_figure(stems, line, SHOWN, NOW, LIGHT)


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


def test_an_unknown_disk_forecasts_nothing() -> None:
    figure = flare_figure([], DiskLine(TIMES, np.full(11, np.nan)), SHOWN, NOW, DARK)

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
        Spot("12017", 10.0, 33.0, 1764.0, 0.35, is_over=True),
        Spot("12013", 5.0, -20.0, None, None, is_over=False),
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
