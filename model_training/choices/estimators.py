"""The choice of estimator: every model that can be fitted, with its options and their ranges."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from model_training.choices.augmentation import Augmentation
from model_training.choices.preparation import PreparationChoice
from model_training.choices.regression import RegressionOptions
from model_training.choices.strict import Choice, option


class EstimatorChoice(Choice):
    """What every estimator has: its preparation, and how it meets the rare class."""

    preparation: PreparationChoice = option(PreparationChoice(), "steps before the estimator")
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
    def _one_remedy(self) -> EstimatorChoice:
        if self.class_weight == "balanced" and self.augmentation is not None:
            raise ValueError("class_weight and augmentation both balance the classes: choose one")
        return self


class LogisticRegressionChoice(EstimatorChoice, RegressionOptions):
    """Logistic regression."""

    kind: Literal["logistic-regression"]


class GradientBoostingChoice(EstimatorChoice):
    """LightGBM trees; they see the inputs unscaled and missing values as missing."""

    kind: Literal["gradient-boosting"]
    preparation: PreparationChoice = option(
        PreparationChoice(scaling="none"), "steps before the estimator"
    )
    trees: int = option(150, "number of trees", gt=0, le=5000)
    learning_rate: float = option(0.04, "weight of each tree", gt=0, le=1)
    leaves: int = option(8, "leaves of a tree", gt=1, le=256)
    rows_per_leaf: int = option(40, "fewest training rows in a leaf", unit="rows", gt=0)
    l2: float = option(10.0, "penalty on the value of a leaf", ge=0)
    features_per_tree: float = option(0.5, "share of the features a tree may use", gt=0, le=1)
    rows_per_tree: float = option(1.0, "share of the rows a tree is grown on", gt=0, le=1)
    rising: tuple[str, ...] = option(
        (), "features of which a higher level, in any statistic but std and slope, never lowers"
        " the forecast",
    )  # fmt: skip


class SvmChoice(EstimatorChoice):
    """Support-vector machine; its margin becomes a probability in calibration."""

    kind: Literal["svm"]
    kernel: Literal["linear", "rbf", "poly", "sigmoid"] = option("rbf", "similarity of two rows")
    inverse_penalty: float = option(1.0, "C", gt=0, le=1000)
    gamma: float | None = option(None, "width of the kernel; none: 1 / (features x variance)", gt=0)
    degree: int = option(3, "of the poly kernel", ge=1, le=10)
    most_rows: int = option(
        5000, "training rows at most, all events kept up to half of them: the cost grows with the"
        " square of the rows",
        unit="rows", ge=100, le=50_000,
    )  # fmt: skip


class GruChoice(EstimatorChoice):
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
        0, "stop after so many epochs without a lower loss on a part of the training rows that is"
        " left out of the fit, and keep the best; 0: never", unit="epochs", ge=0,
    )  # fmt: skip


class Node2VecChoice(EstimatorChoice, RegressionOptions):
    """Node2Vec (Grover & Leskovec 2016) on the Pearson network of samples, then regression.

    A new sample is placed at the weighted mean of its neighbours in the network.
    """

    kind: Literal["node2vec"]
    threshold: float = option(0.5, "smallest correlation that joins two samples", ge=0, le=1)
    max_neighbours: int = option(8, "most edges of a sample", ge=1, le=100)
    dimensions: int = option(32, "of the embedding", ge=1, le=512)
    walk_length: int = option(10, "steps of a walk", ge=2, le=200)
    walks: int = option(20, "walks from every sample", ge=1, le=500)
    window: int = option(10, "steps of a walk that are neighbours", ge=1, le=50)
    batch_words: int = option(10_000, "words a batch of word2vec", ge=1, le=100_000)
    p: float = option(1.0, "above 1: walks seldom turn back", gt=0, le=100)
    q: float = option(1.0, "above 1: walks stay near; below 1: they wander", gt=0, le=100)
    most_rows: int = option(
        5000,
        "training rows in the network at most, all events kept up to half of them",
        unit="rows",
        ge=10,
    )


class _OfOneInput(EstimatorChoice):
    """An estimator that reads the first input as it is."""

    preparation: PreparationChoice = option(
        PreparationChoice(scaling="none"), "steps before the estimator"
    )

    @model_validator(mode="after")
    def _input_is_not_scaled(self) -> _OfOneInput:
        if self.preparation.scaling != "none":
            raise ValueError('reads its first input unscaled: preparation.scaling must be "none"')
        if self.preparation.missing in ("mean", "linear"):
            raise ValueError("reads its first input as it is: preparation.missing must not average")
        return self


class McIntoshPoissonChoice(_OfOneInput):
    """Poisson rate of flares of the McIntosh class of a region (Gallagher et al. 2002)."""

    kind: Literal["mcintosh-poisson"]
    prior_days: float = option(
        10.0, "days at the overall rate that every class starts with", unit="days", ge=0
    )


class ClimatologyChoice(EstimatorChoice):
    """The event rate of the training rows, always."""

    kind: Literal["climatology"]


class PersistenceChoice(_OfOneInput):
    """The event rates of training rows with and without such a flare in the day before."""

    kind: Literal["persistence"]


class PluginChoice(EstimatorChoice):
    """An estimator that another package brings."""

    kind: Literal["plugin"]
    plugin: str = Field(description="name under which the package offers it")
    options: dict[str, Any] = option({}, "its options")


Single = (
    LogisticRegressionChoice | GradientBoostingChoice | SvmChoice | GruChoice | Node2VecChoice
    | McIntoshPoissonChoice | ClimatologyChoice | PersistenceChoice | PluginChoice
)  # fmt: skip
Member = Annotated[Single, Field(discriminator="kind")]


class BlendChoice(Choice):
    """The weighted mean of the probabilities of its members."""

    kind: Literal["blend"]
    members: tuple[Member, ...] = Field(min_length=2, description="each with its own preparation")
    weights: tuple[Annotated[float, Field(ge=0)], ...] | None = option(
        None, "one per member, scaled to the sum 1; none: all alike"
    )

    @model_validator(mode="after")
    def _a_weight_for_each(self) -> BlendChoice:
        if self.weights is None:
            return self
        if len(self.weights) != len(self.members):
            raise ValueError(f"{len(self.members)} members need as many weights")
        if not sum(self.weights):
            raise ValueError("one weight at least must be above 0")
        return self


AnyEstimator = Annotated[Single | BlendChoice, Field(discriminator="kind")]


def members_of(choice: Single | BlendChoice) -> tuple[Single, ...]:
    """Return the members of a blend, or the one estimator that is none."""
    return choice.members if isinstance(choice, BlendChoice) else (choice,)
