"""The embedding of a network: nodes that share their surroundings lie close (node2vec)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import numpy as np
from gensim.models import Word2Vec
from gensim.models.callbacks import CallbackAny2Vec
from numpy.typing import NDArray

from model_training.features import Integers
from model_training.networks.walks import NO_NODE

EPOCHS = 5
_LARGEST_SEED = 2**32


class _Sentences:
    """Walks as word2vec reads them, more than once: lists of the names of nodes."""

    def __init__(self, walks: Integers, n: int) -> None:
        self._walks, self._names = walks, [str(node) for node in range(n)]

    def __iter__(self) -> Iterator[list[str]]:
        for path in self._walks:
            yield [self._names[node] for node in path.tolist() if node != NO_NODE]


class _Epochs(CallbackAny2Vec):
    """Tells of the end of every epoch."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def on_epoch_end(self, _model: Word2Vec) -> None:
        self._ended()


def embed(
    walks: Integers, n: int, *, dimensions: int, window: int, batch_words: int, seed: int,
    ended: Callable[[], None],
) -> NDArray[np.float32]:  # fmt: skip
    """Learn (n, dimensions) places of nodes from walks that visit each of them.

    One thread and a hash of our own make the result depend on walks and seed alone.

    Parameters
    ----------
    walks : (w, length) nodes, `NO_NODE` where a walk has ended
    ended : called after each of `EPOCHS` epochs; it may raise to stop
    """
    model = Word2Vec(
        _Sentences(walks, n), vector_size=dimensions, window=window, batch_words=batch_words,
        sg=1, min_count=1, sample=0, epochs=EPOCHS, workers=1, seed=seed % _LARGEST_SEED,
        hashfxn=_hash, callbacks=(_Epochs(ended),),
    )  # fmt: skip
    return np.stack([model.wv[str(node)] for node in range(n)]).astype(np.float32)


def _hash(word: str) -> int:
    return zlib.crc32(word.encode())
