"""The machine that a worker, or the API of a Lab, runs on: what of it is in use."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from solar.machine import Gpu, MachineSample

_NO_NVML = "NVML is absent on this host"


class MachineWatch:
    """Looks at this machine; `folder` names the disk that counts."""

    def __init__(self, folder: Path) -> None:
        # Installed with what the Lab needs, and not with what serving needs.
        import psutil

        self._psutil = psutil
        self._folder = folder
        self._before = self._processor_seconds()

    def look(self) -> MachineSample:
        """Take a sample; the share of the processors is that since the last look."""
        memory, swap = self._psutil.virtual_memory(), self._psutil.swap_memory()
        places = (self._folder.absolute(), *self._folder.absolute().parents)
        disk = self._psutil.disk_usage(str(next(place for place in places if place.exists())))
        gpus, no_gpu = _gpus()
        before, self._before = self._before, self._processor_seconds()
        busy, passed = (now - then for now, then in zip(self._before, before, strict=True))
        return MachineSample(
            cores=os.cpu_count() or 1,
            cpu=min(max(busy / passed, 0.0), 1.0) if passed > 0 else 0.0,
            load=self._psutil.getloadavg()[0],
            memory=memory.total,
            memory_used=memory.total - memory.available,
            swap=swap.total,
            swap_used=swap.used,
            disk=disk.total,
            disk_used=disk.used,
            gpus=gpus,
            no_gpu=no_gpu,
        )

    def _processor_seconds(self) -> tuple[float, float]:
        """Return the seconds that all cores have worked, and have been there."""
        times = self._psutil.cpu_times()
        # Of a guest they are part of those of its user already.
        passed = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return passed - times.idle - getattr(times, "iowait", 0.0), passed


def _gpus() -> tuple[tuple[Gpu, ...], str | None]:
    """Return the GPUs that NVIDIA's library knows, or why there are none."""
    try:
        # An older package of the same name warns that it is the older one.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pynvml
    except ImportError:
        return (), _NO_NVML
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return (), _NO_NVML
    try:
        found = tuple(_gpu(pynvml, number) for number in range(pynvml.nvmlDeviceGetCount()))
    except pynvml.NVMLError as error:
        return (), f"NVML does not answer: {error}"
    finally:
        pynvml.nvmlShutdown()
    return found, None if found else "NVML knows none"


def _gpu(nvml: Any, number: int) -> Gpu:
    device = nvml.nvmlDeviceGetHandleByIndex(number)
    name, memory = nvml.nvmlDeviceGetName(device), nvml.nvmlDeviceGetMemoryInfo(device)
    use = celsius = None
    # Parts of a divided GPU say neither.
    with suppress(nvml.NVMLError):
        use = nvml.nvmlDeviceGetUtilizationRates(device).gpu / 100
    with suppress(nvml.NVMLError):
        celsius = float(nvml.nvmlDeviceGetTemperature(device, nvml.NVML_TEMPERATURE_GPU))
    text = name.decode() if isinstance(name, bytes) else str(name)
    return Gpu(text, int(memory.total), int(memory.used), use, celsius)
