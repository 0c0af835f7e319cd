"""The kinds of run, and the parameters of each: what it is told beside its recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from model_training.recipe.config import Config, option

LONGEST_NAME = 80
_ID = r"^[0-9A-HJKMNP-TV-Z]{26}$"

Event = Literal["C1.0", "M1.0", "M5.0", "X1.0"]
Hours = Annotated[float, Field(gt=0, le=240)]
Keyword = Annotated[str, Field(min_length=1, max_length=64)]


class NoParameters(Config):
    """Of kinds that are told nothing."""


class DescribeParameters(Config):
    """The value that was chosen when the data set asked before."""

    answer: str | None = option(None, "of those that it offered")


class ChildParameters(Config):
    """What a run calls the data set that it makes."""

    name: str | None = option(
        None,
        "of the data set that is made; none: after the one it is made of",
        min_length=1,
        max_length=LONGEST_NAME,
    )


class AugmentParameters(ChildParameters):
    """Whether the synthetic cases are kept, and of which event they are."""

    keep: bool = option(False, "make a data set of the training cases with the synthetic ones")
    event: Event = option("M1.0", "whose synthetic cases are kept")


class EvaluateParameters(Config):
    """Which trained model is scored, and on which cases."""

    run_id: str = option(..., "of a run that trained: the last part of its address", pattern=_ID)
    on: Literal["test", "validation"] = option("test", "the cases")


class NetworkParameters(Config):
    """How samples are joined to a network, and how many of them."""

    event: Event = option("M1.0", "whose samples are told apart")
    threshold: float = option(0.5, "smallest correlation that joins two", ge=0, le=1)
    max_neighbours: int = option(8, "most edges of a sample", ge=1, le=100)
    most: int = option(2000, "samples at most, drawn at random", ge=10, le=100_000)


class ClusterParameters(Config):
    """Which cases are grouped, by which method, and how the groups are drawn."""

    samples: Literal["windows", "rows"] = option(
        "windows",
        "windows: every step of a window; rows: its statistics that the preparation names",
    )
    part: Literal["training", "all"] = option(
        "training", "the cases that are grouped: the training part of the split, or all"
    )
    method: Literal["kmeans", "hdbscan"] = option(
        "kmeans", "kmeans: so many clusters; hdbscan: dense groups, what lies between is noise"
    )
    clusters: int = option(4, "of kmeans", ge=2, le=50)
    min_cluster_size: int = option(15, "of hdbscan, in samples", ge=2, le=10_000)
    min_samples: int | None = option(
        None,
        "of hdbscan: neighbours that make a place dense; none: min_cluster_size",
        ge=1,
        le=10_000,
    )
    picture: Literal["pca", "tsne", "umap"] = option(
        "pca", "how samples become points; umap needs a worker with the extra flarewatch[analysis]"
    )
    perplexity: float = option(30.0, "of tsne: about how many neighbours count", ge=2, le=200)
    event: Event = option("M1.0", "whose share each cluster has")
    draws: int = option(
        5, "how often values are exchanged between samples, to see what chance gives", ge=1, le=20
    )
    most: int = option(5000, "samples at most, drawn at random", ge=20, le=20_000)


class ForecastParameters(Config):
    """Which keywords are forecast, how far ahead, and by what trees."""

    keywords: tuple[Keyword, ...] = option(
        (), "which are forecast; none: the keywords of the recipe", max_length=32
    )
    horizons_hours: tuple[Hours, ...] = option(
        (12.0, 24.0), "how far ahead", unit="h", min_length=1, max_length=6
    )
    trees: int = option(100, "of each quantile", ge=1, le=2000)
    learning_rate: float = option(0.05, "weight of a tree", gt=0, le=1)
    leaves: int = option(15, "of a tree at most", ge=2, le=256)
    rows_per_leaf: int = option(40, "at least", ge=1, le=10_000)
    most: int = option(20_000, "training cases at most, drawn at random", ge=100, le=10**6)


# `snapshot` has its times beside it, as the API reads them.
PARAMETERS: dict[str, type[Config]] = {
    "train": NoParameters,
    "evaluate": EvaluateParameters,
    "process": ChildParameters,
    "augment": AugmentParameters,
    "network": NetworkParameters,
    "cluster": ClusterParameters,
    "forecast": ForecastParameters,
    "audit": NoParameters,
}
KINDS = ("describe", *PARAMETERS, "snapshot")
