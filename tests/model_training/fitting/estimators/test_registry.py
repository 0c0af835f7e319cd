from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import pytest

from model_training.fitting.model import estimator_class, make_estimator
from model_training.recipe.estimators import (
    EstimatorConfig,
    GradientBoostingConfig,
    PluginConfig,
    Single,
)
from solar.errors import InvalidInputError


@pytest.mark.parametrize("kind", sorted({*get_args(Single)} - {PluginConfig}, key=str))
def test_an_estimator_has_every_option_of_its_choice_with_the_same_default(
    kind: type[Single],
) -> None:
    (name,) = get_args(kind.model_fields["kind"].annotation)
    config = kind(kind=name)

    estimator = make_estimator(config, seed=3)

    expected = config.model_dump(exclude={"kind", *EstimatorConfig.model_fields})
    given, alone = (
        {
            name: value
            for name, value in one.get_params().items()
            if name not in ("seed", "inputs", "place")
        }
        for one in (estimator, type(estimator)())
    )
    assert given == alone == expected
    assert estimator.get_params().get("seed", 3) == 3


def test_a_library_that_the_system_lacks_is_named_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As LightGBM fails where there is no OpenMP.
    (tmp_path / "lightgbm.py").write_text("raise OSError('libgomp.so.1: no such file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "lightgbm", raising=False)
    monkeypatch.delitem(
        sys.modules, "model_training.fitting.estimators.boosted_trees", raising=False
    )

    with pytest.raises(InvalidInputError, match=r"libgomp\.so\.1.*apt-get install libgomp1"):
        estimator_class(GradientBoostingConfig(kind="gradient-boosting"))
