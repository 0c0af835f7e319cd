from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from handmade_models import HandmadeModel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_training.artefact import artifact
from model_training.artefact.inference import Raw
from model_training.training import TrainingResult
from solar.errors import ArtifactError, InvalidInputError

FULL = {
    "USFLUX": np.array([1e21, 1e23]),
    "TOTUSJH": np.array([100.0, 9000.0]),
    "MEANALP": np.array([0.01, -0.01]),
    "SHRGT45": np.array([20.0, 40.0]),
    "FLARES_C_24H": np.array([0.0, 6.0]),
    "HOURS_SINCE_C": np.array([648.0, 1.0]),
    "DISK_FLARES_C_24H": np.array([0.0, 8.0]),
}


def test_a_loaded_model_has_the_key_under_which_forecasts_are_stored(folder: Path) -> None:
    model = artifact.load(folder)

    assert model.model_id == folder.name.replace("-0.1.0", "@0.1.0")
    assert model.feature_names == tuple(FULL)


def test_a_strong_region_is_more_likely_to_flare(folder: Path) -> None:
    scores = artifact.load(folder).score(FULL)

    assert scores.calibrated[1, 0] > scores.calibrated[0, 0]
    assert scores.fallback_level.tolist() == ["full", "full"]
    assert scores.imputed_share.tolist() == [0, 0]
    assert scores.reason == [None, None]


def test_features_are_found_by_name_whatever_their_order(folder: Path) -> None:
    model = artifact.load(folder)

    straight = model.score(FULL)
    shuffled = model.score({name: FULL[name] for name in reversed(FULL)})

    assert np.array_equal(straight.raw, shuffled.raw, equal_nan=True)


def test_a_feature_that_nobody_gives_counts_as_missing(folder: Path) -> None:
    model = artifact.load(folder)
    absent = {name: column for name, column in FULL.items() if name != "MEANALP"}
    blank = FULL | {"MEANALP": np.full(2, np.nan)}

    found = model.score(absent)

    assert np.array_equal(found.raw, model.score(blank).raw, equal_nan=True)
    assert found.fallback_level.tolist() == ["partial", "partial"]
    assert found.imputed_share == pytest.approx([1 / 7, 1 / 7])


def test_a_row_without_most_keywords_gets_a_reason_instead_of_a_number(folder: Path) -> None:
    sparse = FULL | {
        name: np.array([np.nan, FULL[name][1]]) for name in ("USFLUX", "TOTUSJH", "MEANALP")
    }

    found = artifact.load(folder).score(sparse)

    assert np.isnan(found.raw[0]).all()
    assert np.isnan(found.calibrated[0]).all()
    assert found.fallback_level.tolist() == ["none", "full"]
    assert found.reason == ["3 of 4 keywords are missing", None]


def test_half_of_the_keywords_still_make_a_forecast(folder: Path) -> None:
    half = FULL | {name: np.full(2, np.nan) for name in ("USFLUX", "TOTUSJH")}

    found = artifact.load(folder).score(half)

    assert found.fallback_level.tolist() == ["partial", "partial"]
    assert np.isfinite(found.calibrated[:, 0]).all()


def test_every_event_of_the_recipe_is_forecast(folder: Path) -> None:
    model = artifact.load(folder)

    assert np.isfinite(model.score(FULL).calibrated).all()
    assert None not in model.thresholds.values()


def test_a_derived_event_follows_from_the_one_it_names(folder: Path) -> None:
    model = artifact.load(folder)
    size = model.manifest.events[2].size
    assert size is not None

    raw = model.score(FULL).raw

    spared = (1 - raw[:, 1]) ** (size.flares / size.reference_flares)
    assert raw[:, 2] == pytest.approx(1 - spared, abs=1e-6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(*[st.floats(-1e24, 1e24) | st.just(np.nan)] * 7), min_size=1))
def test_a_rarer_event_is_never_more_likely(folder: Path, rows: list[tuple[float, ...]]) -> None:
    columns = dict(zip(FULL, np.array(rows).T, strict=True))

    calibrated = artifact.load(folder).score(columns).calibrated

    forecast = ~np.isnan(calibrated[:, 0])
    assert (np.diff(calibrated[forecast], axis=1) <= 0).all()
    assert ((calibrated[forecast] >= 0) & (calibrated[forecast] <= 1)).all()


def test_no_rows_give_no_forecasts(folder: Path) -> None:
    found = artifact.load(folder).score({name: np.zeros(0) for name in FULL})

    assert found.raw.shape == (0, 3)
    assert found.reason == []


WINDOWED = HandmadeModel(
    "windowed", ("R_VALUE", "FLARES_C_24H"), np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
)
GAP = np.nan


def test_windows_are_scored_step_by_step_in_the_order_of_time(tmp_path: Path) -> None:
    model = artifact.load(WINDOWED.write(tmp_path))
    windows = np.array([[[1.0, 2.0], [3.0, 0.0], [2.0, 1.0]], [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]]])

    found = model.score({"FLARES_C_24H": windows[:, :, 1], "R_VALUE": windows[:, :, 0]})

    expected = [WINDOWED.probability(window) for window in windows]
    assert found.raw[:, 0] == pytest.approx(expected, abs=1e-6)
    assert found.fallback_level.tolist() == ["full", "full"]
    assert found.imputed_share.tolist() == [0, 0]


def test_what_is_missing_is_counted_over_all_steps_of_a_window(tmp_path: Path) -> None:
    model = artifact.load(WINDOWED.write(tmp_path))
    keyword = np.array([[GAP, 1.0, 1.0], [GAP, GAP, 1.0]])
    history = np.array([[GAP, 0.0, 0.0], [0.0, 0.0, 0.0]])

    found = model.score({"R_VALUE": keyword, "FLARES_C_24H": history})

    assert found.imputed_share == pytest.approx([2 / 6, 2 / 6])
    assert found.fallback_level.tolist() == ["partial", "none"]
    assert found.reason == [None, "2 of 3 keyword values of the window are missing"]
    assert np.isnan(found.raw[1]).all()


def test_the_manifest_says_how_much_of_a_window_may_be_missing(tmp_path: Path) -> None:
    model = artifact.load(WINDOWED.write(tmp_path, max_missing_share=0.7))

    found = model.score({"R_VALUE": np.array([[GAP, GAP, 1.0], [GAP, GAP, GAP]])})

    assert found.fallback_level.tolist() == ["partial", "none"]


@pytest.mark.parametrize("answer", [np.nan, 1.5, -0.1, np.inf])
def test_an_output_that_is_no_probability_is_a_reason_instead_of_a_number(
    tmp_path: Path, answer: float
) -> None:
    model = artifact.load(WINDOWED.write(tmp_path))
    windows = np.ones((3, 3, 2), np.float32)
    model.inference = Answering(np.array([[0.2, 0.1], [0.2, answer], [1 + 1e-7, 0.1]]))

    found = model.score_inputs(windows)

    assert found.reason == [None, "the output of the model is no probability", None]
    assert found.fallback_level.tolist() == ["full", "none", "full"]
    assert np.isnan(found.raw).all(axis=1).tolist() == [False, True, False]


class Answering:
    """Answers the same to whatever it is asked."""

    def __init__(self, probabilities: np.ndarray) -> None:
        self.probabilities = probabilities

    def run(self, inputs: np.ndarray) -> Raw:
        return Raw(self.probabilities)


def test_no_windows_give_no_forecasts(tmp_path: Path) -> None:
    found = artifact.load(WINDOWED.write(tmp_path)).score({"R_VALUE": np.zeros((0, 3))})

    assert found.raw.shape == (0, 2)
    assert found.reason == []


def test_named_windows_and_stacked_inputs_are_scored_alike(tmp_path: Path) -> None:
    model = artifact.load(WINDOWED.write(tmp_path))
    windows = np.random.default_rng(1).normal(size=(4, 3, 2))

    named = model.score({"R_VALUE": windows[:, :, 0], "FLARES_C_24H": windows[:, :, 1]})

    assert np.array_equal(named.raw, model.score_inputs(windows.astype(np.float32)).raw)


@pytest.mark.parametrize("shape", [(4,), (4, 2), (4, 3, 1)])
def test_windows_of_another_length_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    model = artifact.load(WINDOWED.write(tmp_path))

    with pytest.raises(InvalidInputError, match=r"R_VALUE has the shape .* so give \(n, 3\)"):
        model.score({"R_VALUE": np.zeros(shape)})


def test_a_graph_that_takes_other_inputs_than_its_manifest_says_is_refused(tmp_path: Path) -> None:
    folder = WINDOWED.write(tmp_path, window_length=4)

    with pytest.raises(ArtifactError, match=r"inputs of shape \(3, 2\) where .* \(4, 2\)"):
        artifact.load(folder)


def test_a_changed_graph_is_refused_by_the_name_of_its_folder(folder: Path) -> None:
    with (folder / "model.onnx").open("ab") as graph:
        graph.write(b"\0")

    with pytest.raises(ArtifactError, match=rf"{folder.name}: model\.onnx is not the file"):
        artifact.load(folder)


def test_a_folder_without_its_graph_is_refused(folder: Path) -> None:
    (folder / "model.onnx").unlink()

    with pytest.raises(ArtifactError, match=rf"{folder.name}: model\.onnx cannot be read"):
        artifact.load(folder)


def test_a_manifest_that_is_not_one_is_refused(folder: Path) -> None:
    (folder / "manifest.json").write_text("{}")

    with pytest.raises(ArtifactError, match=rf"{folder.name}: manifest\.json cannot be used"):
        artifact.load(folder)


def test_serving_loads_no_training_framework() -> None:
    code = (
        "import sys, model_training.artefact.artifact, model_training.features;"
        "print([n for n in ('torch','sklearn','pandas','lightgbm','onnx') if n in sys.modules])"
    )

    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    assert found.stdout.strip() == b"[]"


def test_the_manifest_names_no_place_on_a_machine(trained: TrainingResult, world: Path) -> None:
    text = trained.manifest.model_dump_json()

    assert str(world) not in text
    assert socket.gethostname() not in text
