"""The GRU estimator: a recurrent network that reads the steps of a window in their order."""

from __future__ import annotations

import hashlib
from typing import ClassVar, Literal, Self

import numpy as np
import torch

from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs
from model_training.fitting.estimators.device import best_device, reproducible
from model_training.fitting.estimators.estimator import Classifier, both_classes
from model_training.fitting.estimators.gru_network import (
    Checkpoint,
    GruNetwork,
    Rows,
    Schedule,
    Training,
    network_to_onnx,
)
from model_training.journal import Journal

HELD_OUT_SHARE = 0.15


class GruEstimator(Classifier):
    """Gated recurrent units over time (Cho et al. 2014, doi 10.3115/v1/D14-1179).

    With `patience` above 0 the last 15 % of the training rows, in the order they are given,
    are left out of the fit and tell when to stop; the network of the best epoch is kept.
    The same rows, options and seed give the same weights on the same kind of processor.

    Attributes
    ----------
    history_ : the learning curve, one entry per epoch: epoch, loss, held_out_loss
    """

    reads_windows: ClassVar[bool] = True
    takes_missing: ClassVar[bool] = False

    def __init__(
        self,
        *,
        layers: int = 2,
        hidden: int = 64,
        dropout: float = 0.3,
        learning_rate: float = 1e-3,
        optimizer: Literal["adam", "sgd"] = "adam",
        weight_decay: float = 0.0,
        batch: int = 64,
        epochs: int = 20,
        patience: int = 0,
        seed: int = 0,
    ) -> None:
        self.layers, self.hidden, self.dropout = layers, hidden, dropout
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.optimizer: Literal["adam", "sgd"] = optimizer
        self.batch, self.epochs, self.patience, self.seed = batch, epochs, patience, seed

    def fit(
        self, X: Inputs, y: Floats, sample_weight: Floats | None = None, *, journal: Journal
    ) -> Self:
        """Train on windows (n, steps, features); the checkpoint of a stopped fit goes on."""
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        with reproducible(self.seed):
            training = self._training(X, y, weight, journal=journal)
            training.run(journal)
        self.network_ = training.network.cpu()
        self.history_ = training.course.history
        return self

    def predict_proba(self, X: Inputs) -> Floats:
        network = self.network_.to(best_device())
        with reproducible(self.seed):
            event = network.probabilities(X)
        self.network_.cpu()
        return both_classes(event)

    def to_onnx(self, graph: Graph, inputs: str) -> str:
        return network_to_onnx(self.network_, graph, inputs)

    def _training(self, X: Inputs, y: Floats, weight: Floats, *, journal: Journal) -> Training:
        device = best_device()
        network = GruNetwork(
            X.shape[2], layers=self.layers, hidden=self.hidden, dropout=self.dropout
        )
        # Weights around 1 keep the learning rate meaning the same whatever their scale.
        parts = (X, y, weight / weight.mean())
        columns = [np.require(part, np.float32, ["C", "W"]) for part in parts]
        rows = Rows(*[torch.from_numpy(column).to(device) for column in columns])
        held_out = max(1, int(HELD_OUT_SHARE * len(rows))) if self.patience else 0
        first = len(rows) - held_out
        return Training(
            network.to(device),
            self._schedule(),
            rows=rows[:first],
            held_out=rows[first:] if held_out else None,
            checkpoint=Checkpoint(journal.checkpoint(".pt"), purpose=self._purpose(columns)),
        )

    def _schedule(self) -> Schedule:
        return Schedule(
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            batch=self.batch,
            epochs=self.epochs,
            patience=self.patience,
            seed=self.seed,
        )

    def _purpose(self, columns: list[Inputs]) -> str:
        """Return a digest of the options and the rows."""
        digest = hashlib.sha256(repr(sorted(self.get_params().items())).encode())
        for column in columns:
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()
