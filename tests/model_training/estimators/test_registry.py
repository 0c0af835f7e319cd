from __future__ import annotations

from typing import get_args

import pytest

from model_training.choices.estimators import EstimatorChoice, PluginChoice, Single
from model_training.estimators.registry import make


@pytest.mark.parametrize("kind", sorted({*get_args(Single)} - {PluginChoice}, key=str))
def test_an_estimator_has_every_option_of_its_choice_with_the_same_default(
    kind: type[Single],
) -> None:
    (name,) = get_args(kind.model_fields["kind"].annotation)
    choice = kind(kind=name)

    estimator = make(choice, seed=3)

    expected = choice.model_dump(exclude={"kind", *EstimatorChoice.model_fields})
    given, alone = (
        {name: value for name, value in one.get_params().items() if name not in ("seed", "inputs")}
        for one in (estimator, type(estimator)())
    )
    assert given == alone == expected
    assert estimator.get_params().get("seed", 3) == 3
