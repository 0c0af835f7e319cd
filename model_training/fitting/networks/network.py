"""A network: nodes counted from 0, and undirected edges that carry a correlation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from model_training.features import Floats, Integers


@dataclass(frozen=True)
class Network:
    """Nodes and the correlations that join them.

    Parameters
    ----------
    n : number of nodes; a node without an edge is isolated
    edges : (e, 2) nodes of each edge, the smaller first, no edge twice, none to itself
    correlations : (e,) Pearson r of each edge, in [-1, 1] and never 0
    """

    n: int
    edges: Integers
    correlations: Floats

    @property
    def weights(self) -> Floats:
        """How strongly each edge joins, (e,) in (0, 1]: what walks and layouts go by."""
        return np.abs(self.correlations)

    @property
    def degrees(self) -> Integers:
        """The number of edges of every node, (n,)."""
        return np.bincount(self.edges.ravel(), minlength=self.n).astype(np.int64)

    def adjacency(self) -> csr_array:
        """Return the symmetric (n, n) matrix of weights."""
        first, second = self.edges.T
        rows, columns = np.concatenate([first, second]), np.concatenate([second, first])
        weights = np.concatenate([self.weights, self.weights])
        return csr_array((weights, (rows, columns)), shape=(self.n, self.n))

    def part(self, nodes: Integers) -> Network:
        """Return the network of some nodes (in rising order), counted from 0 again."""
        place = np.full(self.n, -1, np.int64)
        place[nodes] = np.arange(len(nodes))
        edges = place[self.edges]
        kept = (edges >= 0).all(axis=1)
        return Network(len(nodes), edges[kept], self.correlations[kept])
