from __future__ import annotations

import numpy as np
import pytest

from model_training.features import Integers
from model_training.fitting.networks.embedding import NO_NODE, walk
from model_training.fitting.networks.network import Network

# 0-1-2 is a triangle, 3 hangs on 1, 4 is alone; weights 0-1: 0.4, 0-2: 0.8, 1-2: 0.6, 1-3: 0.2.
TINY = Network(5, np.array([[0, 1], [0, 2], [1, 2], [1, 3]]), np.array([0.4, 0.8, 0.6, 0.2]))


def walked(*, length: int, walks: int, p: float = 1.0, q: float = 1.0, seed: int = 0) -> Integers:
    return walk(TINY, length=length, walks=walks, p=p, q=q, rng=np.random.default_rng(seed))


def shares(nodes: Integers) -> list[float]:
    return [float((nodes == node).mean()) for node in range(5)]


def test_every_node_begins_as_many_walks() -> None:
    paths = walked(length=4, walks=7)

    assert paths.shape == (35, 4)
    assert np.bincount(paths[:, 0]).tolist() == [7] * 5


def test_an_isolated_node_walks_nowhere() -> None:
    paths = walked(length=4, walks=3)

    own = paths[paths[:, 0] == 4]
    assert (own[:, 1:] == NO_NODE).all()
    assert (paths[paths[:, 0] != 4] != NO_NODE).all()


def test_walks_follow_edges_only() -> None:
    paths = walked(length=10, walks=20)
    joined = {tuple(edge) for edge in TINY.edges.tolist()}

    moving = paths[paths[:, 0] != 4]
    steps = np.sort(np.stack([moving[:, :-1].ravel(), moving[:, 1:].ravel()], axis=1), axis=1)
    assert {tuple(step) for step in steps.tolist()} == joined


def test_the_first_step_goes_by_weight() -> None:
    paths = walked(length=2, walks=20_000)

    # From 1: 0.4, 0.6 and 0.2 of 1.2 to 0, 2 and 3.
    found = shares(paths[paths[:, 0] == 1][:, 1])
    assert found == pytest.approx([1 / 3, 0, 1 / 2, 1 / 6, 0], abs=0.015)


def test_later_steps_know_where_they_come_from() -> None:
    paths = walked(length=3, walks=40_000, p=0.5, q=4.0)

    # From 0 to 1, then: back to 0 is 0.4 / p = 0.8; 2 is a neighbour of 0: 0.6;
    # 3 is not: 0.2 / q = 0.05. Together 1.45.
    came = paths[(paths[:, 0] == 0) & (paths[:, 1] == 1)][:, 2]
    assert shares(came) == pytest.approx([0.8 / 1.45, 0, 0.6 / 1.45, 0.05 / 1.45, 0], abs=0.015)


def test_with_p_and_q_of_1_only_weights_count() -> None:
    paths = walked(length=3, walks=40_000)

    came = paths[(paths[:, 0] == 0) & (paths[:, 1] == 1)][:, 2]
    assert shares(came) == pytest.approx([1 / 3, 0, 1 / 2, 1 / 6, 0], abs=0.015)


def test_the_same_seed_walks_the_same_way() -> None:
    assert (
        walked(length=6, walks=5, p=2, q=0.5).tolist()
        == walked(length=6, walks=5, p=2, q=0.5).tolist()
    )
    assert walked(length=6, walks=5).tolist() != walked(length=6, walks=5, seed=1).tolist()


def test_a_negative_correlation_is_walked_by_its_size() -> None:
    # 0.9, -0.8 and 0.7: by size 0.375, 0.333 and 0.292 (sum 2.4).
    star = Network(4, np.array([[0, 1], [0, 2], [0, 3]]), np.array([0.9, -0.8, 0.7]))

    paths = walk(star, length=2, walks=20_000, p=1, q=1, rng=np.random.default_rng(0))

    found = shares(paths[paths[:, 0] == 0][:, 1])
    assert found == pytest.approx([0, 0.375, 1 / 3, 0.2917, 0], abs=0.015)


def test_a_network_without_edges_has_walks_of_one_node() -> None:
    lonely = Network(3, np.empty((0, 2), np.int64), np.empty(0))

    paths = walk(lonely, length=3, walks=1, p=1, q=1, rng=np.random.default_rng(0))

    assert sorted(paths[:, 0].tolist()) == [0, 1, 2]
    assert (paths[:, 1:] == NO_NODE).all()
