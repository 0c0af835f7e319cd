from __future__ import annotations

import math

import numpy as np
import pytest
from exact_scores import auc
from hypothesis import given
from hypothesis import strategies as st

from solar.contingency import SCORES, Contingency, score_arrays

# Finley's tornado forecasts of 1884. TSS and HSS2 as in the tests of nci/scores, which quote
# https://www.cawcr.gov.au/projects/verification/Finley/Finley_Tornados.html
FINLEY = Contingency(hits=28, false_alarms=72, misses=23, correct_negatives=2680)

counts = st.integers(0, 5000)
tables = st.builds(Contingency, counts, counts, counts, counts)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 2708 / 2803),
        ("precision", 28 / 100),
        ("recall", 28 / 51),
        ("far", 72 / 100),
        ("pofd", 72 / 2752),
        ("bias", 100 / 51),
        ("tss", 0.522857),  # 28/51 - 72/2752
        ("hss1", -44 / 51),
        ("hss2", 0.355325),
        ("gs", 0.216046),
        ("csi", 28 / 123),
        ("f1", 56 / 151),
        ("npv", 2680 / 2703),
        ("appss", -44 / 51),  # accuracy 2708 against 2752 of always "no"
    ],
)
def test_finleys_tornado_forecasts_have_their_published_scores(name, expected) -> None:
    assert FINLEY.scores()[name] == pytest.approx(expected, abs=1e-6)


def test_the_extremal_index_of_moswoc_is_the_one_the_scores_library_gives() -> None:
    table = Contingency(hits=106, false_alarms=102, misses=76, correct_negatives=578)

    assert table.sedi == pytest.approx(0.5952, abs=5e-5)


def test_every_score_can_be_read_as_a_property() -> None:
    assert {name: getattr(FINLEY, name) for name in SCORES} == FINLEY.scores()


def test_the_four_cells_are_counted_from_forecasts() -> None:
    observed = [1, 1, 1, 0, 0, 0, 0]
    forecast = [True, False, False, True, False, False, False]

    assert Contingency.from_forecasts(observed, forecast) == Contingency(1, 1, 2, 3)


def test_an_empty_table_has_no_defined_score() -> None:
    assert set(Contingency(0, 0, 0, 0).scores().values()) == {None}


def test_a_range_without_events_leaves_everything_that_needs_events_undefined() -> None:
    scores = Contingency(hits=0, false_alarms=4, misses=0, correct_negatives=96).scores()

    undefined = {name for name, value in scores.items() if value is None}
    assert undefined == {"recall", "bias", "tss", "hss1", "appss", "sedi"}
    assert scores["far"] == 1
    assert scores["hss2"] == 0


def test_forecasts_that_are_never_yes_leave_precision_undefined() -> None:
    scores = Contingency(hits=0, false_alarms=0, misses=5, correct_negatives=95).scores()

    assert scores["precision"] is None
    assert scores["far"] is None
    assert scores["tss"] == 0


def test_a_perfect_forecast_scores_one() -> None:
    scores = Contingency(hits=5, false_alarms=0, misses=0, correct_negatives=95).scores()

    for name in ("accuracy", "precision", "recall", "tss", "hss1", "hss2", "gs", "csi", "f1"):
        assert scores[name] == 1
    assert scores["far"] == scores["pofd"] == 0


def test_many_tables_are_scored_at_once_with_nan_for_undefined() -> None:
    scores = score_arrays((np.array([28, 0]), np.array([72, 0]), np.array([23, 0]), [2680, 0]))

    assert scores["tss"][0] == pytest.approx(FINLEY.tss)
    assert math.isnan(scores["tss"][1])


@given(tables)
def test_gilbert_follows_from_heidke(table) -> None:
    if table.gs is not None and table.hss2 is not None:
        assert table.gs == pytest.approx(table.hss2 / (2 - table.hss2), abs=1e-9)


@given(tables)
def test_the_auc_of_yes_and_no_is_half_of_tss_plus_one(table) -> None:
    cells = (table.hits, table.false_alarms, table.misses, table.correct_negatives)
    forecast, observed = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], cells, axis=0).T

    area = auc(forecast, observed)

    assert (area is None) == (table.tss is None)
    if area is not None and table.tss is not None:
        assert area == pytest.approx((table.tss + 1) / 2, abs=1e-12)


@given(tables)
def test_hss1_is_recall_times_two_minus_one_over_precision(table) -> None:
    if table.recall is not None and table.precision:
        expected = table.recall * (2 - 1 / table.precision)
        assert table.hss1 == pytest.approx(expected, abs=1e-9)


@given(tables)
def test_appleman_is_hss1_while_events_are_the_rarer_case(table) -> None:
    events = table.hits + table.misses
    if 0 < events <= table.n / 2:
        assert table.appss == pytest.approx(table.hss1, abs=1e-12)


@given(tables)
def test_precision_and_false_alarm_ratio_add_up_to_one(table) -> None:
    if table.precision is not None and table.far is not None:
        assert table.precision + table.far == pytest.approx(1)
