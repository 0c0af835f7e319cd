"""An estimator: scikit-learn's interface to one event, and a drawing of the fitted function."""

from __future__ import annotations

from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from model_training.features import Floats
from model_training.graph import Graph
from model_training.journal import Journal

Inputs = NDArray[np.float32]


class Estimator(Protocol):
    """What learns the probability of one event from prepared inputs.

    Its options are keyword-only arguments of ``__init__`` kept under their own names, as
    scikit-learn's ``get_params`` wants. `reads_windows`: inputs are (n, steps, features) and
    the last step is t, else (n, features). `takes_missing`: NaN is allowed in the inputs.
    """

    reads_windows: ClassVar[bool]
    takes_missing: ClassVar[bool]

    def fit(
        self, X: Inputs, y: Floats, sample_weight: Floats | None = None, *, journal: Journal
    ) -> Self:
        """Learn from outcomes (n,) 0 or 1 and weights (n,); report progress to the journal."""
        ...

    def predict_proba(self, X: Inputs) -> Floats:
        """Return (n, 2) probabilities of no event and of an event."""
        ...

    def draw(self, graph: Graph, inputs: str) -> str:
        """Draw the same function on a tensor of prepared inputs; return (rows, 1) probability."""
        ...
