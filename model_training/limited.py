"""Limited: a module of this package runs in a child process with bounded memory and time.

A hostile file can make a library compute for ever or ask for more memory than there is. The child
bears the consequences: its limits are set before the module is imported.
"""

from __future__ import annotations

import contextlib
import os
import resource
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from solar.process import end_with_parent

_GIB = 2**30
_OUT_OF_MEMORY = 3
_BETWEEN_SECONDS = 0.5
_ROOT = Path(__file__).parents[1]
# The child finds the packages where this process has them, whatever its folder is.
_CHILD = (
    f"import sys; sys.path.append(sys.argv[1]); from {__name__} import main; main(*sys.argv[2:])"
)
# Helper threads of BLAS would reserve address space for each core.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class ProcessLimits:
    """What a child may use: address space [bytes], processor time and elapsed time [s]."""

    address_space: int = 4 * _GIB
    cpu_seconds: int = 60
    wall_seconds: float = 180.0


@dataclass(frozen=True)
class Ended:
    """How a child ended: what it wrote, and in words why it was stopped, None if it was not."""

    output: str
    stopped: str | None


def run_limited(
    module: str,
    arguments: Sequence[str],
    limits: ProcessLimits,
    *,
    between: Callable[[], None] = lambda: None,
) -> Ended:
    """Run a module as ``python -m`` would, with arguments, within limits and wait for its end.

    `between` is called again and again meanwhile; what it raises ends the child and the wait.
    """
    bounds = (str(limits.address_space), str(limits.cpu_seconds))
    command = [sys.executable, "-c", _CHILD, str(_ROOT), *bounds, module, *arguments]
    deadline = time.monotonic() + limits.wall_seconds
    with subprocess.Popen(  # noqa: S603  this module, with paths as arguments
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | ONE_THREAD,
        # A child must not outlive a parent that was killed.
        preexec_fn=end_with_parent(),
    ) as child:
        try:
            output, said = _outcome(child, deadline, between)
        except subprocess.TimeoutExpired:
            return Ended("", f"does not end within {limits.wall_seconds:g} s")
        finally:
            child.kill()
    stderr = said.decode(errors="replace").strip()
    return Ended(output.decode(errors="replace"), _why_stopped(child.returncode, stderr, limits))


def _outcome(
    child: subprocess.Popen[bytes], deadline: float, between: Callable[[], None]
) -> tuple[bytes, bytes]:
    while True:
        between()
        try:
            return child.communicate(timeout=_BETWEEN_SECONDS)
        except subprocess.TimeoutExpired:
            if time.monotonic() >= deadline:
                raise


def _why_stopped(code: int, stderr: str, limits: ProcessLimits) -> str | None:
    if code == 0:
        return None
    if code == -signal.SIGXCPU:
        return f"computes for more than {limits.cpu_seconds} s"
    if code == _OUT_OF_MEMORY:
        return f"wants more than {limits.address_space / _GIB:g} GiB of memory"
    if code < 0:
        return f"ends the process that opens it ({signal.Signals(-code).name})"
    return f"cannot be opened: {stderr.splitlines()[-1] if stderr else f'exit status {code}'}"


def main(address_space: str, cpu_seconds: str, module: str, *arguments: str) -> None:
    """Limit this process, then run the module in it: what the child does."""
    cpu = int(cpu_seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The second number ends a child that ignores the signal of the first.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 2))
    # Some systems have no such limit; there the other two have to do.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (int(address_space),) * 2)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except MemoryError:
        sys.exit(_OUT_OF_MEMORY)
