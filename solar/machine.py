"""What a machine has, and how much of it is in use: processors, memory, disk, GPUs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """A GPU: bytes of memory, and the share of time in which it computed; None: not said."""

    name: str
    memory: int
    memory_used: int
    use: float | None
    celsius: float | None


@dataclass(frozen=True)
class MachineSample:
    """One look at a machine: sizes in bytes, `cpu` the mean share of its cores since the last look.

    `load` is the mean number of processes that could run over the last minute. Without a GPU,
    `no_gpu` says why none is known.
    """

    cores: int
    cpu: float
    load: float
    memory: int
    memory_used: int
    swap: int
    swap_used: int
    disk: int
    disk_used: int
    gpus: tuple[Gpu, ...]
    no_gpu: str | None
