"""What a screen reader is told: attributes whose names Python cannot spell."""

from __future__ import annotations

from typing import Any


def labelled(text: str) -> dict[str, Any]:
    """Name a part of the page for those who do not see it."""
    return {"aria-label": text}


def unspoken() -> dict[str, Any]:
    """Leave out a mark whose meaning stands beside it in words."""
    return {"aria-hidden": "true"}
