"""Estimator configuration: every model that can be fitted, with its options and their ranges.

The preparation of inputs and the augmentation of training rows are parts of it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from model_training.recipe.config import Config, option

Missing = Literal["learned", "drop", "mean", "linear", "last", "plugin"]
Scaling = Literal["none", "z-score", "min-max", "robust", "signed-log"]
Statistic = Literal["last", "mean", "std", "weighted-mean", "first", "max", "min", "slope"]
Penalty = Literal["l2", "l1", "none"]
Solver = Literal["lbfgs", "liblinear", "sag", "saga"]
Walker = Literal["numpy", "node2vec"]
HAZARD_EDGES_HOURS = (0.0, 6.0, 12.0, 24.0, 48.0, 72.0)
_SOLVERS_OF: dict[Penalty, tuple[Solver, ...]] = {
    "l2": ("lbfgs", "liblinear", "sag", "saga"),
    "l1": ("liblinear", "saga"),
    "none": ("lbfgs", "sag", "saga"),
}


class SmoteConfig(Config):
    """Synthetic events between neighbouring events, in scaled space (Chawla et al. 2002)."""

    kind: Literal["smote"]
    neighbours: int = option(5, "events to interpolate towards", ge=2, le=20)
    share: float = option(1.0, "events per non-event after augmentation", gt=0, le=1)


class UndersampleConfig(Config):
    """Leave out non-events at random; the prior is corrected after the estimator."""

    kind: Literal["undersample"]
    share: float = option(0.5, "events per non-event that are kept", gt=0, le=1)


class TimeGanConfig(Config):
    """Synthetic event windows from a TimeGAN (Yoon et al. 2019), in scaled space."""

    kind: Literal["timegan"]
    batch: int = option(64, "windows a step", unit="windows", ge=4, le=512)
    iterations: int = option(
        2000,
        "steps of each of the three phases; 17 min on one core for windows of 60 steps and"
        " 24 features",
        ge=1,
        le=50_000,
    )
    layers: int = option(2, "recurrent layers of each network", ge=1, le=6)
    hidden: int = option(24, "width of the latent space", ge=2, le=256)
    learning_rate: float = option(1e-3, "of Adam", gt=0, le=0.1)
    share: float = option(0.5, "events per non-event after augmentation", gt=0, le=1)


Augmentation = SmoteConfig | UndersampleConfig | TimeGanConfig


class PreparationConfig(Config):
    """Steps that are fitted on training rows and become part of the graph."""

    missing: Missing = option(
        "learned",
        "learned: trees get NaN, others the training median and a flag of its own weight;"
        " drop: leave such rows out, and withhold the forecast when serving;"
        " mean: the mean of the window's known values; linear: a line between known steps;"
        " last: the known step before; plugin: what the `imputer` of another package fills in."
        " What these four cannot fill in takes the training median",
    )
    imputer: str | None = option(None, "name of the plug-in that fills missing values")
    imputer_options: dict[str, Any] = option({}, "its options")
    limit_steps: int = option(
        5, "longest gap that linear and last may bridge", unit="steps", ge=1, le=1000
    )
    scaling: Scaling = option(
        "signed-log",
        "z-score: mean 0, deviation 1; min-max: 0 to 1; robust: median 0, quartile range 1;"
        " signed-log: asinh(x / smallest tenth), then z-score; all by training rows",
    )
    statistics: tuple[Statistic, ...] = option(
        ("last",), "what estimators of one row see of a window, in this order", min_length=1
    )

    @model_validator(mode="after")
    def _an_imputer_where_one_is_asked_for(self) -> PreparationConfig:
        if (self.missing == "plugin") != (self.imputer is not None):
            raise ValueError('an imputer is named with missing = "plugin", and only then')
        return self


class RegressionOptions(Config):
    """Options of a logistic regression."""

    penalty: Penalty = option("l2", "l2 shrinks weights, l1 drops some, none does neither")
    inverse_penalty: float = option(1.0, "C: the smaller, the stronger the penalty", gt=0, le=1e6)
    solver: Solver = option("lbfgs", "l1 needs liblinear or saga; none cannot use liblinear")
    max_iterations: int = option(5000, "of the solver", ge=1, le=100_000)

    @model_validator(mode="after")
    def _solver_knows_the_penalty(self) -> RegressionOptions:
        if self.solver not in _SOLVERS_OF[self.penalty]:
            allowed = ", ".join(_SOLVERS_OF[self.penalty])
            raise ValueError(f"penalty {self.penalty} needs one of the solvers {allowed}")
        return self


class EstimatorConfig(Config):
    """The options of every estimator: its preparation, and how it balances the classes."""

    preparation: PreparationConfig = option(PreparationConfig(), "steps before the estimator")
    inputs: tuple[str, ...] | None = option(
        None, "features of the recipe that are looked at; none: all of them", min_length=1
    )
    class_weight: Literal["none", "balanced"] = option(
        "none", "balanced: both classes weigh alike in the fit; the prior is put right after it"
    )
    augmentation: Annotated[Augmentation, Field(discriminator="kind")] | None = option(
        None, "synthetic or fewer rows, in training only"
    )

    @model_validator(mode="after")
    def _one_balancing(self) -> EstimatorConfig:
        if self.class_weight == "balanced" and self.augmentation is not None:
            raise ValueError("class_weight and augmentation both balance the classes: choose one")
        return self


class LogisticRegressionConfig(EstimatorConfig, RegressionOptions):
    """Logistic regression."""

    kind: Literal["logistic-regression"]


class GradientBoostingConfig(EstimatorConfig):
    """LightGBM trees; they see the inputs unscaled and missing values as missing."""

    kind: Literal["gradient-boosting"]
    preparation: PreparationConfig = option(
        PreparationConfig(scaling="none"), "steps before the estimator"
    )
    trees: int = option(150, "number of trees", gt=0, le=5000)
    learning_rate: float = option(0.04, "weight of each tree", gt=0, le=1)
    leaves: int = option(8, "leaves of a tree", gt=1, le=256)
    rows_per_leaf: int = option(40, "fewest training rows in a leaf", unit="rows", gt=0, le=10**6)
    l2: float = option(10.0, "penalty on the value of a leaf", ge=0, le=1e9)
    features_per_tree: float = option(0.5, "share of the features a tree may use", gt=0, le=1)
    rows_per_tree: float = option(1.0, "share of the rows a tree is grown on", gt=0, le=1)
    rising: tuple[str, ...] = option(
        (),
        "features of which a higher level, in any statistic but std and slope, never lowers"
        " the forecast",
    )


class RandomForestConfig(EstimatorConfig):
    """Scikit-learn's random forest; it sees missing values as missing."""

    kind: Literal["random-forest"]
    trees: int = option(100, "number of trees", ge=1, le=1000)
    criterion: Literal["gini", "entropy"] = option(
        "gini", "impurity that a split lowers; entropy is the log loss"
    )
    depth: int = option(12, "splits above a leaf at most; 64: as good as no limit", ge=1, le=64)
    leaves: int | None = option(
        None, "leaves of a tree at most, the best splits first; none: no limit", ge=2, le=100_000
    )
    rows_per_split: int = option(
        2, "fewest training rows that are split", unit="rows", ge=2, le=10**6
    )
    rows_per_leaf: int = option(20, "fewest training rows in a leaf", unit="rows", ge=1, le=10**6)
    weight_per_leaf: float = option(
        0.0, "smallest share of the weight of all rows in a leaf", ge=0, le=0.5
    )
    least_gain: float = option(0.0, "smallest gain in impurity of a split", ge=0, le=1)
    pruning: float = option(
        0.0, "gain in impurity per leaf below which a branch is cut off again", ge=0, le=1
    )
    features_per_split: Literal["sqrt", "log2", "share"] = option(
        "sqrt", "features that a split may choose from; share: features_share of them"
    )
    features_share: float = option(1.0, "with features_per_split = share", gt=0, le=1)
    bootstrap: bool = option(True, "grow each tree on rows drawn with replacement; else on all")
    rows_per_tree: float = option(
        1.0, "rows drawn for each tree, as a share of all; with bootstrap alone", gt=0, le=1
    )

    @model_validator(mode="after")
    def _fewer_rows_are_drawn(self) -> RandomForestConfig:
        if self.rows_per_tree < 1 and not self.bootstrap:
            raise ValueError("rows_per_tree below 1 needs bootstrap = true")
        return self


class NearestNeighboursConfig(EstimatorConfig):
    """The event rate of the k nearest training rows, which are kept in the artefact."""

    kind: Literal["nearest-neighbours"]
    neighbours: int = option(
        25, "k; all rows as near as the k-th count", unit="rows", ge=1, le=1000
    )
    weights: Literal["uniform", "distance"] = option(
        "uniform", "uniform: all neighbours count alike; distance: by 1 / their distance"
    )
    metric: Literal["euclidean", "manhattan", "chebyshev", "minkowski", "cosine"] = option(
        "euclidean", "distance of two rows"
    )
    p: float = option(2.0, "exponent of the minkowski distance", ge=1, le=8)
    most_rows: int = option(
        5000,
        "training rows in the artefact at most, all events kept up to half of them: the cost of"
        " a forecast grows with them",
        unit="rows",
        ge=100,
        le=20_000,
    )


class SvmConfig(EstimatorConfig):
    """Support-vector machine; its margin becomes a probability in calibration."""

    kind: Literal["svm"]
    kernel: Literal["linear", "rbf", "poly", "sigmoid"] = option("rbf", "similarity of two rows")
    inverse_penalty: float = option(1.0, "C", gt=0, le=1000)
    gamma: float | None = option(
        None, "width of the kernel; none: 1 / (features x variance)", gt=0, le=1e6
    )
    degree: int = option(3, "of the poly kernel", ge=1, le=10)
    most_rows: int = option(
        5000,
        "training rows at most, all events kept up to half of them: the cost grows with the"
        " square of the rows",
        unit="rows",
        ge=100,
        le=50_000,
    )


class GruConfig(EstimatorConfig):
    """Gated recurrent units over the steps of a window."""

    kind: Literal["gru"]
    layers: int = option(2, "recurrent layers", ge=1, le=20)
    hidden: int = option(64, "units of a layer", ge=1, le=512)
    dropout: float = option(0.3, "share of units hidden after each layer in training", ge=0, lt=1)
    learning_rate: float = option(1e-3, "step of the optimizer", gt=0, lt=1)
    optimizer: Literal["adam", "sgd"] = option("adam", "how weights are moved")
    weight_decay: float = option(0.0, "pull of weights towards zero", ge=0, le=1)
    batch: int = option(64, "windows a step", unit="windows", ge=1, le=4096)
    epochs: int = option(20, "passes over the training windows at most", ge=1, le=1000)
    patience: int = option(
        0,
        "stop after so many epochs without a lower loss on a part of the training rows that is"
        " left out of the fit, and keep the best; 0: never",
        unit="epochs",
        ge=0,
        le=1000,
    )


class HazardConfig(EstimatorConfig):
    """Discrete-time hazard model: the first flare in five bins of the 72 hours after t."""

    kind: Literal["hazard"]
    inverse_penalty: float = option(
        0.3, "C: the smaller, the stronger the weights are shrunk", gt=0, le=1e6
    )

    @model_validator(mode="after")
    def _rows_are_as_they_are(self) -> HazardConfig:
        if self.class_weight != "none" or self.augmentation is not None:
            raise ValueError("a hazard model takes no class_weight and no augmentation")
        return self


class Node2VecConfig(EstimatorConfig, RegressionOptions):
    """Node2Vec (Grover & Leskovec 2016) on the Pearson network of samples, then regression.

    A new sample is placed at the weighted mean of its neighbours in the network.
    """

    kind: Literal["node2vec"]
    threshold: float = option(0.5, "smallest correlation that joins two samples", ge=0, le=1)
    max_neighbours: int = option(8, "most edges of a sample", ge=1, le=100)
    dimensions: int = option(32, "of the embedding", ge=1, le=512)
    walk_length: int = option(10, "steps of a walk", ge=2, le=200)
    walks: int = option(20, "walks from every sample", ge=1, le=500)
    walker: Walker = option(
        "numpy", "library that draws the walks, either with the same transition probabilities"
    )
    window: int = option(10, "steps of a walk that are neighbours", ge=1, le=50)
    batch_words: int = option(10_000, "words a batch of word2vec", ge=1, le=100_000)
    p: float = option(1.0, "above 1: walks seldom turn back", gt=0, le=100)
    q: float = option(1.0, "above 1: walks stay near; below 1: they wander", gt=0, le=100)
    most_rows: int = option(
        5000,
        "training rows in the network at most, all events kept up to half of them",
        unit="rows",
        ge=10,
        le=100_000,
    )


class _SingleInputConfig(EstimatorConfig):
    """An estimator that reads the first input as it is."""

    preparation: PreparationConfig = option(
        PreparationConfig(scaling="none"), "steps before the estimator"
    )

    @model_validator(mode="after")
    def _input_is_not_scaled(self) -> _SingleInputConfig:
        if self.preparation.scaling != "none":
            raise ValueError('reads its first input unscaled: preparation.scaling must be "none"')
        if self.preparation.missing in ("mean", "linear"):
            raise ValueError("reads its first input as it is: preparation.missing must not average")
        return self


class McIntoshPoissonConfig(_SingleInputConfig):
    """Poisson rate of flares of the McIntosh class of a region (Gallagher et al. 2002)."""

    kind: Literal["mcintosh-poisson"]
    prior_days: float = option(
        10.0, "days at the overall rate that every class starts with", unit="days", ge=0, le=36_525
    )


class ClimatologyConfig(EstimatorConfig):
    """The event rate of the training rows, always."""

    kind: Literal["climatology"]


class PersistenceConfig(_SingleInputConfig):
    """The event rates of training rows with and without such a flare in the day before."""

    kind: Literal["persistence"]


class PluginConfig(EstimatorConfig):
    """An estimator of another package."""

    kind: Literal["plugin"]
    plugin: str = Field(description="name under which the package offers it")
    options: dict[str, Any] = option({}, "its options")


Single = (
    LogisticRegressionConfig
    | GradientBoostingConfig
    | RandomForestConfig
    | SvmConfig
    | NearestNeighboursConfig
    | GruConfig
    | HazardConfig
    | Node2VecConfig
    | McIntoshPoissonConfig
    | ClimatologyConfig
    | PersistenceConfig
    | PluginConfig
)
Member = Annotated[Single, Field(discriminator="kind")]


class BlendConfig(Config):
    """The weighted mean of the probabilities of its members."""

    kind: Literal["blend"]
    members: tuple[Member, ...] = Field(min_length=2, description="each with its own preparation")
    weights: tuple[Annotated[float, Field(ge=0, le=1e6)], ...] | None = option(
        None, "one per member, scaled to the sum 1; none: all alike"
    )

    @model_validator(mode="after")
    def _a_weight_for_each(self) -> BlendConfig:
        if self.weights is None:
            return self
        if len(self.weights) != len(self.members):
            raise ValueError(f"{len(self.members)} members need as many weights")
        if not sum(self.weights):
            raise ValueError("one weight at least must be above 0")
        return self


AnyEstimator = Annotated[Single | BlendConfig, Field(discriminator="kind")]


def members_of(config: Single | BlendConfig) -> tuple[Single, ...]:
    """Return the members of a blend, or the one estimator that is none."""
    return config.members if isinstance(config, BlendConfig) else (config,)
