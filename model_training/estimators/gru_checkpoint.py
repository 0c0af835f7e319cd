"""The checkpoint of a fit of a GRU network: a file of tensors and plain values."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from solar.errors import InvalidInputError

SECONDS_BETWEEN = 20.0


class Checkpoint:
    """Where the state of a fit is kept, with the state of the random numbers; maybe nowhere.

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
