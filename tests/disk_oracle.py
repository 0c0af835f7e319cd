"""The full-disk forecast computed once more, flare by flare, by the definition of its docs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from solar.consistency import consistent
from solar.flares import event as event_named

FITTED = json.loads((Path(__file__).parents[1] / "solar/full_disk.json").read_text("utf-8"))
DAY, LAG = timedelta(days=1), timedelta(hours=6)
LIMITS = {"C1.0": 1e-6, "M1.0": 1e-5}

# Peak, end and flux of each flare; the start and end of each stretch that a list covers.
Flares = Sequence[tuple[datetime, datetime, float]]
Covered = Sequence[tuple[datetime, datetime]]


def aggregate(event: str, product: float, at: datetime, flares: Flares, covered: Covered) -> float:
    """Return the mean in log-odds of product and regression; the product where no list is."""
    if days_covered(at, 3, covered) < 3:
        return product
    chances = {name: regression(one, at, flares, covered) for name, one in FITTED["events"].items()}
    for name in ("C1.0", "M1.0", "M5.0", "X1.0"):
        for longer, shorter in ((name, f"{name}/12h"), (f"{name}/12h", f"{name}/6h")):
            chances[shorter] = min(chances[shorter], chances[longer])
    agreed = consistent(np.array([list(chances.values())]), [event_named(name) for name in chances])
    chance = min(max(product, 1e-4), 1 - 1e-4)
    activity = min(max(agreed[0, list(chances).index(event)], 1e-4), 1 - 1e-4)
    odds = math.sqrt(chance / (1 - chance) * activity / (1 - activity))
    return odds / (1 + odds)


def regression(fitted: Any, at: datetime, flares: Flares, covered: Covered) -> float:
    score = fitted["intercept"]
    for words, weight in zip(FITTED["inputs"], fitted["weights"], strict=True):
        name, _, days, _ = words.split()
        share = days_covered(at, int(days), covered) / int(days)
        n = sum(
            at - int(days) * DAY <= peak < at and end <= at and flux >= LIMITS[name] * (1 - 1e-6)
            for peak, end, flux in flares
        )
        score += weight * math.log1p(n / share)
    return 1 / (1 + math.exp(-score))


def days_covered(at: datetime, days: int, covered: Covered) -> float:
    overlaps = (min(at, end + LAG) - max(at - days * DAY, start) for start, end in covered)
    return sum(max(overlap / DAY, 0.0) for overlap in overlaps)
