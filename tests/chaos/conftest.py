"""The theatre of the rounds of faults, and how many rounds are played."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chaos.theatre import Theatre, opened_theatre


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with opened_theatre(tmp_path_factory.mktemp("theatre")) as opened:
        yield opened


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        first = metafunc.config.getoption("--chaos-seed")
        seeds = range(first, first + metafunc.config.getoption("--chaos-rounds"))
        metafunc.parametrize("seed", seeds, ids=[f"seed {seed}" for seed in seeds])
