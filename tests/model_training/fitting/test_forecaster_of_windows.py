"""The committed forecaster of six windows: what its windows tell of regions that differ."""

from __future__ import annotations

import numpy as np
import pytest

from model_training.artefact import artifact
from model_training.artefact.artifact import Artifact
from model_training.features import Floats
from model_training.registry import ARTIFACTS
from solar.flares import LEADS


@pytest.fixture(scope="module")
def model() -> Artifact:
    return artifact.load(ARTIFACTS / "forecaster-1.0.0")


def regions(model: Artifact, n: int = 400) -> dict[str, Floats]:
    """Draw every input of n regions between the tenths that the training rows had of it."""
    rng = np.random.default_rng(17)
    shares = model.manifest.reference.features
    return {
        name: np.quantile(np.array(shares[name].edges, float), rng.random(n))
        for name in model.feature_names
    }


def test_every_window_of_every_event_has_a_calibration_and_a_threshold(model: Artifact) -> None:
    manifest = model.manifest

    assert manifest.format == 2
    assert [target.name for target in manifest.targets] == [lead.name for lead in LEADS]
    assert sorted(one.column for one in manifest.all_targets) == list(range(24))
    assert all(0 < one.threshold < 1 for one in manifest.all_targets)


@pytest.mark.parametrize("window", ["6h", "48h"])
@pytest.mark.parametrize("event", ["C1.0", "M1.0"])
def test_six_and_48_hours_put_regions_in_another_order_than_the_day(
    model: Artifact, event: str, window: str
) -> None:
    scores = model.score(regions(model))
    names = [target.name for target in model.manifest.targets]
    day = scores.calibrated[:, model.manifest.event_names.index(event)]
    other = scores.leads[:, names.index(f"{event}/{window}")]

    first, second = (np.argsort(np.argsort(column)) for column in (day, other))

    correlation = float(np.corrcoef(first, second)[0, 1])
    assert 0.5 < correlation < 0.999


def test_parity_of_the_graph_is_within_its_limit(model: Artifact) -> None:
    assert model.manifest.parity is not None
    assert model.manifest.parity <= 1e-5
