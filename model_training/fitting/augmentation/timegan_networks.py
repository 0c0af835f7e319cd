"""The five networks of TimeGAN and their losses.

Each network is a stack of gated recurrent units and a linear layer. The weights of the losses
are those of its authors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from model_training.recipe.estimators import TimeGanConfig

# Weights of the paper's implementation; gamma there is 1 and left out here.
_RECONSTRUCTION = 10.0
_SUPERVISED = 100.0
_MOMENTS = 100.0
_SUPERVISED_IN_EMBEDDING = 0.1
# The losses of two equally many kinds add up to twice their mean.
_KINDS_OF_FAKES = 2
# Below this the discriminator is too good already to teach the generator anything.
DISCRIMINATOR_REST = 0.15


class Stack(nn.Module):
    """Recurrent layers over the steps of a window, and one output vector per step."""

    def __init__(
        self, inputs: int, outputs: int, *, hidden: int, layers: int, bidirectional: bool = False
    ) -> None:
        super().__init__()
        self.recurrent = nn.GRU(
            inputs, hidden, layers, batch_first=True, bidirectional=bidirectional
        )
        self.linear = nn.Linear(hidden * (1 + bidirectional), outputs)

    def forward(self, windows: Tensor) -> Tensor:
        """Map (n, steps, inputs) to (n, steps, outputs)."""
        states, _ = self.recurrent(windows)
        outputs: Tensor = self.linear(states)
        return outputs


class TimeGan(nn.Module):
    """The networks; windows and latent vectors are between 0 and 1.

    Reference: Yoon, Jarrett & van der Schaar 2019, Time-series Generative Adversarial
    Networks, NeurIPS 32.
    """

    def __init__(self, features: int, config: TimeGanConfig) -> None:
        super().__init__()
        width, layers = config.hidden, config.layers
        self.features = features
        self.embedder = Stack(features, width, hidden=width, layers=layers)
        self.recovery = Stack(width, features, hidden=width, layers=layers)
        self.generator = Stack(features, width, hidden=width, layers=layers)
        # One layer less, as its authors have it: it only learns one step ahead.
        self.supervisor = Stack(width, width, hidden=width, layers=max(1, layers - 1))
        self.discriminator = Stack(width, 1, hidden=width, layers=layers, bidirectional=True)

    def embed(self, windows: Tensor) -> Tensor:
        """Return the latent (n, steps, hidden) of real windows."""
        return torch.sigmoid(self.embedder(windows))

    def recover(self, latent: Tensor) -> Tensor:
        """Return the windows (n, steps, features) of a latent."""
        return torch.sigmoid(self.recovery(latent))

    def generate(self, noise: Tensor) -> Tensor:
        """Return a latent made of noise (n, steps, features)."""
        return torch.sigmoid(self.generator(noise))

    def step_ahead(self, latent: Tensor) -> Tensor:
        """Return what the latent is expected to be one step later."""
        return torch.sigmoid(self.supervisor(latent))

    def discriminate(self, latent: Tensor) -> Tensor:
        """Return the logits (n, steps, 1) that a latent is of a real window."""
        logits: Tensor = self.discriminator(latent)
        return logits


def random_from(seed: int) -> torch.Generator:
    """Return a source of random numbers that is the same on every device."""
    return torch.Generator().manual_seed(seed)


def reconstruction_loss(windows: Tensor, again: Tensor) -> Tensor:
    """The distance of the recovered windows from the embedded ones."""
    return _RECONSTRUCTION * torch.sqrt(functional.mse_loss(again, windows))


def supervised_loss(latent: Tensor, ahead: Tensor) -> Tensor:
    """The distance of each step from the one expected one step before."""
    return functional.mse_loss(ahead[:, :-1], latent[:, 1:])


def embedding_loss(windows: Tensor, again: Tensor, *, ahead: Tensor) -> Tensor:
    """The loss of embedder and recovery in the joint phase."""
    return reconstruction_loss(windows, again) + _SUPERVISED_IN_EMBEDDING * ahead


def generator_loss(scores: Tensor, *, ahead: Tensor, difference: Tensor) -> Tensor:
    """The loss of generator and supervisor: fooled scores, one step ahead, equal moments.

    `scores` are the logits of two kinds of fakes, as many of each: with the supervisor behind
    the generator and without.
    """
    fooling = _KINDS_OF_FAKES * _judgement(scores, target=1.0)
    return fooling + _SUPERVISED * torch.sqrt(ahead) + _MOMENTS * difference


def moment_loss(windows: Tensor, synthetic: Tensor) -> Tensor:
    """How far mean and deviation over the batch are apart, per step and feature."""
    deviations = [
        torch.sqrt(part.var(dim=0, unbiased=False) + 1e-6) for part in (synthetic, windows)
    ]
    apart = (deviations[0] - deviations[1]).abs().mean()
    return apart + (synthetic.mean(dim=0) - windows.mean(dim=0)).abs().mean()


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator minimises: to tell the real latents from both kinds of fakes."""
    return _judgement(real, target=1.0) + _KINDS_OF_FAKES * _judgement(fake, target=0.0)


def _judgement(logits: Tensor, *, target: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))
