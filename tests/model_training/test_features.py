from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_training.features import (
    HISTORY_FEATURES,
    KEYWORD_FEATURES,
    FlareHistory,
    history_features,
    kind,
    unit,
)

T = np.datetime64("2014-03-10T00:00:00", "us")


def hours(*values: float) -> np.ndarray:
    return T + (np.array(values) * 3600e6).astype("timedelta64[us]")


def flares(*rows: tuple[float, float, int]) -> FlareHistory:
    ordered = sorted(rows)
    return FlareHistory(
        hours(*(row[0] for row in ordered)),
        np.array([row[1] for row in ordered], float),
        np.array([row[2] for row in ordered], np.int64),
    )


def describe(region: int, history: FlareHistory) -> dict[str, float]:
    columns = history_features(np.array([region]), np.array([T]), history, known=np.array([True]))
    return {name: float(column[0]) for name, column in columns.items()}


def test_history_equals_hand_arithmetic() -> None:
    # C2 72 h ago, M1 12 h ago, C5 6 h ago in region 7; X1 2 h ago in region 8.
    history = flares((-72, 2e-6, 7), (-12, 1e-5, 7), (-6, 5e-6, 7), (-2, 1e-4, 8))

    found = describe(7, history)

    assert found["FLARES_C_24H"] == 2
    assert found["FLARES_M_24H"] == 1
    assert found["FLARE_INDEX_24H"] == pytest.approx(15)
    # 2 e^(-72/72) + 10 e^(-12/72) + 5 e^(-6/72) = 0.7358 + 8.4648 + 4.6002
    assert found["FLARE_INDEX_DECAYED"] == pytest.approx(13.8008, abs=1e-4)
    assert found["HOURS_SINCE_C"] == 6
    assert found["HOURS_SINCE_M"] == 12
    assert found["HOURS_SINCE_X"] == 27 * 24
    assert found["DISK_FLARES_C_24H"] == 3
    assert found["DISK_FLARES_M_24H"] == 2


def test_the_disk_is_counted_over_three_and_27_days_whatever_the_region() -> None:
    # M1 28 d ago, M2 26 d ago, C3 4 d ago of nobody, M1 71 h ago, X1 an hour ago.
    history = flares(
        (-672, 1e-5, 7), (-624, 2e-5, 8), (-96, 3e-6, 0), (-71, 1e-5, 9), (-1, 1e-4, 0)
    )

    found = describe(7, history)

    assert found["DISK_FLARES_M_3D"] == 2
    assert found["DISK_FLARES_M_27D"] == 3
    assert found["DISK_FLARES_C_27D"] == 4


def test_a_flare_that_peaks_at_t_is_not_yet_known() -> None:
    found = describe(7, flares((0, 1e-5, 7)))

    assert found["FLARES_C_24H"] == 0
    assert found["DISK_FLARES_C_24H"] == 0
    assert found["HOURS_SINCE_M"] == 27 * 24


def test_a_flare_counts_from_when_it_is_known_and_its_age_from_its_peak() -> None:
    # An M1 that ends an hour after t, a C5 that ends at t, and a C2 that ended before.
    history = flares((-3, 1e-5, 7), (-2, 5e-6, 7), (-1, 2e-6, 7))

    found = describe(7, replace(history, known_at=hours(1, 0, -0.5)))

    assert (found["FLARES_C_24H"], found["FLARES_M_24H"]) == (2, 0)
    assert (found["DISK_FLARES_C_24H"], found["DISK_FLARES_M_24H"]) == (2, 0)
    assert (found["HOURS_SINCE_C"], found["HOURS_SINCE_M"]) == (1, 27 * 24)
    assert found["FLARE_INDEX_24H"] == pytest.approx(7)


def test_a_flare_known_at_its_peak_does_not_count_at_that_time() -> None:
    history = flares((0, 1e-5, 7), (-0.001, 1e-5, 7))

    found = describe(7, replace(history, known_at=history.peak_at))

    assert found["FLARES_M_24H"] == 1
    assert found == describe(7, history)


def test_the_24_hours_begin_exactly_24_hours_before() -> None:
    assert describe(7, flares((-24, 1e-5, 7)))["FLARES_M_24H"] == 1
    assert describe(7, flares((-24.001, 1e-5, 7)))["FLARES_M_24H"] == 0


def test_a_flare_without_region_counts_for_the_disk_only() -> None:
    found = describe(0, flares((-1, 1e-5, 0)))

    assert found["FLARES_M_24H"] == 0
    assert found["DISK_FLARES_M_24H"] == 1


def test_history_is_missing_where_the_flare_list_does_not_cover_t() -> None:
    columns = history_features(
        np.array([7, 7]), hours(0, 1), flares((-1, 1e-5, 7)), known=np.array([True, False])
    )

    assert all(np.isfinite(column[0]) and np.isnan(column[1]) for column in columns.values())


def test_a_count_of_the_disk_is_missing_where_the_list_does_not_reach_back_that_far() -> None:
    history = flares((-26 * 24, 1e-5, 7), (-48, 1e-5, 0), (-1, 1e-5, 7))

    columns = history_features(
        np.array([7, 7, 7]),
        np.full(3, T),
        history,
        known=np.ones(3, bool),
        listed_since=hours(-27 * 24, -27 * 24 + 1, -71),
    )

    assert columns["DISK_FLARES_M_27D"].tolist() == pytest.approx([3, np.nan, np.nan], nan_ok=True)
    assert columns["DISK_FLARES_C_27D"].tolist() == pytest.approx([3, np.nan, np.nan], nan_ok=True)
    assert columns["DISK_FLARES_M_3D"].tolist() == pytest.approx([2, 2, np.nan], nan_ok=True)
    assert columns["DISK_FLARES_M_24H"].tolist() == [1, 1, 1]
    assert columns["HOURS_SINCE_M"].tolist() == [1, 1, 1]


def test_an_empty_flare_list_means_quiet() -> None:
    found = describe(7, flares())

    assert found["FLARES_C_24H"] == 0
    assert found["HOURS_SINCE_C"] == 27 * 24


def test_no_rows_give_no_features() -> None:
    empty = np.zeros(0, np.int64)

    columns = history_features(
        empty, empty.astype("datetime64[us]"), flares((-1, 1e-5, 7)), known=empty.astype(bool)
    )

    assert {name: column.shape for name, column in columns.items()} == dict.fromkeys(
        HISTORY_FEATURES, (0,)
    )


@given(
    st.lists(
        st.tuples(
            st.integers(-40 * 24, 40 * 24), st.sampled_from([5e-7, 2e-6, 3e-5]), st.integers(-1, 3)
        ),
        max_size=20,
    ),
    st.lists(st.tuples(st.integers(-1, 3), st.integers(-40, 40)), min_size=1, max_size=5),
)
def test_rows_are_described_alike_alone_and_in_a_batch(
    events: list[tuple[int, float, int]], rows: list[tuple[int, int]]
) -> None:
    history = flares(*events)
    region = np.array([row[0] for row in rows])
    at = hours(*(24 * row[1] for row in rows))

    batch = history_features(region, at, history, known=np.ones(len(rows), bool))

    for place in range(len(rows)):
        one = slice(place, place + 1)
        alone = history_features(region[one], at[one], history, known=np.array([True]))
        for name in HISTORY_FEATURES:
            assert batch[name][place] == pytest.approx(alone[name][0])


def test_every_feature_has_a_unit_and_a_kind() -> None:
    assert {kind(name) for name in KEYWORD_FEATURES} == {"keyword"}
    assert {kind(name) for name in HISTORY_FEATURES} == {"history"}
    assert all(unit(name) for name in KEYWORD_FEATURES + HISTORY_FEATURES)
