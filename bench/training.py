"""Training: one epoch of the GRU estimator beside a bare torch loop, and a large regression."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from model_training.fitting.estimators.gru import GruEstimator
from model_training.fitting.estimators.logistic_regression import (
    LogisticRegressionEstimator,
)
from model_training.journal import Journal

WINDOWS, STEPS, FEATURES = 10_000, 60, 24
LAYERS, HIDDEN, DROPOUT, BATCH, LEARNING_RATE = 2, 64, 0.3, 64, 1e-3
REGRESSION_ROWS = 84_000
ROUNDS = 2


def main() -> None:
    """Measure both loops in turn on one thread, and print the best of each."""
    rng = np.random.default_rng(1)
    windows = rng.normal(size=(WINDOWS, STEPS, FEATURES)).astype(np.float32)
    outcome = (windows.mean(axis=1)[:, 0] > 0.1).astype(float)
    seconds = [
        (_timed(lambda: _bare_epoch(windows, outcome)), _timed(lambda: _epoch(windows, outcome)))
        for _ in range(ROUNDS)
    ]
    bare, ours = (min(column) for column in zip(*seconds, strict=True))
    print(f"\none GRU epoch over {WINDOWS:,} windows of {STEPS} x {FEATURES}, one thread")
    print(f"{'bare torch, s':>16}{'estimator, s':>16}{'ratio':>8}")
    print(f"{bare:>16.1f}{ours:>16.1f}{ours / bare:>8.2f}")
    regression = _timed(lambda: _regression(rng))
    print(f"logistic regression on {REGRESSION_ROWS:,} rows of {FEATURES}: {regression:.1f} s")


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _epoch(windows: np.ndarray, outcome: np.ndarray) -> None:
    estimator = GruEstimator(
        layers=LAYERS, hidden=HIDDEN, dropout=DROPOUT, batch=BATCH,
        learning_rate=LEARNING_RATE, epochs=1,
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        estimator.fit(windows, outcome, journal=Journal(Path(folder), ("bench",)))


def _bare_epoch(windows: np.ndarray, outcome: np.ndarray) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    gru = nn.GRU(FEATURES, HIDDEN, LAYERS, batch_first=True, dropout=DROPOUT)
    head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(HIDDEN, 1))
    optimizer = torch.optim.Adam([*gru.parameters(), *head.parameters()], lr=LEARNING_RATE)
    loss_of = nn.BCEWithLogitsLoss()
    inputs, truth = torch.from_numpy(windows), torch.from_numpy(outcome).float()
    for places in torch.randperm(WINDOWS).split(BATCH):
        optimizer.zero_grad()
        states, _ = gru(inputs[places])
        loss_of(head(states[:, -1]).squeeze(1), truth[places]).backward()
        optimizer.step()
    torch.set_num_threads(threads)


def _regression(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(REGRESSION_ROWS, FEATURES)).astype(np.float32)
    odds = np.exp(rows[:, 0] - 3)
    outcome = (rng.random(REGRESSION_ROWS) < odds / (1 + odds)).astype(float)
    LogisticRegressionEstimator().fit(rows, outcome, journal=Journal())
