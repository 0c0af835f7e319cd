from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from app_dash.region.keyword_figures import (
    MOST_POINTS,
    KeywordLine,
    circle_figure,
    keyword_figure,
    matrix_figure,
)
from app_dash.shared.theme import LIGHT
from solar.network import Edges
from solar.sharp import BY_NAME
from solar.time import Window

NOW = datetime(2014, 3, 29, 16, 0, tzinfo=UTC)
END = np.datetime64("2014-03-29T16:00:00", "us")
TIMES = END - np.arange(10, -1, -1) * np.timedelta64(1, "h")
SHOWN = Window(NOW - timedelta(hours=10), NOW + timedelta(hours=24))
ALL_KNOWN = np.ones(11, bool)


def _line(name: str, values: np.ndarray, is_known: np.ndarray = ALL_KNOWN) -> KeywordLine:
    return KeywordLine(BY_NAME[name], TIMES, values, is_known, TIMES[np.isnan(values)])


def _traces(figure: dict, name: str) -> list[dict]:
    return [trace for trace in figure["data"] if trace.get("name") == name]


def test_a_keyword_is_drawn_in_its_display_unit() -> None:
    figure = keyword_figure(_line("TOTPOT", np.full(11, 1.86e23)), SHOWN, LIGHT)

    (line,) = _traces(figure, "TOTPOT")
    assert line["y"][0] == pytest.approx(1.86)
    assert "10²³ erg/cm" in line["hovertemplate"]


def test_a_keyword_that_was_zero_stays_zero_and_one_that_is_missing_is_empty() -> None:
    zero = keyword_figure(_line("R_VALUE", np.zeros(11)), SHOWN, LIGHT)
    missing = keyword_figure(_line("R_VALUE", np.full(11, np.nan)), SHOWN, LIGHT)

    assert _traces(zero, "R_VALUE")[0]["y"].tolist() == [0.0] * 11
    assert _traces(missing, "R_VALUE")[0]["y"].tolist() == []


def test_one_missing_value_breaks_the_line_is_hatched_and_marked_as_imputed() -> None:
    values = np.full(11, 3.0)
    values[4] = np.nan

    figure = keyword_figure(_line("R_VALUE", values), SHOWN, LIGHT)

    assert np.isnan(_traces(figure, "R_VALUE")[0]["y"]).sum() == 1
    assert len(_traces(figure, "no data")[0]["x"]) == 6
    assert _traces(figure, "imputed")[0]["marker"]["symbol"] == "circle-open"
    assert len(_traces(figure, "imputed")[0]["x"]) == 1


def test_the_dot_is_at_the_newest_known_value() -> None:
    is_known = np.arange(11) <= 6

    figure = keyword_figure(_line("R_VALUE", np.arange(11.0), is_known), SHOWN, LIGHT)

    known, later = _traces(figure, "R_VALUE")
    assert (known["y"][-1], later["y"][0]) == (6.0, 7.0)
    assert figure["data"][-1]["y"].tolist() == [6.0]


def test_a_small_picture_has_few_points() -> None:
    times = END - np.arange(2_000, -1, -1) * np.timedelta64(12, "m")
    values = np.random.default_rng(0).random(2_001)
    line = KeywordLine(BY_NAME["R_VALUE"], times, values, np.ones(2_001, bool), times[:0])

    drawn = _traces(keyword_figure(line, SHOWN, LIGHT), "R_VALUE")[0]

    assert len(drawn["x"]) <= MOST_POINTS


KEYWORDS = [BY_NAME[name] for name in ("USFLUX", "TOTPOT", "MEANSHR")]
NOW_R = np.array([[1, 0.9, -0.8], [0.9, 1, np.nan], [-0.8, np.nan, 1]])
BEFORE_R = np.array([[1, 0.4, -0.8], [0.4, 1, 0.9], [-0.8, 0.9, 1]])


def test_the_matrix_has_r_below_the_diagonal_and_its_change_above() -> None:
    cells = matrix_figure(KEYWORDS, NOW_R, BEFORE_R, LIGHT)["data"][0]

    np.testing.assert_allclose(
        cells["z"], [[np.nan, 0.5, 0.0], [0.9, np.nan, np.nan], [-0.8, np.nan, np.nan]]
    )
    assert cells["text"][1][0] == (
        "<b>TOTPOT – USFLUX</b><br>r = +0.90<br>+0.50 since the window before"
    )


def test_a_new_edge_is_thick_a_negative_one_dashed_and_one_that_is_gone_dotted() -> None:
    edges = Edges(kept=[(0, 2)], new=[(0, 1)], gone=[(1, 2)])

    figure = circle_figure(KEYWORDS, [0, 0, 1], NOW_R, edges, LIGHT)

    drawn = {t["name"]: t["line"] for t in figure["data"] if len(t["x"]) == 3 and "line" in t}
    assert drawn["positive, new"]["width"] > drawn["negative"]["width"]
    assert drawn["negative"]["dash"] == "5px,2px"
    assert drawn["no longer joined"]["color"] == LIGHT.axis


def test_every_node_is_named() -> None:
    figure = circle_figure(KEYWORDS, [0, 0, 1], NOW_R, Edges([], [], []), LIGHT)

    assert [note["text"] for note in figure["layout"]["annotations"]] == [k.name for k in KEYWORDS]
