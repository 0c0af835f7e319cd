"""Learning curves from what a run has told, and the marks of runs."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from typing import Any

import pytest

from app_dash.lab.answers import Place, Run
from app_dash.lab.curves import MOST_POINTS, curve_figure, curve_groups, parts_of, read_events
from app_dash.lab.marks import doing_text, left_text, place_text, queue_name, size_text, tags_of
from app_dash.shared.theme import LIGHT
from solar.time import parse_time

NOW = parse_time("2026-11-30T08:00:00Z")


def told(place: str, step: int, of: int, **figures: Any) -> str:
    return json.dumps({"place": place, "event": "epoch", "step": step, "of": of} | figures) + "\n"


def test_steps_are_counted_by_place_and_what_is_no_step_is_left_out() -> None:
    text = (
        told("fold 2012/M1.0", 1, 2, loss=0.5, eta_seconds=3.0)
        + '{"place": "", "event": "begin"}\n[1]\n'
        + told("fold 2012/M1.0", 2, 2, loss=0.25, phase="joint")
        + told("final/M1.0", 1, 4, loss=math.nan)
        + '{"place": "final/M1.0", "event": "ep'
    )

    places = read_events(text)

    assert {place: (one.done, one.total) for place, one in places.items()} == {
        "fold 2012/M1.0": (2, 2),
        "final/M1.0": (1, 4),
    }
    assert places["fold 2012/M1.0"].curves == {"loss": {1: 0.5, 2: 0.25}}
    assert places["final/M1.0"].curves == {}
    assert (places["fold 2012/M1.0"].is_done, places["final/M1.0"].share) == (True, 0.25)


@pytest.mark.parametrize(
    ("place", "parts"),
    [
        ("fold 2012/M1.0", ("fold 2012", "M1.0")),
        ("plain-regression/final/C1.0", ("plain-regression · final", "C1.0")),
        ("M1.0/timegan/joint", ("timegan · joint", "M1.0")),
        ("", ("run", "")),
    ],
)
def test_a_place_is_split_into_part_and_event(place: str, parts: tuple[str, str]) -> None:
    assert parts_of(place) == parts


def test_the_curves_are_grouped_by_figure_and_event_with_the_current_one_marked() -> None:
    text = "".join(
        told(f"{part}/{event}", step, 9, bss=step / 10, loss=1 / step)
        for part, event in (("fold 1", "C1.0"), ("fold 1", "M1.0"), ("fold 2", "M1.0"))
        for step in range(1, 6)
    )

    groups = curve_groups(read_events(text), is_live=True)

    assert list(groups) == [("loss", "C1.0"), ("loss", "M1.0"), ("bss", "C1.0"), ("bss", "M1.0")]
    assert [curve.is_now for curve in groups["bss", "M1.0"]] == [False, True]
    assert [curve.dash for curve in groups["loss", "M1.0"]] == ["dash", "solid"]
    figure = curve_figure("loss", "epoch", groups["loss", "M1.0"], LIGHT, height=180)
    assert figure["layout"]["yaxis"]["type"] == "log"
    low, high = figure["layout"]["annotations"]
    # Both end at 0.2: one name stands above the other, a line of 13 px apart.
    assert high["yshift"] - low["yshift"] == pytest.approx(13)


def test_a_long_curve_is_thinned_but_keeps_its_end() -> None:
    n = 10 * MOST_POINTS + 1
    text = "".join(told("final", step, n, loss=1.0) for step in range(1, n + 1))

    (curve,) = curve_groups(read_events(text), is_live=False)["loss", ""]

    assert len(curve.steps) <= MOST_POINTS
    assert curve.steps[-1] == n


def test_a_loss_of_zero_has_no_logarithm() -> None:
    text = told("final", 1, 2, loss=0.0) + told("final", 2, 2, loss=0.0)
    ((_, curves),) = curve_groups(read_events(text), is_live=False).items()

    figure = curve_figure("loss", "epoch", curves, LIGHT, height=180)

    assert "type" not in figure["layout"]["yaxis"]
    assert figure["layout"]["annotations"][0]["yshift"] == 0


def test_what_a_run_does_and_where_is_written_in_words() -> None:
    helios = Place(id="W", host="helios")
    running = Run(run_id="R", state="running", worker=helios, queue="gpu.helios.0", eta_s=130)
    lost = Run(run_id="R", state="lost", doing="walk 3", restarts_at=NOW + timedelta(seconds=26))
    queued = Run(run_id="R", state="queued", position=2, reason="no worker offers gru", queue="gpu")
    stopping = running.model_copy(update={"stop_asked_at": NOW})

    assert (place_text(running), left_text(running, NOW)) == ("helios gpu 0", "2 min left")
    assert (doing_text(lost), left_text(lost, NOW)) == ("last heard: walk 3", "restarts in 26 s")
    assert doing_text(queued) == "place 2 in the line: no worker offers gru"
    assert doing_text(stopping).startswith("stopping")
    assert place_text(queued) == queue_name("gpu") == "any gpu"
    assert [size_text(n) for n in (999, 1_000, 2_345_678)] == ["999 B", "1.0 kB", "2.3 MB"]
    assert tags_of(" a, ,b ,") == ["a", "b"]
