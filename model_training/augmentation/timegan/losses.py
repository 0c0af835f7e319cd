"""The losses of TimeGAN, with the weights that its authors give them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# Weights of the paper's implementation; gamma there is 1 and left out here.
_RECONSTRUCTION = 10.0
_SUPERVISED = 100.0
_MOMENTS = 100.0
_SUPERVISED_IN_EMBEDDING = 0.1
# The losses of two equally many kinds add up to twice their mean.
_KINDS_OF_FAKES = 2
# Below this the discriminator is too good already to teach the generator anything.
DISCRIMINATOR_REST = 0.15


def reconstruction(windows: Tensor, again: Tensor) -> Tensor:
    """How far the recovered windows are from the embedded ones."""
    return _RECONSTRUCTION * torch.sqrt(functional.mse_loss(again, windows))


def supervised(latent: Tensor, ahead: Tensor) -> Tensor:
    """How far each step is from what was expected one step before."""
    return functional.mse_loss(ahead[:, :-1], latent[:, 1:])


def embedding(windows: Tensor, again: Tensor, *, ahead: Tensor) -> Tensor:
    """What the embedder and the recovery minimise in the joint phase."""
    return reconstruction(windows, again) + _SUPERVISED_IN_EMBEDDING * ahead


def generation(judged: Tensor, *, ahead: Tensor, difference: Tensor) -> Tensor:
    """What the generator and the supervisor minimise: to fool, to foresee, to be alike.

    `judged` are the logits of two kinds of fakes, as many of each: with the supervisor behind
    the generator and without.
    """
    fooling = _KINDS_OF_FAKES * _judgement(judged, target=1.0)
    return fooling + _SUPERVISED * torch.sqrt(ahead) + _MOMENTS * difference


def moments(windows: Tensor, made: Tensor) -> Tensor:
    """How far mean and deviation over the batch are apart, per step and feature."""
    deviations = [
        torch.sqrt(part.var(dim=0, unbiased=False) + 1e-6) for part in (made, windows)
    ]  # fmt: skip
    apart = (deviations[0] - deviations[1]).abs().mean()
    return apart + (made.mean(dim=0) - windows.mean(dim=0)).abs().mean()


def discrimination(real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator minimises: to tell the real latents from both kinds of fakes."""
    return _judgement(real, target=1.0) + _KINDS_OF_FAKES * _judgement(fake, target=0.0)


def _judgement(logits: Tensor, *, target: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))
