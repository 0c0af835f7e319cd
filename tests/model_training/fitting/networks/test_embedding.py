from __future__ import annotations

import subprocess
import sys

import numpy as np
from numpy.typing import NDArray

from model_training.features import Integers
from model_training.fitting.networks.embedding import EPOCHS, NO_NODE, embed, walk
from model_training.fitting.networks.network import Network


def paths() -> Integers:
    """Return walks within two rings of ten nodes that no edge joins."""
    ring = np.array([[node, (node + 1) % 10] for node in range(10)])
    edges = np.sort(np.concatenate([ring, ring + 10]), axis=1)
    network = Network(20, edges, np.full(20, 0.9))
    return walk(network, length=10, walks=20, p=1, q=1, rng=np.random.default_rng(0))


def embedded(walks: Integers, seed: int = 0) -> NDArray[np.float32]:
    return embed(walks, 20, dimensions=8, window=5, batch_words=128, seed=seed, ended=lambda: None)


def cosine(places: NDArray[np.float32]) -> NDArray[np.float32]:
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    return np.asarray(unit @ unit.T, np.float32)


def test_nodes_that_walks_join_lie_closer_than_those_they_do_not() -> None:
    alike = cosine(embedded(paths()))

    within = (alike[:10, :10].sum() - 10) / 90
    assert within > alike[:10, 10:].mean() + 0.2


def test_the_same_walks_and_seed_give_the_same_bytes() -> None:
    walks = paths()

    assert embedded(walks).tobytes() == embedded(walks).tobytes()
    assert embedded(walks).tobytes() != embedded(walks, seed=1).tobytes()


def test_another_process_with_another_hash_seed_gives_the_same_bytes() -> None:
    script = (
        "import zlib, numpy as np\n"
        "from model_training.fitting.networks.embedding import embed\n"
        "walks = np.arange(40).reshape(8, 5) % 7\n"
        "places = embed(walks, 7, dimensions=4, window=3, batch_words=10, seed=3,"
        " ended=lambda: None)\n"
        "print(zlib.crc32(places.tobytes()))\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(answers) == 1


def test_every_epoch_is_told_of() -> None:
    calls: list[int] = []

    embed(
        paths(), 20, dimensions=2, window=2, batch_words=10, seed=0,
        ended=lambda: calls.append(1),
    )  # fmt: skip

    assert len(calls) == EPOCHS


def test_the_end_of_a_walk_is_no_node() -> None:
    walks = np.array([[0, 1, 0], [1, 0, 1], [2, NO_NODE, NO_NODE]])

    places = embed(walks, 3, dimensions=4, window=2, batch_words=10, seed=0, ended=lambda: None)

    assert places.shape == (3, 4)
    assert np.isfinite(places).all()
