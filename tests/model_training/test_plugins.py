from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugin_package import blocks, lay_out
from synthetic_windows import recipe_of_windows, write_windows

from model_training import plugins
from model_training.__main__ import main
from model_training.recipe.recipe import Recipe
from model_training.training import PARITY_LIMIT, train
from solar.errors import ArtifactError, InvalidInputError


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site"
    folder.mkdir()
    lay_out(folder)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("quiet_sun", None)


def recipe(**changes: Any) -> Recipe:
    estimator = tomllib.loads(blocks("toml")[1])["estimator"]
    return Recipe.model_validate(recipe_of_windows(estimator | changes))


def test_the_package_of_the_page_trains_a_model_that_serves(site: Path, tmp_path: Path) -> None:
    folder = write_windows(tmp_path)

    trained = train(recipe(), folder)

    assert trained.manifest.parity <= PARITY_LIMIT
    assert trained.manifest.libraries["quiet-sun"] == "1.0"
    scores = trained.manifest.scores["validation"]["model"]["M1.0"].scores
    assert scores["auc"].value is not None
    assert scores["auc"].value > 0.8


def test_an_imputer_of_a_package_fills_what_the_training_median_would_not(
    site: Path, tmp_path: Path
) -> None:
    folder = write_windows(tmp_path, missing=0.3)
    low = train(recipe(), folder)
    usual = train(recipe(preparation={"missing": "mean", "scaling": "z-score"}), folder)

    assert low.graph != usual.graph


def test_the_command_lists_what_packages_offer(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plugins"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "imputer  quiet  quiet-sun 1.0",
        "estimator  nearest-mean  quiet-sun 1.0",
    ]


def test_an_unknown_name_is_refused_with_what_there_is(site: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"'loud' .* there are: quiet \(of quiet-sun\)"):
        plugins.load(plugins.IMPUTERS, "loud")


def test_without_any_package_the_refusal_says_so() -> None:
    with pytest.raises(InvalidInputError, match="there are: none"):
        plugins.load(plugins.ESTIMATORS, "loud")


def test_a_package_that_cannot_be_imported_is_named_with_its_error(site: Path) -> None:
    (site / "quiet_sun.py").write_text("import no_such_library")

    with pytest.raises(
        InvalidInputError,
        match=r"'quiet' of quiet-sun 1\.0 cannot be imported: ModuleNotFoundError",
    ):
        plugins.load(plugins.IMPUTERS, "quiet")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"options": {"dullness": 1}}, "'nearest-mean' do not fit: .*dullness"),
        (
            {"preparation": {"missing": "plugin", "imputer": "quiet", "imputer_options": {"q": 1}}},
            "'quiet' do not fit: .*q",
        ),
    ],
)
def test_an_option_that_a_plug_in_does_not_take_is_refused_by_name(
    site: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    folder = write_windows(tmp_path)

    with pytest.raises(InvalidInputError, match=said):
        train(recipe(**changes), folder)


def test_an_estimator_that_lacks_a_method_is_refused(site: Path, tmp_path: Path) -> None:
    (site / "quiet_sun.py").write_text(
        blocks("python")[0].replace(
            "def to_onnx(self, graph, inputs)", "def sketch(self, graph, inputs)"
        )
    )
    folder = write_windows(tmp_path)

    with pytest.raises(InvalidInputError, match="'nearest-mean' is no class with to_onnx"):
        train(recipe(), folder)


def test_an_estimator_whose_method_has_the_former_name_draw_is_trained(
    site: Path, tmp_path: Path
) -> None:
    module = site / "quiet_sun.py"
    module.write_text(blocks("python")[0].replace("def to_onnx(", "def draw("))

    assert train(recipe(), write_windows(tmp_path))


def test_a_drawing_that_is_not_the_function_never_serves(site: Path, tmp_path: Path) -> None:
    (site / "quiet_sun.py").write_text(
        blocks("python")[0].replace('graph.node("Sub", inputs', 'graph.node("Add", inputs')
    )
    folder = write_windows(tmp_path)

    with pytest.raises(ArtifactError, match=r"differs by .* a plug-in exports another function"):
        train(recipe(), folder)


def test_an_imputer_that_changes_the_shape_is_refused(site: Path, tmp_path: Path) -> None:
    (site / "quiet_sun.py").write_text(
        blocks("python")[0].replace(
            "np.where(np.isnan(windows), self.level, windows)", "windows[:, -1:]"
        )
    )
    folder = write_windows(tmp_path)

    with pytest.raises(InvalidInputError, match="leaves the rest as it is"):
        train(recipe(), folder)


def test_the_imputer_fits_the_level_that_its_option_asks_for(site: Path) -> None:
    fit = plugins.load(plugins.IMPUTERS, "quiet")
    windows = np.arange(11, dtype=np.float32).reshape(11, 1, 1)

    # The tenth percentile of 0 to 10 is 1.
    assert fit(windows, percentile=10).level.tolist() == [1.0]
