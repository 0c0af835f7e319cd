"""Boosted trees: LightGBM, which sends missing values down a branch of their own."""

from __future__ import annotations

from typing import ClassVar, Self

import lightgbm
import numpy as np
from onnxmltools.convert import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from model_training.artefact.graph import Graph
from model_training.artefact.inference import INPUT
from model_training.features import Floats, Inputs
from model_training.fitting.estimators.estimator import Classifier, both_classes
from model_training.journal import Journal

# The newest set that the converter knows.
_OPSET = 15
# The statistics of a window that rise with its values.
_LEVELS = ("last", "mean", "weighted-mean", "first", "max", "min")


class BoostedTreesEstimator(Classifier):
    """Gradient boosting of small trees on one thread, so that a seed decides the result.

    `inputs` are the names of the columns, such as ``USFLUX last``; `rising` features by name.
    """

    reads_windows: ClassVar[bool] = False
    takes_missing: ClassVar[bool] = True

    def __init__(
        self,
        *,
        trees: int = 150,
        learning_rate: float = 0.04,
        leaves: int = 8,
        rows_per_leaf: int = 40,
        l2: float = 10.0,
        features_per_tree: float = 0.5,
        rows_per_tree: float = 1.0,
        rising: tuple[str, ...] = (),
        inputs: tuple[str, ...] = (),
        seed: int = 0,
    ) -> None:
        self.trees = trees
        self.learning_rate = learning_rate
        self.leaves = leaves
        self.rows_per_leaf = rows_per_leaf
        self.l2 = l2
        self.features_per_tree = features_per_tree
        self.rows_per_tree = rows_per_tree
        self.rising = rising
        self.inputs = inputs
        self.seed = seed

    def fit(
        self, X: Inputs, y: Floats, sample_weight: Floats | None = None, *, journal: Journal
    ) -> Self:
        model = lightgbm.LGBMClassifier(
            n_estimators=self.trees,
            learning_rate=self.learning_rate,
            num_leaves=self.leaves,
            min_child_samples=self.rows_per_leaf,
            reg_lambda=self.l2,
            colsample_bytree=self.features_per_tree,
            subsample=self.rows_per_tree,
            subsample_freq=int(self.rows_per_tree < 1),
            monotone_constraints=self._directions() if self.rising else None,
            random_state=self.seed,
            n_jobs=1,
            deterministic=True,
            force_row_wise=True,
            verbose=-1,
        )
        model.fit(_coarse(X).astype(float), y, sample_weight=sample_weight)
        self.booster_ = model.booster_
        return self

    def _directions(self) -> list[int]:
        """Return 1 for every input in which the forecast may only rise, 0 for the others."""
        levels = {f"{name} {level}" for name in self.rising for level in _LEVELS}
        return [int(name in levels) for name in self.inputs]

    def predict_proba(self, X: Inputs) -> Floats:
        return both_classes(np.asarray(self.booster_.predict(X.astype(float)), float))

    def to_onnx(self, graph: Graph, inputs: str) -> str:
        # The converter draws a random graph name unless it is given one.
        converted = convert_lightgbm(
            self.booster_,
            name="trees",
            zipmap=False,
            target_opset=_OPSET,
            initial_types=[(INPUT, FloatTensorType([None, self.booster_.num_feature()]))],
        )
        both = graph.absorb(converted, inputs)[-1]
        return graph.node("Gather", both, graph.constant([1]), axis=1)


def _coarse(inputs: Inputs) -> Inputs:
    """Keep 15 bits of each mantissa, so that a split midway between two values is a float32.

    LightGBM splits in double precision; the exported graph compares in single, and a split
    that rounds onto a data value would send that row down the other branch.
    """
    contiguous = np.ascontiguousarray(inputs, np.float32)
    return (contiguous.view(np.uint32) & np.uint32(0xFFFFFF00)).view(np.float32)
