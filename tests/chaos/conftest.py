"""The scenario of the rounds of faults, and how many rounds are run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chaos.scenario import Scenario, open_scenario

_MANY = 10


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    with open_scenario(tmp_path_factory.mktemp("scenario")) as opened:
        yield opened


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        first = metafunc.config.getoption("--chaos-seed")
        rounds = metafunc.config.getoption("--chaos-rounds")
        # One of the Lab lasts 40 s: where a few rounds are enough, it has one.
        if "lab" in metafunc.fixturenames and rounds < _MANY:
            rounds = 1
        seeds = range(first, first + rounds)
        metafunc.parametrize("seed", seeds, ids=[f"seed {seed}" for seed in seeds])
