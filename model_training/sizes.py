"""The size distribution of flares: how often a flare of one class is also one of a rarer class."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from model_training.features import FlareHistory, Floats
from model_training.graph import Graph
from model_training.manifest import SizeRatio
from solar.errors import InvalidInputError
from solar.flares import event as event_named
from solar.time import isoformat, to_datetime64
from solar.truth import reaches

# In the single precision of the graph 1 - p has no digits left to be raised to a power near p = 1.
LEAST_QUIET = 1e-3


def size_ratio(event: str, flares: FlareHistory, *, of: str, until: datetime) -> SizeRatio:
    """Count the flares that peaked before `until`, whatever their region."""
    flux = flares.flux[flares.peak_at < to_datetime64(until)]
    n_rare, n_reference = (
        int(np.count_nonzero(reaches(flux, event_named(name).peak_flux_w_m2)))
        for name in (event, of)
    )
    if not n_reference:
        raise InvalidInputError(
            f"no {of}+ flare peaks before {isoformat(until)}, so that {event}+ cannot be derived"
            " from it; give a longer flare list"
        )
    return SizeRatio(of=of, until=isoformat(until), flares=n_rare, reference_flares=n_reference)


def rarer(probability: Floats, ratios: NDArray[np.float64]) -> Floats:
    """Turn (n,) chances of a flare into (n, k) chances of a rarer one: 1 - (1 - p)^ratio.

    Flares that come independently at a rate L in the window give p = 1 - exp(-L), and of
    them the share `ratios` is large; the chance of at least one is 1 - exp(-ratio L).
    """
    spared: Floats = np.maximum(1 - probability, LEAST_QUIET)[:, None] ** ratios[None, :]
    return 1 - spared


def draw_rarer(graph: Graph, probability: str, ratios: NDArray[np.float64]) -> str:
    """Draw `rarer` on a (rows, 1) tensor; return (rows, k)."""
    one = graph.constant(1.0)
    quiet = graph.node("Sub", one, probability)
    bounded = graph.node("Max", quiet, graph.constant(LEAST_QUIET))
    return graph.node("Sub", one, graph.node("Pow", bounded, graph.constant(ratios[None, :])))
