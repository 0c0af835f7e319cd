from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from app_dash.explore.figures import records_figure
from app_dash.shared.chart import Figure, epoch
from app_dash.shared.theme import LIGHT
from solar.flares import event
from solar.time import Window

START = datetime(2014, 3, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=10))
LATER = Window(START + timedelta(days=4), WINDOW.end_at)


def drawn(covered: Window = WINDOW) -> Figure:
    return records_figure(
        event("M1.0"),
        np.array(["2014-03-05", "2014-03-06", "2014-03-07"], "datetime64[us]"),
        step=np.timedelta64(1, "D"),
        counts=np.array([3, 2, 1]),
        peaks=np.array([0.25, np.nan, 0.0001]),
        window=WINDOW,
        covered=covered,
        tokens=LIGHT,
    )


def test_bars_cover_the_interval_they_count() -> None:
    peaks, counts = drawn()["data"]

    assert counts["x"][0] == epoch(datetime(2014, 3, 5, 12, tzinfo=UTC))
    assert counts["width"] == 86_400_000
    assert counts["y"].tolist() == [3, 2, 1]
    assert peaks["y"] == [25.0, None, 0.1]


def test_dragging_chooses_along_time_only() -> None:
    layout = drawn()["layout"]

    assert layout["dragmode"] == "zoom"
    assert layout["xaxis"]["fixedrange"] is False
    assert layout["yaxis"]["fixedrange"] is True
    assert layout["yaxis2"]["fixedrange"] is True
    assert layout["xaxis"]["range"] == [epoch(WINDOW.start_at), epoch(WINDOW.end_at)]


def test_what_was_not_counted_is_shaded() -> None:
    (shade,) = drawn(covered=LATER)["layout"]["shapes"]

    assert (shade["x0"], shade["x1"]) == (epoch(WINDOW.start_at), epoch(LATER.start_at))
    assert drawn()["layout"]["shapes"] == []
