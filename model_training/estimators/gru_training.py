"""The training of a GRU network: mini-batches, early stopping, and a state to go on from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NoReturn

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import SGD, Adam, Optimizer

from model_training.estimators.gru_checkpoint import Checkpoint
from model_training.estimators.gru_network import GruNetwork
from model_training.journal import Journal, StoppedError
from solar.errors import InvalidInputError

ROWS_AT_A_TIME = 4096


@dataclass(frozen=True)
class Rows:
    """Training rows on the device: windows (n, steps, features), outcomes and weights (n,)."""

    windows: Tensor
    outcome: Tensor
    weight: Tensor

    def __len__(self) -> int:
        return len(self.outcome)

    def __getitem__(self, places: Tensor | slice) -> Rows:
        return Rows(self.windows[places], self.outcome[places], self.weight[places])

    def loss(self, network: GruNetwork) -> Tensor:
        """Return the mean of the weighted cross-entropy."""
        return binary_cross_entropy_with_logits(network(self.windows), self.outcome, self.weight)


@dataclass(frozen=True)
class Schedule:
    """How the weights are moved, and for how long."""

    optimizer: Literal["adam", "sgd"]
    learning_rate: float
    weight_decay: float
    batch: int
    epochs: int
    patience: int
    seed: int

    def optimizer_of(self, network: GruNetwork) -> Optimizer:
        weights, rate, decay = network.parameters(), self.learning_rate, self.weight_decay
        if self.optimizer == "sgd":
            return SGD(weights, lr=rate, weight_decay=decay)
        return Adam(weights, lr=rate, weight_decay=decay)


@dataclass
class Course:
    """How far a training has come.

    Parameters
    ----------
    epoch, batches : epochs finished, and batches done of the present one
    total : sum of the losses of the rows of the present epoch
    history : the learning curve: epoch, loss and, where rows are held out, held_out_loss
    best, best_weights : epoch with the lowest held-out loss, and the network after it
    """

    epoch: int = 0
    batches: int = 0
    total: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    best: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)


class Training:
    """A network on its way, which can be left and taken up again between any two batches."""

    def __init__(
        self, network: GruNetwork, schedule: Schedule, *, rows: Rows, held_out: Rows | None,
        checkpoint: Checkpoint,
    ) -> None:  # fmt: skip
        self.network, self.schedule = network, schedule
        self.rows, self.held_out = rows, held_out
        self.course = Course()
        self._optimizer = schedule.optimizer_of(network)
        self._checkpoint = checkpoint

    @property
    def is_over(self) -> bool:
        patience, course = self.schedule.patience, self.course
        waited = course.epoch - course.best
        return course.epoch == self.schedule.epochs or bool(patience and waited >= patience)

    def run(self, journal: Journal) -> None:
        """Train to the end, and leave the network with the weights to keep."""
        if journal.resumes:
            self._restore()
        if not self.is_over:
            self._train(journal)
            self._save()
        if self.course.best_weights:
            self.network.load_state_dict(self.course.best_weights)
        self.network.eval()

    def _train(self, journal: Journal) -> None:
        steps = journal.steps("epoch", self.schedule.epochs, done=self.course.epoch)
        while not self.is_over:
            for batch in self._batches():
                self._move(batch)
                self._pause(journal)
            steps.advance(**self._end_epoch())
        steps.close()

    def _batches(self) -> Iterator[Rows]:
        """Yield what is left of the epoch; its order follows from the seed and its number."""
        order = np.random.default_rng([self.schedule.seed, self.course.epoch])
        places = torch.from_numpy(order.permutation(len(self.rows))).to(self.rows.outcome.device)
        size = self.schedule.batch
        self.network.train()
        for start in range(self.course.batches * size, len(places), size):
            yield self.rows[places[start : start + size]]

    def _move(self, batch: Rows) -> None:
        self._optimizer.zero_grad()
        loss = batch.loss(self.network)
        torch.autograd.backward(loss)
        self._optimizer.step()
        self.course.total += loss.item() * len(batch)
        self.course.batches += 1

    def _pause(self, journal: Journal) -> None:
        if journal.stop.asked:
            self._stop(journal)
        if self._checkpoint.is_due:
            self._save()

    def _stop(self, journal: Journal) -> NoReturn:
        self._save()
        journal.tell("stopped")
        raise StoppedError("the fit was stopped; run it again with --resume to go on")

    def _end_epoch(self) -> dict[str, float]:
        """Begin the next epoch, and return the figures of the one that is done."""
        course = self.course
        figures = {"loss": course.total / len(self.rows)}
        if self.held_out is not None:
            figures["held_out_loss"] = self._loss_of(self.held_out)
        if not all(math.isfinite(value) for value in figures.values()):
            raise InvalidInputError(
                f"the loss of epoch {course.epoch + 1} is not a finite number; choose a lower"
                " learning_rate, or scale the features in the preparation"
            )
        course.epoch, course.batches, course.total = course.epoch + 1, 0, 0.0
        course.history.append({"epoch": course.epoch, **figures})
        self._keep_the_best()
        return figures

    def _keep_the_best(self) -> None:
        course = self.course
        if self.held_out is None:
            return
        *before, last = [line["held_out_loss"] for line in course.history]
        if last < min(before, default=math.inf):
            course.best = course.epoch
            weights = self.network.state_dict()
            course.best_weights = {name: value.clone() for name, value in weights.items()}

    def _loss_of(self, rows: Rows) -> float:
        self.network.eval()
        total = 0.0
        with torch.inference_mode():
            for start in range(0, len(rows), ROWS_AT_A_TIME):
                part = rows[start : start + ROWS_AT_A_TIME]
                total += part.loss(self.network).item() * len(part)
        return total / len(rows)

    def _save(self) -> None:
        self._checkpoint.save(
            {
                "weights": self.network.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "course": vars(self.course),
            }
        )

    def _restore(self) -> None:
        state = self._checkpoint.load()
        if state is None:
            return
        self.network.load_state_dict(state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.course = Course(**state["course"])
