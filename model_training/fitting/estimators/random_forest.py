"""The random forest: the mean event rate of the leaves of many trees, each grown on drawn rows."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs
from model_training.fitting.estimators.estimator import Classifier
from model_training.journal import Journal
from solar.errors import InvalidInputError

# Some 35 MB of graph.
MOST_NODES = 1_000_000
_LEAF = -1


class RandomForestEstimator(Classifier):
    """Scikit-learn's random forest (Breiman 2001, doi 10.1023/A:1010933404324) on one thread.

    A missing value takes the side that lowers the impurity most, or, where none was missing in
    training, the side of more rows. Inputs want some scaling: values that differ by less than 1e-7
    are never split.
    """

    reads_windows: ClassVar[bool] = False
    takes_missing: ClassVar[bool] = True
    is_stepwise: ClassVar[bool] = True

    def __init__(
        self,
        *,
        trees: int = 100,
        criterion: Literal["gini", "entropy"] = "gini",
        depth: int = 12,
        leaves: int | None = None,
        rows_per_split: int = 2,
        rows_per_leaf: int = 20,
        weight_per_leaf: float = 0.0,
        least_gain: float = 0.0,
        pruning: float = 0.0,
        features_per_split: Literal["sqrt", "log2", "share"] = "sqrt",
        features_share: float = 1.0,
        bootstrap: bool = True,
        rows_per_tree: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.trees, self.criterion, self.depth, self.leaves = trees, criterion, depth, leaves
        self.rows_per_split, self.rows_per_leaf = rows_per_split, rows_per_leaf
        self.weight_per_leaf, self.least_gain, self.pruning = weight_per_leaf, least_gain, pruning
        self.features_per_split, self.features_share = features_per_split, features_share
        self.bootstrap, self.rows_per_tree, self.seed = bootstrap, rows_per_tree, seed

    def fit(
        self, X: Inputs, y: Floats, sample_weight: Floats | None = None, *, journal: Journal
    ) -> Self:
        """Grow tree after tree on rows (n, features), NaN = missing.

        Raises
        ------
        InvalidInputError
            When the trees become larger than a graph may be.
        """
        self.forest_ = self._unfitted()
        steps, nodes = journal.steps("tree", self.trees), 0
        for grown in range(1, self.trees + 1):
            journal.check()
            # Trees are added to those there are, and are the same as when grown all at once.
            self.forest_.set_params(n_estimators=grown)
            self.forest_.fit(X, y, sample_weight=sample_weight)
            nodes += self.forest_.estimators_[-1].tree_.node_count
            if nodes > MOST_NODES:
                raise InvalidInputError(
                    f"{grown} of {self.trees} trees have {nodes:,} nodes, and a graph holds"
                    f" {MOST_NODES:,}; choose fewer trees, a smaller depth, or a greater"
                    " rows_per_leaf"
                )
            steps.advance()
        return self

    def _unfitted(self) -> RandomForestClassifier:
        share = self.features_share
        return RandomForestClassifier(
            criterion=self.criterion,
            max_depth=self.depth,
            max_leaf_nodes=self.leaves,
            min_samples_split=self.rows_per_split,
            min_samples_leaf=self.rows_per_leaf,
            min_weight_fraction_leaf=self.weight_per_leaf,
            min_impurity_decrease=self.least_gain,
            ccp_alpha=self.pruning,
            max_features=share if self.features_per_split == "share" else self.features_per_split,
            bootstrap=self.bootstrap,
            max_samples=self.rows_per_tree if self.rows_per_tree < 1 else None,
            random_state=self.seed,
            warm_start=True,
        )

    def predict_proba(self, X: Inputs) -> Floats:
        both: Floats = self.forest_.predict_proba(np.asarray(X, np.float32))
        return both

    def to_onnx(self, graph: Graph, inputs: str) -> str:
        trees = [_attributes(one.tree_) for one in self.forest_.estimators_]
        columns = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
        tree = np.repeat(np.arange(len(trees)), [len(one["nodeids"]) for one in trees])
        is_leaf = columns.pop("is_leaf")
        events = columns.pop("events")
        return graph.node(
            "TreeEnsembleRegressor",
            inputs,
            domain="ai.onnx.ml",
            aggregate_function="AVERAGE",
            n_targets=1,
            nodes_treeids=tree.tolist(),
            nodes_modes=np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
            target_treeids=tree[is_leaf].tolist(),
            target_nodeids=columns["nodeids"][is_leaf].tolist(),
            target_ids=np.zeros(np.count_nonzero(is_leaf), int).tolist(),
            target_weights=events[is_leaf].tolist(),
            **{f"nodes_{name}": values.tolist() for name, values in columns.items()},
        )


def _attributes(tree: Any) -> dict[str, NDArray[Any]]:
    """Return the nodes of a tree of scikit-learn as ONNX wants them, and the events in each."""
    is_leaf = tree.children_left == _LEAF
    return {
        "is_leaf": is_leaf,
        "events": tree.value[:, 0, 1],
        "nodeids": np.arange(tree.node_count),
        "featureids": np.where(is_leaf, 0, tree.feature),
        "values": np.where(is_leaf, 0, _rounded_down(tree.threshold)),
        "truenodeids": np.where(is_leaf, 0, tree.children_left),
        "falsenodeids": np.where(is_leaf, 0, tree.children_right),
        "missing_value_tracks_true": np.where(is_leaf, 0, tree.missing_go_to_left),
    }


def _rounded_down(thresholds: Floats) -> NDArray[np.float32]:
    """Return the greatest float32 that is not above: no float32 input changes its side."""
    nearest = thresholds.astype(np.float32)
    lower = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > thresholds, lower, nearest)
