"""The quality of synthetic event windows: realism, usefulness and distance from copies.

Small recurrent networks, trained after the fact, measure realism and usefulness (Yoon et al.
2019). The distance to the nearest real window shows copies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from torch import Tensor
from torch.nn import functional

from model_training.features import Floats, Inputs
from model_training.fitting.augmentation.resampling import require_complete
from model_training.fitting.augmentation.timegan_networks import Stack, random_from
from model_training.fitting.estimators.device import best_device, reproducible
from model_training.journal import Journal
from solar.contingency import Contingency
from solar.probability import brier_skill

# Of real windows that were never learned from, one in a hundred is this close by chance.
_CLOSE = 0.01
ITERATIONS = 500
_BATCH = 128
_LEARNING_RATE = 5e-3
_LEAST_HIDDEN = 8
_MOST_DRAWN = 200
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Nearness:
    """Distances to the nearest training window, as root mean square of the differences.

    `share_of_copies` is the share of synthetic windows that are nearer than all but 1 % of
    the real held-out ones: about 0.01 when nothing was copied, 1 when all of them were.
    """

    share_of_copies: float
    median: float
    median_of_real: float


def nearness(synthetic: Inputs, *, training: Inputs, held_out: Inputs) -> Nearness | None:
    """Compare (n, steps, features) windows of each kind; None when there is none of one kind.

    `held_out` must be of other regions than `training`: windows of one region overlap.
    """
    if not (len(synthetic) and len(training) and len(held_out)):
        return None
    synthetic_distances, real = (_distances(windows, training) for windows in (synthetic, held_out))
    return Nearness(
        share_of_copies=float(np.mean(synthetic_distances <= np.quantile(real, _CLOSE))),
        median=float(np.median(synthetic_distances)),
        median_of_real=float(np.median(real)),
    )


def _distances(windows: Inputs, training: Inputs) -> Floats:
    # The brute search works by blocks, so that no matrix of all pairs is ever held.
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(_flat(training))
    distance, _ = search.kneighbors(_flat(windows))
    root_mean_square: Floats = distance[:, 0] / np.sqrt(training[0].size)
    return root_mean_square


def _flat(windows: Inputs) -> Floats:
    return windows.reshape(len(windows), -1).astype(float)


def discriminative_score(
    real: Inputs, synthetic: Inputs, *, seed: int, journal: Journal, iterations: int = ITERATIONS
) -> float | None:
    """Return how well a classifier tells synthetic from real windows: |accuracy - 0.5|.

    It learns from one half of as many windows of either kind and is tested on the other.
    Range 0 to 0.5, best 0; None with fewer than two windows of a kind. Halves of windows that
    overlap in time make it look worse than it is, never better.
    """
    n = min(len(real), len(synthetic)) // 2
    if not n:
        return None
    rng = np.random.default_rng(seed)
    samples = [kind[rng.permutation(len(kind))[: 2 * n]] for kind in (real, synthetic)]
    learned, scored = (np.concatenate([kind[half::2] for kind in samples]) for half in (0, 1))
    is_real = np.repeat([1.0, 0.0], n).astype(np.float32)
    network = _trained(
        learned, is_real, _cross_entropy, seed=seed, journal=journal, iterations=iterations
    )
    is_called_real = _outputs(network, scored)[:, -1, 0] > 0
    return float(abs(np.mean(is_called_real == is_real.astype(bool)) - 0.5))


def predictive_error(
    windows: Inputs, *, real: Inputs, seed: int, journal: Journal, iterations: int = ITERATIONS
) -> float | None:
    """Learn one step ahead from `windows`; return the mean absolute error on real ones.

    In the unit of the features, all of them weighing the same; None without real windows.
    """
    if not (len(real) and len(windows)):
        return None
    network = _trained(
        windows[:, :-1],
        windows[:, 1:],
        functional.l1_loss,
        seed=seed,
        journal=journal,
        iterations=iterations,
    )
    return float(np.mean(np.abs(_outputs(network, real[:, :-1]) - real[:, 1:])))


def _cross_entropy(outputs: Tensor, is_real: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(outputs[:, -1, 0], is_real)


def _trained(
    inputs: Inputs, targets: Inputs, loss: Loss, *, seed: int, journal: Journal, iterations: int
) -> Stack:
    outputs = targets.shape[2] if targets.ndim == 3 else 1
    network = _initialised(inputs.shape[2], outputs, seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE)
    x, y = (torch.from_numpy(np.ascontiguousarray(a)).to(best_device()) for a in (inputs, targets))
    random, steps = random_from(seed), journal.steps("iteration", iterations)
    with reproducible(seed):
        for _ in range(iterations):
            journal.check()
            batch = torch.randperm(len(x), generator=random)[:_BATCH].to(best_device())
            value = loss(network(x[batch]), y[batch])
            optimizer.zero_grad()
            torch.autograd.backward(value)
            optimizer.step()
            steps.advance(loss=value.item())
    return network


def _initialised(inputs: int, outputs: int, seed: int) -> Stack:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        hidden = max(_LEAST_HIDDEN, inputs)
        return Stack(inputs, outputs, hidden=hidden, layers=1).to(best_device())


def _outputs(network: Stack, inputs: Inputs) -> Floats:
    with torch.no_grad():
        outputs = network(torch.from_numpy(np.ascontiguousarray(inputs)).to(best_device()))
    return np.asarray(outputs.cpu().numpy(), float)


@dataclass(frozen=True)
class Cases:
    """Real rows: windows (n, steps, features) without NaN, outcome (n,) 1 event or 0 none."""

    windows: Inputs
    outcome: Floats

    @property
    def events(self) -> Inputs:
        """The windows before an event."""
        events: Inputs = self.windows[self.outcome == 1]
        return events


@dataclass(frozen=True)
class Usefulness:
    """Scores, on held-out real rows, of a logistic regression of the last step of windows.

    `tss` at the event rate of the training rows as threshold, `bss` against the sample
    climatology of the held-out rows; None where undefined.
    """

    tss: float | None
    bss: float | None


@dataclass(frozen=True)
class Picture:
    """Real and synthetic events as points (n, 2) of one picture, at most `_MOST_DRAWN` of each.

    The axes are the first principal components of the real ones, which explain these shares.
    """

    explained_variance: list[float]
    real: list[list[float]]
    synthetic: list[list[float]]


def _picture(real: Inputs, synthetic: Inputs) -> Picture | None:
    if min(len(real), real[0].size if len(real) else 0) < 2 or not len(synthetic):
        return None
    pca = PCA(n_components=2, svd_solver="full").fit(_flat(real))
    some = [
        kind[np.linspace(0, len(kind) - 1, min(len(kind), _MOST_DRAWN)).astype(int)]
        for kind in (real, synthetic)
    ]
    return Picture(
        pca.explained_variance_ratio_.tolist(),
        *(np.round(pca.transform(_flat(kind)), 4).tolist() for kind in some),
    )


@dataclass(frozen=True)
class Quality:
    """The quality figures of synthetic events; a figure that cannot be computed is None.

    `discriminative_score`: 0 when a classifier cannot tell them from real ones, 0.5 when it
    always can. `predictive_error`: mean absolute error, in standard deviations of the training
    rows, of real held-out events one step ahead, learned from synthetic events; `..._of_real`
    learned from real ones. `trained_on_synthetic`: see `Usefulness`; the non-events are real
    and the prior is that of the training rows. `nearness`: see `Nearness`.
    """

    n_synthetic: int
    n_events: int
    n_held_out_events: int
    discriminative_score: float | None
    predictive_error: float | None
    predictive_error_of_real: float | None
    trained_on_synthetic: Usefulness | None
    trained_on_real: Usefulness | None
    nearness: Nearness | None
    picture: Picture | None

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON holds it."""
        return asdict(self)


def assess(
    synthetic: Inputs,
    *,
    training: Cases,
    held_out: Cases,
    seed: int,
    journal: Journal,
    iterations: int = ITERATIONS,
) -> Quality:
    """Judge synthetic events (n, steps, features) that were learned from those in `training`.

    `held_out` rows are of other regions and times; `iterations` is the patience of the judges.
    """
    for windows in (synthetic, training.windows, held_out.windows):
        require_complete(windows)
    synthetic, training, held_out = _standardised(synthetic, training, held_out)
    learned, unseen = training.events, held_out.events

    def error(name: str, windows: Inputs) -> float | None:
        part = journal.within(name)
        return predictive_error(
            windows, real=unseen, seed=seed, journal=part, iterations=iterations
        )

    return Quality(
        n_synthetic=len(synthetic),
        n_events=len(learned),
        n_held_out_events=len(unseen),
        discriminative_score=discriminative_score(
            learned,
            synthetic,
            seed=seed,
            journal=journal.within("discriminative"),
            iterations=iterations,
        ),
        predictive_error=error("predictive", synthetic),
        predictive_error_of_real=error("predictive-real", learned),
        trained_on_synthetic=_usefulness(synthetic, training, held_out),
        trained_on_real=_usefulness(learned, training, held_out),
        nearness=nearness(synthetic, training=learned, held_out=unseen),
        picture=_picture(learned, synthetic),
    )


def _standardised(
    synthetic: Inputs, training: Cases, held_out: Cases
) -> tuple[Inputs, Cases, Cases]:
    mean = training.windows.mean(axis=(0, 1), dtype=float).astype(np.float32)
    deviation = training.windows.std(axis=(0, 1), dtype=float).astype(np.float32)
    deviation[deviation == 0] = 1

    def scaled(windows: Inputs) -> Inputs:
        return np.asarray((windows - mean) / deviation, np.float32)

    return (
        scaled(synthetic),
        Cases(scaled(training.windows), training.outcome),
        Cases(scaled(held_out.windows), held_out.outcome),
    )


def _usefulness(events: Inputs, training: Cases, held_out: Cases) -> Usefulness | None:
    others = training.windows[training.outcome != 1]
    n_real = len(training.events)
    if not (n_real and len(events) and len(others) and len(held_out.outcome)):
        return None
    # However many events were made, together they weigh what the real ones do.
    weight = np.repeat([n_real / len(events), 1.0], [len(events), len(others)])
    learner = LogisticRegression(max_iter=1000).fit(
        np.concatenate([events, others])[:, -1].astype(float),
        np.repeat([1, 0], [len(events), len(others)]),
        sample_weight=weight,
    )
    probability = learner.predict_proba(held_out.windows[:, -1].astype(float))[:, 1]
    says_yes = probability >= training.outcome.mean()
    observed = held_out.outcome
    return Usefulness(
        tss=Contingency.from_forecasts(observed == 1, says_yes).tss,
        bss=brier_skill(probability, observed, reference=observed.mean()),
    )
