"""Packages that are installed here, linked into another environment instead of installed again."""

from __future__ import annotations

import sysconfig
from collections.abc import Callable
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

# A few packages are most of what pip has to unpack.
LARGE_BYTES = 10_000_000


def lend(site: Path, *, is_lent: Callable[[Distribution], bool]) -> None:
    """Link packages of this environment into the folder of packages of another one."""
    here = Path(sysconfig.get_path("purelib"))
    for one in distributions():
        if is_lent(one):
            for top in {Path(file).parts[0] for file in one.files or ()} - {"..", "__pycache__"}:
                if not (site / top).exists():
                    (site / top).symlink_to(here / top)


def is_large(one: Distribution) -> bool:
    """Tell whether a package has more than ten megabytes."""
    return sum(file.size or 0 for file in one.files or ()) > LARGE_BYTES


def name_of(one: Distribution) -> str:
    """Return the name of a package as lock files spell it."""
    return canonicalize_name(one.name)
