"""Estimators: what learns the raw probability of one event, and becomes an ONNX graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import lightgbm
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import compose, helper
from onnxmltools.convert import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression

from model_training import export
from model_training.artifact import INPUT, OUTPUT
from model_training.features import Floats
from model_training.recipe import (
    BlendChoice,
    Choice,
    GradientBoostingChoice,
    LogisticRegressionChoice,
)

Matrix = NDArray[np.float32]


class Estimator(Protocol):
    """A fitted model of one event."""

    def predict(self, inputs: Matrix) -> Floats:
        """Return (n,) raw probabilities of (n, f) features, NaN = missing."""
        ...

    def to_onnx(self) -> onnx.ModelProto:
        """Return the same function as a graph with imputation inside."""
        ...


@dataclass(frozen=True)
class SignedLogRegression:
    """Logistic regression on asinh(x / scale), standardised, with missing-value flags.

    asinh is a logarithm of either sign that is linear near zero; a missing feature takes
    its training median and raises a flag that has a weight of its own.
    """

    scale: Floats
    median: Floats
    mean: Floats
    deviation: Floats
    weights: Floats
    intercept: float

    def predict(self, inputs: Matrix) -> Floats:
        score = self._design(inputs) @ self.weights + self.intercept
        return 1 / (1 + np.exp(-score))

    def to_onnx(self) -> onnx.ModelProto:
        nodes = [
            helper.make_node("IsNaN", [INPUT], ["missing"]),
            helper.make_node("Where", ["missing", "median", INPUT], ["filled"]),
            helper.make_node("Div", ["filled", "scale"], ["scaled"]),
            helper.make_node("Asinh", ["scaled"], ["logged"]),
            helper.make_node("Sub", ["logged", "mean"], ["centred"]),
            helper.make_node("Div", ["centred", "deviation"], ["standard"]),
            helper.make_node("Cast", ["missing"], ["flags"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Concat", ["standard", "flags"], ["design"], axis=1),
            helper.make_node("Gemm", ["design", "weights", "intercept"], ["score"]),
            helper.make_node("Sigmoid", ["score"], [OUTPUT]),
        ]
        constants = {
            name: np.asarray(getattr(self, name), np.float32)
            for name in ("median", "scale", "mean", "deviation")
        }
        constants["weights"] = self.weights.astype(np.float32)[:, None]
        constants["intercept"] = np.array([self.intercept], np.float32)
        return export.build(nodes, constants, shape=(len(self.scale), 1))

    def _design(self, inputs: Matrix) -> Floats:
        missing = np.isnan(inputs)
        logged = np.arcsinh(np.where(missing, self.median, inputs) / self.scale)
        return np.hstack([(logged - self.mean) / self.deviation, missing.astype(float)])


@dataclass(frozen=True)
class BoostedTrees:
    """LightGBM trees, which send missing values down a branch of their own."""

    model: lightgbm.LGBMClassifier

    def predict(self, inputs: Matrix) -> Floats:
        booster = self.model.booster_
        return np.asarray(booster.predict(inputs.astype(float)), float)

    def to_onnx(self) -> onnx.ModelProto:
        n_features = self.model.n_features_in_
        # The converter draws a random graph name unless it is given one.
        converted = convert_lightgbm(
            self.model.booster_, name="trees", zipmap=False, target_opset=15,
            initial_types=[(INPUT, FloatTensorType([None, n_features]))],
        )  # fmt: skip
        # Its output is named like ours but holds both classes.
        converted = compose.add_prefix(converted, "trees_", rename_inputs=False)
        both = converted.graph.output[-1].name
        nodes = [*converted.graph.node, helper.make_node("Gather", [both, "one"], [OUTPUT], axis=1)]
        constants = export.constants_of(converted) | {"one": np.array([1], np.int64)}
        return export.build(nodes, constants, shape=(n_features, 1))


@dataclass(frozen=True)
class Blend:
    """The mean of several models of one event."""

    members: tuple[Estimator, ...]

    def predict(self, inputs: Matrix) -> Floats:
        mean: Floats = np.mean([member.predict(inputs) for member in self.members], axis=0)
        return mean

    def to_onnx(self) -> onnx.ModelProto:
        graphs = [member.to_onnx() for member in self.members]
        n_features = graphs[0].graph.input[0].type.tensor_type.shape.dim[1].dim_value
        merged = export.merge(graphs, n_features)
        merged = compose.add_prefix(merged, "members_", rename_inputs=False)
        columns = merged.graph.output[0].name
        mean = helper.make_node("ReduceMean", [columns], [OUTPUT], axes=[1], keepdims=1)
        nodes = [*merged.graph.node, mean]
        return export.build(nodes, export.constants_of(merged), shape=(n_features, 1))


def fit(
    choice: Choice,
    inputs: Matrix,
    *,
    outcome: Floats,
    weight: Floats,
    seed: int,
) -> Estimator:
    """Fit one event on training rows: (n, f) inputs, (n,) outcome 0 or 1, (n,) weight."""
    if isinstance(choice, LogisticRegressionChoice):
        return _fit_regression(choice, inputs, outcome=outcome, weight=weight)
    if isinstance(choice, BlendChoice):
        members = (
            fit(member, inputs, outcome=outcome, weight=weight, seed=seed)
            for member in choice.members
        )
        return Blend(tuple(members))
    return _fit_trees(choice, inputs, outcome=outcome, weight=weight, seed=seed)


def _fit_regression(
    choice: LogisticRegressionChoice, inputs: Matrix, *, outcome: Floats, weight: Floats
) -> SignedLogRegression:
    known = inputs.astype(float)
    size = np.abs(np.where(known == 0, np.nan, known))
    scale = np.nanquantile(size, 0.1, axis=0)
    median = np.nanmedian(known, axis=0)
    logged = np.arcsinh(np.where(np.isnan(known), median, known) / scale)
    mean, deviation = logged.mean(axis=0), logged.std(axis=0)
    deviation[deviation == 0] = 1
    blank = SignedLogRegression(scale, median, mean, deviation, np.zeros(0), 0.0)
    # Equal under a change of seed: the solver is deterministic and starts from zero.
    model = LogisticRegression(C=choice.inverse_penalty, max_iter=5000, tol=1e-8)
    model.fit(blank._design(inputs), outcome, sample_weight=weight)
    weights, intercept = model.coef_[0].astype(float), float(model.intercept_[0])
    return SignedLogRegression(scale, median, mean, deviation, weights, intercept)


def _fit_trees(
    choice: GradientBoostingChoice, inputs: Matrix, *, outcome: Floats, weight: Floats, seed: int
) -> BoostedTrees:
    model = lightgbm.LGBMClassifier(
        n_estimators=choice.trees,
        learning_rate=choice.learning_rate,
        num_leaves=choice.leaves,
        min_child_samples=choice.rows_per_leaf,
        reg_lambda=choice.l2,
        colsample_bytree=choice.features_per_tree,
        random_state=seed,
        n_jobs=1,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
    )
    return BoostedTrees(model.fit(_coarse(inputs).astype(float), outcome, sample_weight=weight))


def _coarse(inputs: Matrix) -> Matrix:
    """Keep 15 bits of each mantissa, so that a split midway between two values is a float32.

    LightGBM splits in double precision; the exported graph compares in single, and a split
    that rounds onto a data value would send that row down the other branch.
    """
    return (inputs.view(np.uint32) & np.uint32(0xFFFFFF00)).view(np.float32)
