from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from drawings import column, computed, random_windows
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from model_training.artefact.graph import Graph
from model_training.fitting.preparation.pipeline import Preparation, fit_preparation
from model_training.recipe.estimators import Missing, PreparationConfig, Scaling, Statistic
from solar.errors import InvalidInputError

NAN = np.nan
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)
OURS: list[Missing] = [name for name in get_args(Missing) if name != "plugin"]


def drawn(preparation: Preparation, windows: NDArray[np.float32]) -> NDArray[np.float64]:
    _, steps, features = windows.shape
    graph = Graph(steps=steps, features=features)
    like = preparation.apply(windows)
    return computed(graph, preparation.to_onnx(graph), windows, like=like)


@pytest.mark.parametrize("scaling", get_args(Scaling))
@pytest.mark.parametrize("missing", OURS)
@pytest.mark.parametrize("reads_windows", [True, False])
def test_every_preparation_draws_itself_without_a_missing_value(
    missing: Missing, scaling: Scaling, reads_windows: bool
) -> None:
    windows = random_windows(7, missing=0.05)
    config = PreparationConfig(
        missing=missing, scaling=scaling, limit_steps=3, statistics=STATISTICS
    )

    preparation = fit_preparation(config, windows, reads_windows=reads_windows, takes_missing=False)
    prepared = preparation.apply(windows)

    assert prepared.dtype == np.float32
    assert prepared.shape[-1] == len(preparation.names(["A", "B", "C"]))
    assert np.isfinite(prepared).all()
    size = np.maximum(1, np.abs(prepared).max(axis=0))
    assert_allclose(drawn(preparation, windows) / size, prepared / size, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("steps", [1, 6])
def test_a_point_and_a_window_are_prepared_alike_where_the_last_step_is_all_that_counts(
    steps: int,
) -> None:
    windows = random_windows(8, steps=6)[:, -steps:]

    preparation = fit_preparation(
        PreparationConfig(), windows, reads_windows=False, takes_missing=False
    )

    point = fit_preparation(
        PreparationConfig(), windows[:, -1:], reads_windows=False, takes_missing=False
    )
    assert_array_equal(preparation.apply(windows), point.apply(windows[:, -1:]))
    assert_allclose(drawn(preparation, windows), point.apply(windows[:, -1:]), atol=1e-5)


def test_learned_leaves_missing_values_to_an_estimator_that_takes_them() -> None:
    windows = random_windows(9)

    preparation = fit_preparation(
        PreparationConfig(scaling="none"), windows, reads_windows=False, takes_missing=True
    )

    assert_array_equal(preparation.apply(windows), windows[:, -1])
    assert_array_equal(drawn(preparation, windows), windows[:, -1])
    assert preparation.names(["USFLUX"]) == ("USFLUX last",)


def test_learned_flags_what_one_row_misses() -> None:
    # Known at the last step: 4 and 8, so the median is 6.
    windows = np.concatenate([column(1, 4), column(2, 8), column(5, NAN)])
    config = PreparationConfig(scaling="none")

    preparation = fit_preparation(config, windows, reads_windows=False, takes_missing=False)

    assert_array_equal(preparation.apply(windows), [[4, 0], [8, 0], [6, 1]])
    assert preparation.names(["USFLUX"]) == ("USFLUX last", "USFLUX last missing")


def test_a_fill_comes_before_the_statistics() -> None:
    windows = np.concatenate([column(2, NAN, 6), column(1, 5, NAN)])
    config = PreparationConfig(missing="linear", scaling="none", statistics=("mean", "last"))

    preparation = fit_preparation(config, windows, reads_windows=False, takes_missing=False)

    # The first becomes 2, 4, 6; the end of the second takes the 5 before it: 1, 5, 5.
    assert_allclose(preparation.apply(windows), [[4, 6], [11 / 3, 5]], rtol=1e-6)


def test_drop_keeps_rows_without_a_missing_value_where_the_estimator_looks() -> None:
    windows = np.concatenate([column(1, 2), column(NAN, 2), column(1, NAN)])

    kept = {
        statistics: fit_preparation(
            PreparationConfig(missing="drop", statistics=statistics),
            windows, reads_windows=False, takes_missing=False,
        ).rows_kept(windows).tolist()
        for statistics in (("last",), ("last", "mean"))
    }  # fmt: skip

    assert kept == {("last",): [True, True, False], ("last", "mean"): [True, False, False]}


def test_drop_learns_from_kept_rows_alone() -> None:
    # Kept are 1, 3 and 5, 7: mean 4. The 100 belongs to a row that is left out.
    windows = np.concatenate([column(1, 3), column(5, 7), column(100, NAN)])
    config = PreparationConfig(missing="drop", scaling="z-score")

    preparation = fit_preparation(config, windows, reads_windows=True, takes_missing=False)

    assert_allclose(preparation.apply(column(4, 4)), 0, atol=1e-7)


def test_all_rows_dropped_is_an_error_that_tells_the_way_out() -> None:
    with pytest.raises(InvalidInputError, match="choose another way"):
        fit_preparation(
            PreparationConfig(missing="drop"), column(NAN),
            reads_windows=True, takes_missing=False,
        )  # fmt: skip


def test_every_other_choice_keeps_every_row() -> None:
    windows = random_windows(10)

    preparation = fit_preparation(
        PreparationConfig(), windows, reads_windows=True, takes_missing=False
    )

    assert preparation.rows_kept(windows).all()


@given(seed=st.integers(0, 1000), missing=st.sampled_from(OURS))
def test_preparing_other_rows_changes_nothing_fitted(seed: int, missing: Missing) -> None:
    training = random_windows(11, rows=30, steps=4, missing=0.1)
    other = random_windows(seed, rows=12, steps=4) * np.float32(100)
    config = PreparationConfig(missing=missing, limit_steps=2, statistics=("last", "mean"))
    preparation = fit_preparation(config, training, reads_windows=False, takes_missing=False)
    before = preparation.apply(training)

    alone = np.concatenate([preparation.apply(other[[place]]) for place in range(len(other))])
    together = preparation.apply(other)

    assert_array_equal(alone, together)
    assert_array_equal(preparation.apply(training), before)


def test_a_block_of_many_rows_is_prepared_like_few() -> None:
    # More values than one block of four million.
    rng = np.random.default_rng(12)
    windows = rng.normal(size=(5000, 200, 5)).astype(np.float32)
    config = PreparationConfig(statistics=("mean",))

    preparation = fit_preparation(config, windows, reads_windows=False, takes_missing=False)

    assert_array_equal(preparation.apply(windows)[-10:], preparation.apply(windows[-10:]))
