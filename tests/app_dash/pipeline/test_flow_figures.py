from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from app_dash.pipeline.figures import (
    MOST_NAMED,
    OTHERS,
    durations_figure,
    largest_senders,
    throughput_figure,
)
from app_dash.shared.theme import LIGHT
from solar.durations import PROCESSING
from solar.time import Window

START = datetime(2014, 3, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(minutes=3))
BUCKETS = np.datetime64("2014-03-01", "us") + np.arange(3) * np.timedelta64(60, "s")


def rows(*counts: int) -> np.ndarray:
    return np.array(counts, np.int64)


def durations(*seconds: list[float]) -> dict:
    bins = PROCESSING.bins
    histograms = np.array([np.bincount(PROCESSING.place(s), minlength=bins) for s in seconds])
    return durations_figure(
        BUCKETS, histograms, PROCESSING, WINDOW, LIGHT,
        bucket_seconds=60, unit="ms", per_unit=1e-3, title="Processing time",
    )  # fmt: skip


def test_the_bars_show_rows_a_second_of_each_sender_in_the_middle_of_its_bucket() -> None:
    figure = throughput_figure(
        BUCKETS, {"s1": rows(120, 0, 60), "s2": rows(0, 30, 0)}, 60, WINDOW, LIGHT
    )

    one, two = figure["data"]
    assert (one["name"], one["y"].tolist()) == ("s1", [2.0, 0.0, 1.0])
    assert two["y"].tolist() == [0.0, 0.5, 0.0]
    assert one["x"][0] == (START + timedelta(seconds=30)).timestamp() * 1000
    assert figure["layout"]["yaxis"]["title"]["text"] == "Rows a second"
    assert figure["layout"]["barmode"] == "stack"


def test_senders_differ_by_pattern_as_well_as_by_colour() -> None:
    many = {f"s{i}": rows(i, 0, 0) for i in range(9)}

    traces = throughput_figure(BUCKETS, many, 60, WINDOW, LIGHT)["data"]

    looks = [(t["marker"]["color"], t["marker"]["pattern"]["shape"]) for t in traces]
    assert len(traces) == MOST_NAMED + 1
    assert len({colour for colour, _ in looks}) == len({shape for _, shape in looks}) == 6


def test_thin_bars_have_no_pattern_that_would_break_them() -> None:
    buckets = np.datetime64("2014-03-01", "us") + np.arange(288) * np.timedelta64(300, "s")
    day = Window(START, START + timedelta(days=1))
    two = {name: np.ones(288, np.int64) for name in ("s1", "s2")}

    traces = throughput_figure(buckets, two, 300, day, LIGHT)["data"]

    assert {trace["marker"]["pattern"]["shape"] for trace in traces} == {""}


def test_the_smallest_of_many_senders_are_added_up() -> None:
    many = {f"s{i}": rows(i, i, 0) for i in range(8)}

    found = largest_senders(many)

    assert list(found) == ["s3", "s4", "s5", "s6", "s7", OTHERS]
    assert found[OTHERS].tolist() == [0 + 1 + 2, 0 + 1 + 2, 0]


def test_percentiles_are_drawn_in_their_unit_and_break_where_nothing_arrived() -> None:
    figure = durations([0.02] * 10, [], [0.2] * 10)

    p50 = figure["data"][0]
    assert p50["name"] == "p50"
    # Of ten equal durations in one bin a quantile lies within that bin, 26 % wide.
    assert p50["y"][0] == pytest.approx(20, rel=0.26)
    assert np.isnan(p50["y"][1])
    assert p50["y"][2] == pytest.approx(200, rel=0.26)
    assert figure["layout"]["yaxis"]["title"]["text"] == "Processing time, ms"
    assert figure["layout"]["yaxis"]["type"] == "log"


def test_every_percentile_is_named_at_its_end_without_covering_another() -> None:
    notes = durations([], [], [0.02] * 10)["layout"]["annotations"]

    heights = [note["y"] for note in notes]
    assert [note["text"] for note in notes] == ["p50", "p95", "p99"]
    # One decade is shown: a line of text takes a tenth of the plot.
    assert min(np.diff(heights)) >= 0.1


def test_a_figure_without_any_duration_is_still_a_figure() -> None:
    assert durations([], [], [])["layout"]["annotations"] == []
