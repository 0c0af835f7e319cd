"""A definition: how a number of the pages is computed, with formula and reference."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """What a number means, how it is computed, and where that is written."""

    title: str
    meaning: str
    formula: str
    reference: str
