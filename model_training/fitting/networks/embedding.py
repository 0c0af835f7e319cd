"""The embedding of a network by node2vec: biased random walks, then word2vec.

Nodes that share their surroundings lie close together.
"""

from __future__ import annotations

import random
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
from gensim.models import Word2Vec
from gensim.models.callbacks import CallbackAny2Vec
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from model_training.features import Floats, Integers
from model_training.fitting.networks.network import Network
from model_training.recipe.estimators import Walker

# Stands for the steps that a walk from an isolated node cannot make.
NO_NODE = -1
EPOCHS = 5
_LARGEST_SEED = 2**32


@dataclass(frozen=True)
class _Neighbourhood:
    """Neighbours (n, most) of every node with their weights; the rest is `NO_NODE` and 0.

    `pairs` are the sorted keys first * n + second of all joined nodes, in both directions.
    """

    neighbours: Integers
    weights: Floats
    pairs: Integers


def walk(
    network: Network, *, length: int, walks: int, p: float, q: float, rng: np.random.Generator
) -> Integers:
    """Walk from every node `walks` times, in random order, over `length` nodes each.

    A step from v, reached from t, goes to a neighbour x with a chance in proportion to the
    weight of (v, x) times 1/p if x is t, 1 if x is a neighbour of t, and 1/q otherwise
    (Grover & Leskovec 2016, doi:10.1145/2939672.2939754). The first step knows only weights.

    Returns
    -------
    (n * walks, length) nodes; walks from isolated nodes are the node, then `NO_NODE`
    """
    around = _neighbourhood(network)
    rounds = [
        _round(around, rng.permutation(network.n), length=length, p=p, q=q, rng=rng)
        for _ in range(walks)
    ]
    return np.concatenate(rounds)


def _neighbourhood(network: Network) -> _Neighbourhood:
    adjacency = network.adjacency()
    adjacency.sort_indices()
    degrees = np.diff(adjacency.indptr)
    row = np.repeat(np.arange(network.n), degrees)
    place = np.arange(len(row)) - np.repeat(adjacency.indptr[:-1], degrees)
    # Isolated nodes keep one empty place: a table without columns has no largest entry.
    shape = (network.n, max(1, int(degrees.max(initial=0))))
    neighbours, weights = np.full(shape, NO_NODE, np.int64), np.zeros(shape)
    neighbours[row, place], weights[row, place] = adjacency.indices, adjacency.data
    return _Neighbourhood(neighbours, weights, row * network.n + adjacency.indices)


def _round(
    around: _Neighbourhood,
    starts: Integers,
    *,
    length: int,
    p: float,
    q: float,
    rng: np.random.Generator,
) -> Integers:
    path = np.full((len(starts), length), NO_NODE, np.int64)
    path[:, 0] = starts
    able = around.neighbours[starts, 0] != NO_NODE
    moving = path[able]
    for step in range(1, length):
        current = moving[:, step - 1]
        chances = around.weights[current]
        if step > 1:
            chances = chances * _bias(around, moving[:, step - 2], current, p=p, q=q)
        moving[:, step] = around.neighbours[current, _sampled(chances, rng)]
    path[able] = moving
    return path


def _bias(
    around: _Neighbourhood, before: Integers, current: Integers, *, p: float, q: float
) -> Floats:
    options, n = around.neighbours[current], len(around.neighbours)
    keys = before[:, None] * n + options
    place = np.minimum(np.searchsorted(around.pairs, keys), len(around.pairs) - 1)
    is_near: NDArray[np.bool_] = around.pairs[place] == keys
    return np.where(options == before[:, None], 1 / p, np.where(is_near, 1.0, 1 / q))


def _sampled(chances: Floats, rng: np.random.Generator) -> Integers:
    reached = np.cumsum(chances, axis=1)
    aim = rng.random(len(chances))[:, None] * reached[:, -1:]
    sampled: Integers = np.argmax(reached > aim, axis=1)
    return sampled


def walk_with_node2vec(
    network: Network, *, length: int, walks: int, p: float, q: float, rng: np.random.Generator
) -> Integers:
    """Walk with the same chances as `walk`, but with the package node2vec, step by step.

    The package draws from the global generators of `random` and numpy: they are seeded from
    `rng`, and restored after the last walk.

    Returns
    -------
    (n * walks, length) nodes; walks from isolated nodes are the node, then `NO_NODE`
    """
    walker = _walker_of_package()
    with _global_generators_restored():
        walked = walker(
            nx.from_scipy_sparse_array(network.adjacency()),
            walk_length=length,
            num_walks=walks,
            p=p,
            q=q,
            quiet=True,
            seed=int(rng.integers(_LARGEST_SEED)),
        ).walks
    paths = np.full((len(walked), length), NO_NODE, np.int64)
    for path, names in zip(paths, walked, strict=True):
        path[: len(names)] = list(map(int, names))
    return paths


def _walker_of_package() -> Any:
    path = sys.path.copy()
    with warnings.catch_warnings():
        # pyproject.toml keeps setuptools below 81, as the warning advises.
        warnings.filterwarnings("ignore", "pkg_resources is deprecated as an API", UserWarning)
        # Imported when chosen: it takes half a second, and most runs do without it.
        from node2vec import Node2Vec
    # pkg_resources appends the packages that setuptools carries, in other versions than ours.
    sys.path[:] = path
    return Node2Vec


@contextmanager
def _global_generators_restored() -> Iterator[None]:
    of_numpy = check_random_state(None)
    states = random.getstate(), of_numpy.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        of_numpy.set_state(states[1])


WALKERS: dict[Walker, Callable[..., Integers]] = {"numpy": walk, "node2vec": walk_with_node2vec}


class _Sentences:
    """Walks as word2vec reads them, more than once: lists of the names of nodes."""

    def __init__(self, walks: Integers, n: int) -> None:
        self._walks, self._names = walks, [str(node) for node in range(n)]

    def __iter__(self) -> Iterator[list[str]]:
        for path in self._walks:
            yield [self._names[node] for node in path.tolist() if node != NO_NODE]


class _Epochs(CallbackAny2Vec):
    """Reports the end of every epoch."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def on_epoch_end(self, _model: Word2Vec) -> None:
        self._ended()


def embed(
    walks: Integers,
    n: int,
    *,
    dimensions: int,
    window: int,
    batch_words: int,
    seed: int,
    ended: Callable[[], None],
) -> NDArray[np.float32]:
    """Learn (n, dimensions) places of nodes from walks that visit each of them.

    One thread and a hash of our own make the result depend on walks and seed alone.

    Parameters
    ----------
    walks : (w, length) nodes, `NO_NODE` where a walk has ended
    ended : called after each of `EPOCHS` epochs; it may raise to stop
    """
    model = Word2Vec(
        _Sentences(walks, n),
        vector_size=dimensions,
        window=window,
        batch_words=batch_words,
        sg=1,
        min_count=1,
        sample=0,
        epochs=EPOCHS,
        workers=1,
        seed=seed % _LARGEST_SEED,
        hashfxn=_hash,
        callbacks=(_Epochs(ended),),
    )
    return np.stack([model.wv[str(node)] for node in range(n)]).astype(np.float32)


def _hash(word: str) -> int:
    return zlib.crc32(word.encode())
