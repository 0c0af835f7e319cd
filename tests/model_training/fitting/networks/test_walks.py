from __future__ import annotations

import random
import sys

import numpy as np
import pytest
from scipy.stats import chi2
from sklearn.utils import check_random_state

from model_training.features import Floats, Integers
from model_training.fitting.networks.embedding import NO_NODE, WALKERS, walk
from model_training.fitting.networks.network import Network
from model_training.recipe.estimators import Walker

# 0-1-2 is a triangle, 3 hangs on 1, 4 is alone; weights 0-1: 0.4, 0-2: 0.8, 1-2: 0.6, 1-3: 0.2.
TINY = Network(5, np.array([[0, 1], [0, 2], [1, 2], [1, 3]]), np.array([0.4, 0.8, 0.6, 0.2]))


with_either = pytest.mark.parametrize("walker", WALKERS)


def walked(
    *,
    length: int,
    walks: int,
    p: float = 1.0,
    q: float = 1.0,
    seed: int = 0,
    walker: Walker = "numpy",
    network: Network = TINY,
) -> Integers:
    rng = np.random.default_rng(seed)
    return WALKERS[walker](network, length=length, walks=walks, p=p, q=q, rng=rng)


def shares(nodes: Integers) -> list[float]:
    return [float((nodes == node).mean()) for node in range(5)]


@with_either
def test_every_node_begins_as_many_walks(walker: Walker) -> None:
    paths = walked(length=4, walks=7, walker=walker)

    assert paths.shape == (35, 4)
    assert np.bincount(paths[:, 0]).tolist() == [7] * 5


@with_either
def test_an_isolated_node_walks_nowhere(walker: Walker) -> None:
    paths = walked(length=4, walks=3, walker=walker)

    own = paths[paths[:, 0] == 4]
    assert (own[:, 1:] == NO_NODE).all()
    assert (paths[paths[:, 0] != 4] != NO_NODE).all()


@with_either
def test_walks_follow_edges_only(walker: Walker) -> None:
    paths = walked(length=10, walks=20, walker=walker)
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


@with_either
def test_the_same_seed_walks_the_same_way(walker: Walker) -> None:
    first, second, other = (
        walked(length=6, walks=5, p=2, q=0.5, seed=seed, walker=walker) for seed in (0, 0, 1)
    )

    assert first.tolist() == second.tolist()
    assert first.tolist() != other.tolist()


def test_a_negative_correlation_is_walked_by_its_size() -> None:
    # 0.9, -0.8 and 0.7: by size 0.375, 0.333 and 0.292 (sum 2.4).
    star = Network(4, np.array([[0, 1], [0, 2], [0, 3]]), np.array([0.9, -0.8, 0.7]))

    paths = walk(star, length=2, walks=20_000, p=1, q=1, rng=np.random.default_rng(0))

    found = shares(paths[paths[:, 0] == 0][:, 1])
    assert found == pytest.approx([0, 0.375, 1 / 3, 0.2917, 0], abs=0.015)


@with_either
def test_a_network_without_edges_has_walks_of_one_node(walker: Walker) -> None:
    lonely = Network(3, np.empty((0, 2), np.int64), np.empty(0))

    paths = walked(length=3, walks=1, walker=walker, network=lonely)

    assert sorted(paths[:, 0].tolist()) == [0, 1, 2]
    assert (paths[:, 1:] == NO_NODE).all()


# Two triangles that share the edge 1-2, and 4 on a path 3-4-5: every α of the paper occurs.
KITE = Network(
    6,
    np.array([[0, 1], [0, 2], [1, 2], [1, 3], [2, 3], [3, 4], [4, 5]]),
    np.array([0.9, -0.3, 0.6, 0.2, 0.8, 0.5, 0.7]),
)


def first_steps(network: Network) -> Floats:
    """Return (n, n) probabilities of the step from v to x, in proportion to w(v, x)."""
    weights = network.adjacency().toarray()
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def later_steps(network: Network, *, p: float, q: float) -> Floats:
    """Return (n, n, n) probabilities of the step from v to x after one from t to v.

    They are in proportion to α_pq(t, x) w(v, x), where α is 1/p at distance 0 of t and x, 1 at
    distance 1 and 1/q at distance 2 (Grover & Leskovec 2016, section 3.2.2).
    """
    weights = network.adjacency().toarray()
    alpha = np.where(weights > 0, 1.0, 1 / q)
    np.fill_diagonal(alpha, 1 / p)
    chances = alpha[:, None, :] * weights[None, :, :]
    return np.asarray(chances / chances.sum(axis=2, keepdims=True))


def counted(steps: Integers, n: int) -> Integers:
    """Count the rows (m, k) of nodes in a table of k axes of n nodes."""
    counts = np.zeros((n,) * steps.shape[1], np.int64)
    np.add.at(counts, tuple(steps.T), 1)
    return counts


def p_value(counts: Integers, chances: Floats) -> float:
    """Return how likely such a deviation from the chances is, by Pearson's chi-squared test.

    The last axis holds the choices; each place on the others is a sample of its own.
    """
    totals = counts.sum(axis=-1, keepdims=True)
    expected = totals * chances
    possible = expected > 0
    assert counts[~possible].sum() == 0
    # The usual condition for the approximation by the distribution.
    assert expected[possible].min() >= 5
    deviation = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    return float(chi2.sf(deviation, possible.sum() - np.count_nonzero(totals)))


@with_either
@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.25, 4.0), (4.0, 0.5)])
def test_steps_have_the_probabilities_of_the_paper(walker: Walker, p: float, q: float) -> None:
    paths = walked(length=30, walks=150, p=p, q=q, walker=walker, network=KITE)

    begun = counted(paths[:, :2], KITE.n)
    followed = counted(np.concatenate([paths[:, at : at + 3] for at in range(28)]), KITE.n)
    # A correct walker exceeds this bound with one seed of a thousand. The 25,200 steps are enough
    # to tell p and q from values half as large again.
    assert p_value(begun, first_steps(KITE)) > 0.001
    assert p_value(followed, later_steps(KITE, p=p, q=q)) > 0.001
    assert p_value(followed, later_steps(KITE, p=1.5 * p, q=q)) < 0.001
    assert p_value(followed, later_steps(KITE, p=p, q=1.5 * q)) < 0.001


def global_state() -> tuple[object, ...]:
    """The generators that the whole process shares, and where it looks for packages."""
    return random.getstate(), str(check_random_state(None).get_state()), tuple(sys.path)


def test_the_package_leaves_the_process_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] in ("node2vec", "pkg_resources"):
            monkeypatch.delitem(sys.modules, name)
    before = global_state()

    walked(length=4, walks=2, walker="node2vec")

    assert global_state() == before
