"""A disk of its own for a process, so small that a test can fill it, and gone with the process."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
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


class SmallDisks:
    """Disks for several processes, which keep their content while those end and start again."""

    def __init__(self, sizes: Mapping[Path, str]) -> None:
        """Make a disk at each folder; skip where none can be made."""
        for folder in sizes:
            folder.mkdir(parents=True, exist_ok=True)
        mounts = [f"mount -t tmpfs -o size={size} small {folder}" for folder, size in sizes.items()]
        script = " && ".join([*mounts, "echo made && exec sleep infinity"])
        self._keeper = subprocess.Popen(
            [*OWN_MOUNTS, "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert self._keeper.stdout is not None
        said = self._keeper.stdout.readline().decode().strip()
        if said != "made":
            self.close()
            pytest.skip(f"no small disks can be made here: {said}")

    @property
    def within(self) -> tuple[str, ...]:
        """What begins the command of a process that sees these disks."""
        target = str(self._keeper.pid)
        return ("nsenter", "--target", target, "--user", "--mount", "--preserve-credentials",
                f"--wd={Path.cwd()}")  # fmt: skip

    def fill(self, folder: Path) -> None:
        """Fill one disk to the last byte."""
        fill(self._keeper.pid, folder)

    def clear(self, folder: Path) -> None:
        """Make space again on one disk."""
        clear(self._keeper.pid, folder)

    def close(self) -> None:
        """Drop the disks with what is on them."""
        self._keeper.kill()
        self._keeper.communicate()


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
