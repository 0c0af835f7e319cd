"""The layout of a model's daily counts: which values are counted, and in which bins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from database.models import ModelRow
from solar.drift import BINS, Reference
from solar.flares import EVENTS
from solar.sharp import BY_NAME

Counts = NDArray[np.int64]
Kind = Literal["keyword", "prediction"]

# As stored: ten bins and what was missing, for each variable in the order of the layout.
_STORED = np.dtype("<u4")
_WIDTH = BINS + 1


@dataclass(frozen=True)
class Variable:
    """One value that is counted: a keyword, or the calibrated probability of an event.

    `missing_share` is that of the training set, None where it does not apply.
    """

    name: str
    kind: Kind
    edges: tuple[float, ...]
    shares: tuple[float, ...]
    missing_share: float | None


@dataclass(frozen=True)
class Layout:
    """The variables of a model, and of how many training cases their shares are."""

    variables: tuple[Variable, ...]
    n: int

    @cached_property
    def digest(self) -> str:
        """Sixteen letters that differ where names or edges do."""
        text = json.dumps([[v.name, v.kind, v.edges] for v in self.variables])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def reference(self) -> Reference:
        """The shares (v, 10) of the training set."""
        shares = np.array([v.shares for v in self.variables], float)
        return Reference(shares.reshape(-1, BINS), self.n)

    def pack(self, counts: Counts) -> bytes:
        """Write the counts (v, 11) of a day."""
        return counts.astype(_STORED).tobytes()

    def unpack(self, packed: Sequence[bytes]) -> Counts:
        """Read the counts (d, v, 11) of days."""
        joined = np.frombuffer(b"".join(packed), _STORED).astype(np.int64)
        return joined.reshape(len(packed), len(self.variables), _WIDTH)


def count_by_day(
    variable: Variable, values: NDArray[np.float64], *, day: Counts, n_days: int
) -> Counts:
    """Count values (n,) of the days (n,) below `n_days` as (n_days, 11), NaN as missing."""
    place = np.where(np.isnan(values), BINS, np.searchsorted(variable.edges, values))
    cells = np.bincount(day * _WIDTH + place, minlength=n_days * _WIDTH)
    return cells.reshape(n_days, _WIDTH)


def layout_of(model: ModelRow) -> Layout | None:
    """Return what is counted for a model, None when its manifest has no training reference.

    Features from the flare list are computed and not stored, so that they are left out.
    """
    known = model.manifest.get("reference")
    if not known:
        return None
    keywords = [
        _variable(name, "keyword", part)
        for name, part in known["features"].items()
        if name in BY_NAME and part["edges"]
    ]
    events = [
        _variable(event.name, "prediction", known["predictions"][event.name])
        for event in EVENTS
        if known["predictions"].get(event.name, {}).get("edges")
    ]
    return Layout(tuple(keywords + events), int(known["n"])) if keywords or events else None


def _variable(name: str, kind: Kind, part: dict[str, Any]) -> Variable:
    return Variable(
        name, kind, tuple(part["edges"]), tuple(part["shares"]), part.get("missing_share")
    )
