"""The prior shift: what resampling or class weights did to the odds, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_training.features import Floats
from model_training.graph import Graph
from solar.errors import InvalidInputError


@dataclass(frozen=True)
class PriorShift:
    """The analytic correction p' = p f / (p f + 1 - p), with f the factor on the odds.

    With the event rate r of all training rows and s of those that were learned from,
    f = (r / s) / ((1 - r) / (1 - s)), so that this is the formula of Elkan (2001) and of
    Saerens et al. (2002, doi 10.1162/089976602753284446). It holds when rows were left out or
    weighted by their outcome alone, and not for synthetic events.
    """

    odds_factor: float

    def __post_init__(self) -> None:
        if not 0 < self.odds_factor < float("inf"):
            raise InvalidInputError(
                f"odds cannot be multiplied by {self.odds_factor}; give a share or a ratio of"
                " weights above 0"
            )

    @classmethod
    def of_undersampling(cls, share_kept: float) -> PriorShift:
        """Return the way back from leaving out all but this share of the non-events."""
        return cls(share_kept)

    @classmethod
    def of_class_weight(cls, event_weight: float, *, other_weight: float = 1.0) -> PriorShift:
        """Return the way back from counting an event and a non-event with these weights."""
        return cls(other_weight / event_weight if event_weight > 0 else np.nan)

    def apply(self, probability: Floats) -> Floats:
        """Correct (n,) probabilities; 0 and 1 stay, and so do NaN and the order."""
        events = probability * self.odds_factor
        corrected: Floats = events / (events + (1 - probability))
        return corrected

    def draw(self, graph: Graph, probability: str) -> str:
        """Draw the same function on a (rows, 1) tensor; return (rows, 1)."""
        events = graph.node("Mul", probability, graph.constant(self.odds_factor))
        others = graph.node("Sub", graph.constant(1.0), probability)
        return graph.node("Div", events, graph.node("Add", events, others))
