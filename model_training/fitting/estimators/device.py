"""The device that torch computes on, and how it reproduces its results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def best_device() -> torch.device:
    """Return the GPU when there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Compute on one thread in full float32, from a seed, and leave torch as it was found."""
    threads = torch.get_num_threads()
    # Two half-used cores lose to one: a step of a window is too small to share out.
    torch.set_num_threads(1)
    cudnn = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    gpus = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=gpus), cudnn:
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
