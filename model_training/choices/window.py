"""The choice of window: how many records before t a forecast looks at, and which cases are kept."""

from __future__ import annotations

from model_training.choices.strict import Choice, option


class WindowChoice(Choice):
    """The observation window that ends at t; one step is the record at t alone."""

    steps: int = option(1, "records in the window, the one at t included", ge=1, le=1000)
    cadence_hours: float = option(0.2, "time between two steps", unit="h", gt=0, le=48)
    tolerance_hours: float = option(
        0.1, "a record this far from its step still stands for it", unit="h", ge=0, le=24
    )
    stride: int = option(1, "keep every so many-th case of a region", unit="cases", ge=1)
