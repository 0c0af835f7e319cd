"""The training of TimeGAN: the embedding first, then one step ahead, then all five jointly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from model_training.augmentation.timegan import losses
from model_training.augmentation.timegan.networks import TimeGan, random_from
from model_training.choices.augmentation import TimeGanChoice
from model_training.processor import best_device

PHASES = ("embedding", "supervised", "joint")
# The generator moves twice while the discriminator moves once.
_GENERATOR_STEPS = 2


class Training:
    """The networks on their way; `phase` and `done` say how far it got.

    Parameters
    ----------
    scaled : (n, steps, features) real windows between 0 and 1
    """

    def __init__(self, scaled: Tensor, *, choice: TimeGanChoice, seed: int) -> None:
        self.choice, self.phase, self.done = choice, 0, 0
        self._task = _fingerprint(scaled, choice, seed)
        self._device = best_device()
        self._scaled = scaled.to(self._device)
        self._random = random_from(seed)
        self.networks = _begun(scaled.shape[2], choice, seed).to(self._device)
        networks = self.networks
        self._embedding = self._adam(networks.embedder, networks.recovery)
        self._generating = self._adam(networks.generator, networks.supervisor)
        self._discriminating = self._adam(networks.discriminator)

    @property
    def is_done(self) -> bool:
        """Whether all phases are over."""
        return self.phase == len(PHASES)

    def step(self) -> dict[str, float]:
        """Do one iteration of the current phase, and return its losses."""
        phases = (self._embed, self._supervise, self._play)
        figures = phases[self.phase]()
        self.done += 1
        if self.done == self.choice.iterations:
            self.phase, self.done = self.phase + 1, 0
        return figures

    def make(self, count: int) -> Tensor:
        """Draw synthetic windows (count, steps, features) between 0 and 1."""
        with torch.no_grad():
            latent = self.networks.imagine(self._noise(count))
            made = self.networks.recover(self.networks.step_ahead(latent))
        return made.cpu()

    def state(self) -> dict[str, Any]:
        """Return all that a checkpoint must hold: tensors and plain numbers."""
        return {
            "task": self._task,
            "phase": self.phase,
            "done": self.done,
            "random": self._random.get_state(),
            "networks": self.networks.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers()],
        }

    def restore(self, state: dict[str, Any]) -> bool:
        """Go on from a checkpoint; False when it is of other windows, options or seed."""
        if state["task"] != self._task:
            return False
        self.phase, self.done = state["phase"], state["done"]
        self._random.set_state(state["random"])
        self.networks.load_state_dict(state["networks"])
        for optimizer, kept in zip(self._optimizers(), state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        return True

    def _embed(self) -> dict[str, float]:
        windows = self._batch()
        loss = losses.reconstruction(windows, self._again(windows))
        return {"embedding_loss": _descend(loss, self._embedding)}

    def _supervise(self) -> dict[str, float]:
        latent = self._latent(self._batch())
        loss = losses.supervised(latent, self.networks.step_ahead(latent))
        return {"supervised_loss": _descend(loss, self._generating)}

    def _play(self) -> dict[str, float]:
        figures = {}
        for _ in range(_GENERATOR_STEPS):
            windows = self._batch()
            figures["generator_loss"] = self._generate(windows)
            figures["embedding_loss"] = self._embed_jointly(windows)
        return figures | {"discriminator_loss": self._discriminate(self._batch())}

    def _generate(self, windows: Tensor) -> float:
        networks = self.networks
        latent = self._latent(windows)
        imagined = networks.imagine(self._noise(len(windows)))
        # Kinds side by side cost one pass over the steps in place of one each.
        ahead, real_ahead = networks.step_ahead(torch.cat([imagined, latent])).chunk(2)
        judged = networks.judge(torch.cat([ahead, imagined]))
        loss = losses.generation(
            judged,
            ahead=losses.supervised(latent, real_ahead),
            difference=losses.moments(windows, networks.recover(ahead)),
        )
        return _descend(loss, self._generating)

    def _embed_jointly(self, windows: Tensor) -> float:
        latent = self.networks.embed(windows)
        ahead = losses.supervised(latent, self.networks.step_ahead(latent))
        loss = losses.embedding(windows, self.networks.recover(latent), ahead=ahead)
        return _descend(loss, self._embedding)

    def _discriminate(self, windows: Tensor) -> float:
        networks = self.networks
        latent = self._latent(windows)
        with torch.no_grad():
            imagined = networks.imagine(self._noise(len(windows)))
            ahead = networks.step_ahead(imagined)
        real, *fake = networks.judge(torch.cat([latent, ahead, imagined])).chunk(3)
        loss = losses.discrimination(real, torch.cat(fake))
        if loss.item() <= losses.DISCRIMINATOR_REST:
            return loss.item()
        return _descend(loss, self._discriminating)

    def _latent(self, windows: Tensor) -> Tensor:
        with torch.no_grad():
            return self.networks.embed(windows)

    def _again(self, windows: Tensor) -> Tensor:
        return self.networks.recover(self.networks.embed(windows))

    def _batch(self) -> Tensor:
        n = len(self._scaled)
        chosen = torch.randperm(n, generator=self._random)[: self.choice.batch]
        return self._scaled[chosen.to(self._device)]

    def _noise(self, count: int) -> Tensor:
        shape = (count, *self._scaled.shape[1:])
        return torch.rand(shape, generator=self._random).to(self._device)

    def _adam(self, *networks: nn.Module) -> Adam:
        weights = [weight for network in networks for weight in network.parameters()]
        return Adam(weights, lr=self.choice.learning_rate)

    def _optimizers(self) -> Iterable[Adam]:
        return self._embedding, self._generating, self._discriminating


def _begun(features: int, choice: TimeGanChoice, seed: int) -> TimeGan:
    # Weights are drawn from the global source, which is put back; on the processor, so that
    # they are the same whatever computes.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return TimeGan(features, choice)


def _descend(loss: Tensor, optimizer: Adam) -> float:
    optimizer.zero_grad()
    # The other networks that the loss runs through stay as they are.
    moved = [weight for group in optimizer.param_groups for weight in group["params"]]
    torch.autograd.backward(loss, inputs=moved)
    optimizer.step()
    return loss.item()


def _fingerprint(scaled: Tensor, choice: TimeGanChoice, seed: int) -> str:
    digest = hashlib.sha256(scaled.numpy().tobytes())
    digest.update(f"{tuple(scaled.shape)} {choice.model_dump_json()} {seed}".encode())
    return digest.hexdigest()
