"""The five networks of TimeGAN, each a stack of gated recurrent units and a linear layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model_training.choices.augmentation import TimeGanChoice


class Stack(nn.Module):
    """Recurrent layers over the steps of a window, and one output vector per step."""

    def __init__(
        self, inputs: int, outputs: int, *, hidden: int, layers: int, looks_both_ways: bool = False
    ) -> None:
        super().__init__()
        self.recurrent = nn.GRU(
            inputs, hidden, layers, batch_first=True, bidirectional=looks_both_ways
        )
        self.linear = nn.Linear(hidden * (1 + looks_both_ways), outputs)

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

    def __init__(self, features: int, choice: TimeGanChoice) -> None:
        super().__init__()
        width, layers = choice.hidden, choice.layers
        self.features = features
        self.embedder = Stack(features, width, hidden=width, layers=layers)
        self.recovery = Stack(width, features, hidden=width, layers=layers)
        self.generator = Stack(features, width, hidden=width, layers=layers)
        # One layer less, as its authors have it: it only learns one step ahead.
        self.supervisor = Stack(width, width, hidden=width, layers=max(1, layers - 1))
        self.discriminator = Stack(width, 1, hidden=width, layers=layers, looks_both_ways=True)

    def embed(self, windows: Tensor) -> Tensor:
        """Return the latent (n, steps, hidden) of real windows."""
        return torch.sigmoid(self.embedder(windows))

    def recover(self, latent: Tensor) -> Tensor:
        """Return the windows (n, steps, features) of a latent."""
        return torch.sigmoid(self.recovery(latent))

    def imagine(self, noise: Tensor) -> Tensor:
        """Return a latent made of noise (n, steps, features)."""
        return torch.sigmoid(self.generator(noise))

    def step_ahead(self, latent: Tensor) -> Tensor:
        """Return what the latent is expected to be one step later."""
        return torch.sigmoid(self.supervisor(latent))

    def judge(self, latent: Tensor) -> Tensor:
        """Return the logits (n, steps, 1) that a latent is of a real window."""
        logits: Tensor = self.discriminator(latent)
        return logits


def random_from(seed: int) -> torch.Generator:
    """Return a source of random numbers that is the same on every device."""
    return torch.Generator().manual_seed(seed)
