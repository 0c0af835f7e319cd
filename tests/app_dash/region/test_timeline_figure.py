from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from app_dash.region.outcomes import FlareMark, Outcome, Passage, settled_at
from app_dash.region.probability_lines import OtherLine
from app_dash.region.timeline_figure import TimelineContext, timeline_figure
from app_dash.region.timeline_lanes import PALE, AlertSpan
from app_dash.shared.theme import LIGHT
from solar.flares import EVENTS
from solar.time import Window

NOW = datetime(2014, 3, 29, 16, 0, tzinfo=UTC)
END = np.datetime64("2014-03-29T16:00:00", "us")
HOUR = np.timedelta64(1, "h")
TIMES = END - np.arange(10, -1, -1) * HOUR
SHOWN = Window(NOW - timedelta(hours=10), NOW + timedelta(hours=24))


NO_FLARES = np.array([], "datetime64[us]")


def _passage(probability: np.ndarray | None = None, **changes: Any) -> Passage:
    values = np.tile([0.5, 0.2, 0.05, 0.0004], (11, 1)) if probability is None else probability
    outcomes = [Outcome.QUIET] * 4 + [Outcome.HIT] * 4 + [Outcome.UNKNOWN] * 3
    flares = [
        FlareMark(NOW - timedelta(hours=6), "M2.6", Outcome.HIT),
        FlareMark(NOW - timedelta(hours=2), "C3.3", None),
    ]
    passage = Passage(
        TIMES, values, EVENTS[1], np.full(11, 0.043), outcomes, flares, np.ones(11, bool),
        settled_at(TIMES, NO_FLARES), ["m@1, full rung"] * 11,
    )  # fmt: skip
    return replace(passage, **changes)


def _timeline(passage: Passage, *, is_log: bool = True, **scene: Any) -> dict:
    around = TimelineContext(SHOWN, **{"at": NOW, **scene})
    return timeline_figure(passage, around, is_log=is_log, tokens=LIGHT)


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

    line = _trace(figure, "threshold")
    assert line["y"] == [pytest.approx(4.3)] * 2
    assert line["line"]["dash"] == "5px,3px"
    assert "Threshold 4.3\u202f%, frozen" in _texts(figure)


def test_a_threshold_that_changed_is_a_step_at_the_first_forecast_of_the_new_model() -> None:
    thresholds = np.array([0.043] * 5 + [0.1] * 6)

    figure = _timeline(_passage(threshold=thresholds))

    line = _trace(figure, "threshold")
    assert line["line"]["shape"] == "hv"
    assert line["y"] == [pytest.approx(4.3), pytest.approx(10), pytest.approx(10)]
    assert line["x"][1] == TIMES[5].astype("datetime64[ms]").astype(int)
    assert sum(text.startswith("Threshold") for text in _texts(figure)) == 2


def test_an_event_without_a_threshold_draws_none() -> None:
    figure = _timeline(_passage(threshold=np.full(11, np.nan)))

    assert not any(text.startswith("Threshold") for text in _texts(figure))
    assert not any(trace.get("name") == "threshold" for trace in figure["data"])


def test_a_withheld_stretch_breaks_the_line_and_is_hatched() -> None:
    values = np.tile([0.5, 0.2, 0.05, 0.01], (11, 1))
    values[3:8] = np.nan

    figure = _timeline(_passage(values))

    assert np.isnan(_trace(figure, "M1.0+")["y"]).sum() == 1
    hatched = _trace(figure, "no data")["x"]
    assert hatched[1] - hatched[0] == 6 * 3_600_000


def test_hits_are_filled_and_misses_open_and_what_is_unknown_is_a_diamond() -> None:
    outcomes = (Outcome.HIT, Outcome.MISS, Outcome.UNKNOWN)
    marks = [FlareMark(NOW, "M1.0", outcome) for outcome in outcomes]

    heads = _trace(_timeline(_passage(flares=marks)), "flares of the event")

    assert heads["marker"]["symbol"] == ["circle", "circle-open", "diamond-open"]
    assert heads["marker"]["color"] == [LIGHT.ok, LIGHT.error, LIGHT.text2]


def test_a_flare_has_the_bracket_of_the_24_hours_before_it() -> None:
    bracket = _trace(_timeline(_passage()), "24 h before a flare")

    assert bracket["x"][2] - bracket["x"][0] == 24 * 3_600_000


def test_what_was_learnt_after_the_time_of_the_page_is_pale_and_stays() -> None:
    at = NOW - timedelta(hours=4)
    is_known = np.datetime64("2014-03-29T12:00") >= TIMES

    figure = _timeline(_passage(is_known=is_known), at=at, as_of=at)

    lines = [trace for trace in figure["data"] if trace.get("name") == "M1.0+"]
    assert [line["opacity"] for line in lines] == [1.0, PALE]
    # The later part begins where the known one ends, so that nothing is missing between them.
    assert lines[0]["x"][-1] == lines[1]["x"][0]
    late_flares = [t for t in figure["data"] if t.get("name") == "smaller flares"]
    assert [len(trace["x"]) for trace in late_flares] == [0, 1]
    assert "pale: known later" in _texts(figure)


def test_an_alert_that_was_open_then_is_pale_from_then_on() -> None:
    at = NOW - timedelta(hours=4)
    alert = AlertSpan(NOW - timedelta(hours=8), NOW, "M1.0+ alert, 8 h", "open")

    figure = _timeline(_passage(), at=at, as_of=at, alerts=[alert])

    outlines = [t for t in figure["data"] if t.get("line", {}).get("color") == LIGHT.mark("M1.0")
                and t.get("yaxis") == "y2" and t["mode"] == "lines"]  # fmt: skip
    assert [trace.get("opacity", 1.0) for trace in outlines] == [1.0, PALE]
    assert outlines[0]["x"][1] == outlines[1]["x"][0] == at.timestamp() * 1000
    assert "M1.0+ alert, 8 h" in _texts(figure)


def test_another_model_is_a_thin_dashed_line_of_its_name() -> None:
    other = OtherLine("other@2", TIMES, np.full(11, 0.3))

    line = _trace(_timeline(_passage(), others=[other]), "other@2")

    assert line["y"][0] == 30.0
    assert line["line"]["width"] < 2
    assert line["line"]["dash"] != "solid"


def test_each_point_says_which_model_made_it_where_they_differ() -> None:
    sources = ["a@1, full rung"] * 5 + ["b@1, partial rung"] * 6

    line = _trace(_timeline(_passage(sources=sources)), "M1.0+")

    assert [line["customdata"][0], line["customdata"][-1]] == [sources[0], sources[-1]]


def test_a_month_of_records_is_drawn_with_at_most_2000_points_a_trace() -> None:
    times = END - np.arange(4_000, -1, -1) * np.timedelta64(12, "m")
    values = np.random.default_rng(1).random((4_001, 4))
    passage = Passage(
        times, values, EVENTS[1], np.full(4_001, 0.1), [Outcome.QUIET] * 4_001, [],
        np.ones(4_001, bool), settled_at(times, NO_FLARES), ["m@1, full rung"] * 4_001,
    )  # fmt: skip

    assert max(len(trace["x"]) for trace in _timeline(passage)["data"]) <= 2_000


def test_false_alarms_are_hatched() -> None:
    assert _trace(_timeline(_passage()), "false alarm")["fillpattern"]["shape"] == "/"


def test_a_region_without_any_forecast_still_has_a_figure() -> None:
    nothing = Passage(
        TIMES[:0],
        np.empty((0, 4)),
        EVENTS[1],
        np.empty(0),
        [],
        [],
        np.empty(0, bool),
        TIMES[:0],
        [],
    )

    assert _timeline(nothing)["layout"]["xaxis"]["title"]["text"] == "Time, UTC"
