"""A disk of its own for a process, so small that a test can fill it, and gone with the process."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
_FILLER = "filler"


def on_a_small_disk(folder: Path, *, size: str, is_full: bool = False) -> tuple[str, ...]:
    """Return what begins a command to which `folder` is an own, empty disk; skip if none can be."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = f'mount -t tmpfs -o size={size} small "$0"'
    fill = f'; head -c {size} /dev/zero >"$0/{_FILLER}" 2>/dev/null' if is_full else ""
    command = (*OWN_MOUNTS, "sh", "-c", f'{mount} && ({{ :{fill}; }}; :) && exec "$@"', str(folder))
    tried = subprocess.run([*command, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"no small disk can be made here: {tried.stderr.decode().strip()}")
    return command


def seen_by(pid: int, folder: Path) -> Path:
    """Return where a folder is as the process sees it."""
    return Path(f"/proc/{pid}/root{folder.resolve()}")


def fill(pid: int, folder: Path) -> None:
    """Fill the disk on which the process sees the folder, to the last byte."""
    path = seen_by(pid, folder) / _FILLER
    with path.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            piece = bytes(size)
            try:
                while True:
                    file.write(piece)
            except OSError:
                continue


def clear(pid: int, folder: Path) -> None:
    """Make space again on that disk."""
    (seen_by(pid, folder) / _FILLER).unlink(missing_ok=True)
