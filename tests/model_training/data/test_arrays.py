from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model_training.data.loading import load
from model_training.recipe.data import WindowConfig, WindowsConfig
from solar.errors import InvalidInputError

CONFIG = WindowsConfig.model_validate(
    {
        "layout": "windows",
        "file": "set.npz",
        "windows": "X",
        "axes": ["cases", "features", "steps"],
        "features": [{"name": "USFLUX"}, {"name": "SIZE", "unit": "mm²"}],
        "cadence_hours": 0.2,
        "labels": {"M1.0": "y"},
    }
)
# Two cases of two features and three steps.
X = np.arange(12.0).reshape(2, 2, 3)
Y = np.array([0, 1])


def changed(**options: object) -> WindowsConfig:
    return WindowsConfig.model_validate(CONFIG.model_dump() | options)


def test_declared_axes_put_time_where_it_belongs(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", X=X, y=Y)

    found = load(CONFIG, tmp_path)

    assert found.windows(["USFLUX"])[:, :, 0].tolist() == [[0, 1, 2], [6, 7, 8]]
    assert found.feature("SIZE").tolist() == [5, 11]
    assert found.truth["M1.0"].tolist() == [0, 1]
    assert found.cadence_hours == 0.2


def test_the_same_set_in_another_order_of_axes_is_the_same(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", X=X.transpose(2, 0, 1), y=Y)

    found = load(changed(axes=["steps", "cases", "features"]), tmp_path)

    assert found.windows(["USFLUX"])[:, :, 0].tolist() == [[0, 1, 2], [6, 7, 8]]


def test_without_region_and_time_every_case_has_its_own(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", X=X, y=Y)

    found = load(CONFIG, tmp_path)

    assert found.region_id.tolist() == [1, 2]
    assert np.diff(found.t_rec).tolist() == [np.timedelta64(1, "h").astype("m8[us]").item()]


def test_regions_times_and_folds_come_from_their_arrays(tmp_path: Path) -> None:
    when = np.array(["2014-03-02T00:00:00Z", "2014-03-01T00:00:00Z"])
    np.savez(tmp_path / "set.npz", X=X, y=Y, ar=np.array([7, 8]), t=when, part=np.array([0, 2]))

    found = load(changed(region="ar", time="t", fold="part"), tmp_path)

    assert found.region_id.tolist() == [8, 7]
    assert found.t_rec[0] == np.datetime64("2014-03-01", "us")
    assert found.fold is not None
    assert found.fold.tolist() == [2, 0]


def test_rows_without_steps_are_cases_of_one_record(tmp_path: Path) -> None:
    when = np.array(["2014-03-01T00", "2014-03-01T01"], "datetime64[h]")
    np.savez(tmp_path / "set.npz", X=X[:, :, 0], y=Y, ar=np.array([7, 7]), t=when)
    config = changed(axes=["cases", "features"], region="ar", time="t")

    found = load(config, tmp_path, window=WindowConfig(steps=2, cadence_hours=1))

    assert found.steps.tolist() == [[-1, 0], [0, 1]]


def test_axes_in_the_wrong_order_are_noticed(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", X=X, y=Y)

    with pytest.raises(InvalidInputError, match=r"holds 3 features and 2 are declared"):
        load(changed(axes=["cases", "steps", "features"]), tmp_path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": X[0], "y": Y}, r"float64 of shape \(2, 3\), not numbers with axes cases"),
        ({"X": np.array([["a"]]), "y": Y}, "not numbers"),
        ({"X": X[:0], "y": Y[:0]}, "is empty"),
        ({"X": X}, "has no array y; it has X"),
        ({"X": X, "y": Y[:1]}, r"y has shape \(1,\); one value for each of the 2 cases"),
        ({"X": X, "y": np.array([0, 3])}, "y holds 3; truth is 1"),
        ({"X": X, "y": np.array(["no", "M1"])}, "y holds <U2; truth is 1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "set.npz", **arrays)

    with pytest.raises(InvalidInputError, match=message):
        load(CONFIG, tmp_path)


def test_object_arrays_are_refused_unopened(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", X=np.array([X, None], dtype=object), y=Y)

    with pytest.raises(InvalidInputError, match=r"object arrays are never opened here"):
        load(CONFIG, tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK broken", b"nothing at all"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "set.npz").write_bytes(content)

    with pytest.raises(InvalidInputError, match=r"set\.npz cannot be read"):
        load(CONFIG, tmp_path)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("region", np.array([1.5, 2.0]), "whole numbers are needed"),
        ("time", np.array([1.5, 2.0]), "write times as datetimes or ISO 8601"),
        ("time", np.array(["soon", "later"]), "is not a time"),
        ("time", np.array(["2014-01-01", "NaT"], "datetime64[D]"), "is empty in some rows"),
    ],
)
def test_regions_and_times_of_another_kind_are_refused(
    tmp_path: Path, name: str, values: np.ndarray, message: str
) -> None:
    np.savez(tmp_path / "set.npz", X=X, y=Y, other=values)

    with pytest.raises(InvalidInputError, match=message):
        load(changed(**{name: "other"}), tmp_path)


def test_axes_are_declared_whole() -> None:
    with pytest.raises(ValueError, match="axes are cases and features"):
        changed(axes=["cases", "steps"])


def test_labels_of_the_set_cannot_be_overridden(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", X=X, y=Y)

    with pytest.raises(InvalidInputError, match="has its own truth"):
        load(CONFIG, tmp_path, labels={"M1.0": "y"})


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_a_value_beyond_single_precision_is_refused_by_its_feature(
    tmp_path: Path, value: float
) -> None:
    windows = X.copy()
    windows[1, 0, 2] = value
    np.savez(tmp_path / "set.npz", X=windows, y=Y)

    with pytest.raises(InvalidInputError, match=r"USFLUX holds .*; write a missing value as NaN"):
        load(CONFIG, tmp_path)
