"""The training of TimeGAN: the embedding first, then one step ahead, then all five jointly.

Its checkpoint is one file of tensors and numbers, which is written whole or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from model_training.fitting.augmentation import timegan_networks
from model_training.fitting.augmentation.timegan_networks import TimeGan, random_from
from model_training.fitting.estimators.device import best_device
from model_training.journal import Journal
from model_training.recipe.estimators import TimeGanConfig

PHASES = ("embedding", "supervised", "joint")
# The generator moves twice while the discriminator moves once.
_GENERATOR_STEPS = 2
_SUFFIX = ".pt"


class Training:
    """The networks in training; `phase` and `done` count phases and iterations.

    Parameters
    ----------
    scaled : (n, steps, features) real windows between 0 and 1
    """

    def __init__(self, scaled: Tensor, *, config: TimeGanConfig, seed: int) -> None:
        self.config, self.phase, self.done = config, 0, 0
        self._task = _fingerprint(scaled, config, seed)
        self._device = best_device()
        self._scaled = scaled.to(self._device)
        self._random = random_from(seed)
        self.networks = _initialised(scaled.shape[2], config, seed).to(self._device)
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
        phases = (self._embed, self._supervise, self._train_jointly)
        figures = phases[self.phase]()
        self.done += 1
        if self.done == self.config.iterations:
            self.phase, self.done = self.phase + 1, 0
        return figures

    def generate(self, count: int) -> Tensor:
        """Generate synthetic windows (count, steps, features) between 0 and 1."""
        with torch.no_grad():
            latent = self.networks.generate(self._noise(count))
            windows = self.networks.recover(self.networks.step_ahead(latent))
        return windows.cpu()

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
        for optimizer, saved in zip(self._optimizers(), state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        return True

    def _embed(self) -> dict[str, float]:
        windows = self._batch()
        loss = timegan_networks.reconstruction_loss(windows, self._recovered(windows))
        return {"embedding_loss": _descend(loss, self._embedding)}

    def _supervise(self) -> dict[str, float]:
        latent = self._latent(self._batch())
        loss = timegan_networks.supervised_loss(latent, self.networks.step_ahead(latent))
        return {"supervised_loss": _descend(loss, self._generating)}

    def _train_jointly(self) -> dict[str, float]:
        figures = {}
        for _ in range(_GENERATOR_STEPS):
            windows = self._batch()
            figures["generator_loss"] = self._generate(windows)
            figures["embedding_loss"] = self._embed_jointly(windows)
        return figures | {"discriminator_loss": self._discriminate(self._batch())}

    def _generate(self, windows: Tensor) -> float:
        networks = self.networks
        latent = self._latent(windows)
        generated = networks.generate(self._noise(len(windows)))
        # Both kinds together cost one pass over the steps in place of one each.
        ahead, real_ahead = networks.step_ahead(torch.cat([generated, latent])).chunk(2)
        scores = networks.discriminate(torch.cat([ahead, generated]))
        loss = timegan_networks.generator_loss(
            scores,
            ahead=timegan_networks.supervised_loss(latent, real_ahead),
            difference=timegan_networks.moment_loss(windows, networks.recover(ahead)),
        )
        return _descend(loss, self._generating)

    def _embed_jointly(self, windows: Tensor) -> float:
        latent = self.networks.embed(windows)
        ahead = timegan_networks.supervised_loss(latent, self.networks.step_ahead(latent))
        loss = timegan_networks.embedding_loss(windows, self.networks.recover(latent), ahead=ahead)
        return _descend(loss, self._embedding)

    def _discriminate(self, windows: Tensor) -> float:
        networks = self.networks
        latent = self._latent(windows)
        with torch.no_grad():
            generated = networks.generate(self._noise(len(windows)))
            ahead = networks.step_ahead(generated)
        real, *fake = networks.discriminate(torch.cat([latent, ahead, generated])).chunk(3)
        loss = timegan_networks.discriminator_loss(real, torch.cat(fake))
        if loss.item() <= timegan_networks.DISCRIMINATOR_REST:
            return loss.item()
        return _descend(loss, self._discriminating)

    def _latent(self, windows: Tensor) -> Tensor:
        with torch.no_grad():
            return self.networks.embed(windows)

    def _recovered(self, windows: Tensor) -> Tensor:
        return self.networks.recover(self.networks.embed(windows))

    def _batch(self) -> Tensor:
        n = len(self._scaled)
        chosen = torch.randperm(n, generator=self._random)[: self.config.batch]
        return self._scaled[chosen.to(self._device)]

    def _noise(self, count: int) -> Tensor:
        shape = (count, *self._scaled.shape[1:])
        return torch.rand(shape, generator=self._random).to(self._device)

    def _adam(self, *networks: nn.Module) -> Adam:
        weights = [weight for network in networks for weight in network.parameters()]
        return Adam(weights, lr=self.config.learning_rate)

    def _optimizers(self) -> Iterable[Adam]:
        return self._embedding, self._generating, self._discriminating


def _initialised(features: int, config: TimeGanConfig, seed: int) -> TimeGan:
    # Weights come from the global source, which is put back; on the CPU, so that
    # they are the same whatever computes.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return TimeGan(features, config)


def _descend(loss: Tensor, optimizer: Adam) -> float:
    optimizer.zero_grad()
    # The other networks that the loss runs through stay as they are.
    moved = [weight for group in optimizer.param_groups for weight in group["params"]]
    torch.autograd.backward(loss, inputs=moved)
    optimizer.step()
    return loss.item()


def _fingerprint(scaled: Tensor, config: TimeGanConfig, seed: int) -> str:
    digest = hashlib.sha256(scaled.numpy().tobytes())
    digest.update(f"{tuple(scaled.shape)} {config.model_dump_json()} {seed}".encode())
    return digest.hexdigest()


def save(training: Training, journal: Journal) -> None:
    """Save the state of the training where the journal keeps checkpoints, if anywhere."""
    path = journal.checkpoint(_SUFFIX)
    if path is None:
        return
    # A stop in the middle of the writing must leave the checkpoint before.
    unfinished = path.with_suffix(".part")
    torch.save(training.state(), unfinished)
    unfinished.replace(path)
    journal.tell("checkpoint", phase=training.phase, step=training.done)


def restore(training: Training, journal: Journal) -> None:
    """Go on from the checkpoint of the same windows, options and seed, if there is one."""
    path = journal.checkpoint(_SUFFIX)
    if not journal.resumes or path is None or not path.exists():
        return
    state = torch.load(path, map_location="cpu", weights_only=True)
    event = "resumed" if training.restore(state) else "checkpoint of another task left alone"
    journal.tell(event, phase=training.phase, step=training.done)
