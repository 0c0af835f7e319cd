from __future__ import annotations

from app_dash.explore.figures import distribution_figure
from app_dash.shared.theme import DARK, LIGHT
from database.exploration.statistics import BIN_EDGES
from solar.flares import event

COUNTS = [5, 0, 120, *([0] * 24), 1]


def test_every_bin_has_a_bar_and_an_empty_one_none() -> None:
    figure = distribution_figure(event("M1.0"), COUNTS, BIN_EDGES, LIGHT)

    bars = figure["data"][0]
    assert len(COUNTS) == len(BIN_EDGES) - 1
    assert bars["y"] == [5, None, 120, *([None] * 24), 1]
    assert bars["customdata"][0] == "0 to 1 %"
    assert bars["customdata"][-1] == "95 to 100 %"


def test_the_labelled_edges_are_at_the_starts_of_their_bins() -> None:
    axis = distribution_figure(event("M1.0"), COUNTS, BIN_EDGES, LIGHT)["layout"]["xaxis"]

    # Ten bins of 1 % and eighteen of 5 %: 50 % is the 18th edge after 0, 100 % the last.
    places = dict(zip(axis["ticktext"], axis["tickvals"], strict=True))
    assert places == {"0": 0, "5": 5, "10": 10, "50": 18, "100": 28}


def test_the_colour_is_that_of_the_class_in_the_theme() -> None:
    light = distribution_figure(event("X1.0"), COUNTS, BIN_EDGES, LIGHT)
    dark = distribution_figure(event("X1.0"), COUNTS, BIN_EDGES, DARK)

    assert light["data"][0]["marker"]["color"] == LIGHT.x_mark
    assert dark["data"][0]["marker"]["color"] == DARK.x_mark


def test_no_forecast_at_all_draws_an_empty_axis() -> None:
    figure = distribution_figure(event("C1.0"), [0] * len(COUNTS), BIN_EDGES, LIGHT)

    assert set(figure["data"][0]["y"]) == {None}
    assert figure["layout"]["yaxis"]["tickvals"] == [1, 10]


def test_bars_beside_the_chosen_ones_are_pale() -> None:
    figure = distribution_figure(event("M1.0"), COUNTS, BIN_EDGES, LIGHT, chosen=(2, 4))

    opacity = figure["data"][0]["marker"]["opacity"]
    assert [index for index, value in enumerate(opacity) if value == 1] == [2, 3]


def test_without_a_choice_no_bar_is_pale() -> None:
    figure = distribution_figure(event("M1.0"), COUNTS, BIN_EDGES, LIGHT)

    assert set(figure["data"][0]["marker"]["opacity"]) == {1.0}


def test_counts_are_written_short() -> None:
    figure = distribution_figure(event("C1.0"), [2_000_000, *COUNTS[1:]], BIN_EDGES, LIGHT)

    assert figure["layout"]["yaxis"]["ticktext"] == [
        "1", "10", "100", "1k", "10k", "100k", "1M", "10M"
    ]  # fmt: skip
