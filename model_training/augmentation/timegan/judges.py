"""Judges of synthetic windows: small recurrent networks fitted after the fact."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model_training.augmentation.timegan.networks import Stack, random_from
from model_training.estimators.estimator import Inputs
from model_training.features import Floats
from model_training.journal import Journal
from model_training.processor import best_device, reproducible

ITERATIONS = 500
_BATCH = 128
_LEARNING_RATE = 5e-3
_LEAST_HIDDEN = 8

Loss = Callable[[Tensor, Tensor], Tensor]


def discriminative_score(
    real: Inputs, synthetic: Inputs, *, seed: int, journal: Journal, iterations: int = ITERATIONS
) -> float | None:
    """Return how well a classifier tells synthetic from real windows: |accuracy - 0.5|.

    It learns from one half of as many windows of either kind and is asked about the other.
    Range 0 to 0.5, best 0; None with fewer than two windows of a kind. Halves of windows that
    overlap in time make it look worse than it is, never better.
    """
    n = min(len(real), len(synthetic)) // 2
    if not n:
        return None
    rng = np.random.default_rng(seed)
    drawn = [kind[rng.permutation(len(kind))[: 2 * n]] for kind in (real, synthetic)]
    learned, asked = (np.concatenate([kind[half::2] for kind in drawn]) for half in (0, 1))
    is_real = np.repeat([1.0, 0.0], n).astype(np.float32)
    network = _fitted(
        learned, is_real, _telling_apart, seed=seed, journal=journal, iterations=iterations
    )
    says_real = _applied(network, asked)[:, -1, 0] > 0
    return float(abs(np.mean(says_real == is_real.astype(bool)) - 0.5))


def predictive_error(
    windows: Inputs, *, real: Inputs, seed: int, journal: Journal, iterations: int = ITERATIONS
) -> float | None:
    """Learn one step ahead from `windows`; return the mean absolute error on real ones.

    In the unit of the features, all of them weighing the same; None without real windows.
    """
    if not (len(real) and len(windows)):
        return None
    network = _fitted(
        windows[:, :-1], windows[:, 1:], functional.l1_loss,
        seed=seed, journal=journal, iterations=iterations,
    )  # fmt: skip
    return float(np.mean(np.abs(_applied(network, real[:, :-1]) - real[:, 1:])))


def _telling_apart(outputs: Tensor, is_real: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(outputs[:, -1, 0], is_real)


def _fitted(
    inputs: Inputs, targets: Inputs, loss: Loss, *, seed: int, journal: Journal, iterations: int
) -> Stack:
    outputs = targets.shape[2] if targets.ndim == 3 else 1
    network = _begun(inputs.shape[2], outputs, seed)
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


def _begun(inputs: int, outputs: int, seed: int) -> Stack:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        hidden = max(_LEAST_HIDDEN, inputs)
        return Stack(inputs, outputs, hidden=hidden, layers=1).to(best_device())


def _applied(network: Stack, inputs: Inputs) -> Floats:
    with torch.no_grad():
        outputs = network(torch.from_numpy(np.ascontiguousarray(inputs)).to(best_device()))
    return np.asarray(outputs.cpu().numpy(), float)
