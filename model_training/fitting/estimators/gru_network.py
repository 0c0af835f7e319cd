"""A GRU network: gated recurrent units over the steps of a window, and a score of the event.

It is trained in mini-batches with early stopping. A checkpoint, a file of tensors and plain
values, lets a stopped training go on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import SGD, Adam, Optimizer

from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs
from model_training.journal import FoldSkill, Journal, StoppedError
from solar.errors import InvalidInputError

SECONDS_BETWEEN = 20.0
ROWS_AT_A_TIME = 4096
# A row forecast takes about a third of the time of a row learned from. The skill of so many rows
# for every row of the fit takes a tenth of the time of an epoch.
FOLD_SHARE = 0.3


class GruNetwork(nn.Module):
    """Layers of units over time, dropout after each, and a linear head on the last step.

    The layers are modules of their own because the GPU's fused stack keeps a random state for
    its dropout that no checkpoint can hold.
    """

    def __init__(self, features: int, *, layers: int, hidden: int, dropout: float) -> None:
        super().__init__()
        sizes = [features, *[hidden] * (layers - 1)]
        self.layers = nn.ModuleList(nn.GRU(size, hidden, batch_first=True) for size in sizes)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """Return the (n,) log odds of the event for (n, steps, features) windows."""
        for layer in self.layers:
            windows = self.dropout(layer(windows)[0])
        score: Tensor = self.head(windows[:, -1])
        return score.squeeze(1)

    def probabilities(self, windows: Inputs) -> Floats:
        """Return the (n,) chances of the event, without dropout; no random number is drawn."""
        self.eval()
        event = np.empty(len(windows))
        device = self.head.weight.device
        with torch.inference_mode():
            for start in range(0, len(windows), ROWS_AT_A_TIME):
                part = slice(start, start + ROWS_AT_A_TIME)
                scores = self(torch.tensor(windows[part], dtype=torch.float32, device=device))
                event[part] = torch.sigmoid(scores.double()).cpu().numpy()
        return event


def network_to_onnx(network: GruNetwork, graph: Graph, windows: str) -> str:
    """Add the network, without its dropout, on (rows, steps, features) to the graph."""
    steps = graph.node("Transpose", windows, perm=[1, 0, 2])
    last = steps
    for layer in network.layers:
        steps, last = _layer_to_onnx(layer, graph, steps)
    last = graph.node("Squeeze", last, graph.constant([0]))
    weight = graph.constant(_values(network.head.weight).T)
    score = graph.node("Gemm", last, weight, graph.constant(_values(network.head.bias)))
    return graph.node("Sigmoid", score)


def _layer_to_onnx(layer: nn.Module, graph: Graph, steps: str) -> tuple[str, str]:
    parameters = {name: _values(value) for name, value in layer.named_parameters()}
    biases = [_in_order(parameters[f"bias_{part}_l0"]) for part in ("ih", "hh")]
    every, last = graph.nodes(
        "GRU",
        steps,
        graph.constant(_in_order(parameters["weight_ih_l0"])[None]),
        graph.constant(_in_order(parameters["weight_hh_l0"])[None]),
        graph.constant(np.concatenate(biases)[None]),
        outputs=2,
        hidden_size=len(biases[0]) // 3,
        # The reset gate acts after the product with the state, as in torch.
        linear_before_reset=1,
    )
    return graph.node("Squeeze", every, graph.constant([1])), last


def _in_order(gates: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring torch's gates reset, update, new into the order of ONNX: update, reset, hidden."""
    reset, update, new = np.split(gates, 3)
    return np.concatenate([update, reset, new])


def _values(parameter: Tensor) -> NDArray[np.float32]:
    return np.asarray(parameter.detach().cpu().numpy(), np.float32)


class Checkpoint:
    """The file that holds the state of a fit and of the random numbers; there may be none.

    `purpose` names the fit (its options and its rows): the checkpoint of another is refused.
    """

    def __init__(self, path: Path | None, *, purpose: str) -> None:
        self._path, self._purpose = path, purpose
        self._saved_at = time.monotonic()

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self._saved_at > SECONDS_BETWEEN

    def save(self, state: dict[str, Any]) -> None:
        self._saved_at = time.monotonic()
        if self._path is None:
            return
        # A kill in the middle of the writing must not cost the checkpoint before.
        unfinished = self._path.with_suffix(".part")
        torch.save(state | {"purpose": self._purpose, "random": _random_states()}, unfinished)
        unfinished.replace(self._path)

    def load(self) -> dict[str, Any] | None:
        """Return what was saved, if anything, and set the random numbers as they were."""
        if self._path is None or not self._path.exists():
            return None
        state: dict[str, Any] = torch.load(self._path, weights_only=True, map_location="cpu")
        if state["purpose"] != self._purpose:
            raise InvalidInputError(
                f"the checkpoint {self._path} is of a fit with other options or other rows;"
                " run without --resume to begin anew"
            )
        _set_random_states(state["random"])
        return state


def _random_states() -> list[Tensor]:
    gpu = [torch.cuda.get_rng_state()] if torch.cuda.is_available() else []
    return [torch.get_rng_state(), *gpu]


def _set_random_states(states: list[Tensor]) -> None:
    torch.set_rng_state(states[0])
    if torch.cuda.is_available() and len(states) > 1:
        torch.cuda.set_rng_state(states[1])


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
class Progress:
    """The progress of a training.

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
    """A network in training, which can stop and resume between any two batches."""

    def __init__(
        self,
        network: GruNetwork,
        schedule: Schedule,
        *,
        rows: Rows,
        held_out: Rows | None,
        checkpoint: Checkpoint,
    ) -> None:
        self.network, self.schedule = network, schedule
        self.rows, self.held_out = rows, held_out
        self.course = Progress()
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
                self._update(batch)
                self._pause(journal)
            steps.advance(**self._end_epoch(), **self._skill(journal.fold_skill))
        steps.close()

    def _batches(self) -> Iterator[Rows]:
        """Yield what is left of the epoch; its order follows from the seed and its number."""
        order = np.random.default_rng([self.schedule.seed, self.course.epoch])
        places = torch.from_numpy(order.permutation(len(self.rows))).to(self.rows.outcome.device)
        size = self.schedule.batch
        self.network.train()
        for start in range(self.course.batches * size, len(places), size):
            yield self.rows[places[start : start + size]]

    def _update(self, batch: Rows) -> None:
        self._optimizer.zero_grad()
        loss = batch.loss(self.network)
        torch.autograd.backward(loss)
        self._optimizer.step()
        self.course.total += loss.item() * len(batch)
        self.course.batches += 1

    def _pause(self, journal: Journal) -> None:
        if journal.stop.is_requested:
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

    def _skill(self, fold: FoldSkill | None) -> dict[str, float | None]:
        """Return the skill on the fold, every so many epochs as its size allows and at the end."""
        if fold is None:
            return {}
        every = math.ceil(len(fold.outcome) / (FOLD_SHARE * len(self.rows)))
        if self.course.epoch % every and self.course.epoch != self.schedule.epochs:
            return {}
        return {"bss": fold.of(self.network.probabilities)}

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
        self.course = Progress(**state["course"])
