"""The page of results."""

from __future__ import annotations

from pathlib import Path


def page(runs: Path) -> str:
    return str(runs)
