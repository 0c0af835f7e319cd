"""The X-ray flux as a line on the axis of the flare classes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from app_dash.figures.chart import Trace
from app_dash.figures.time_axis import HOVER, epoch
from app_dash.theme import Tokens

# The quiet Sun shines above it in all but the deepest minimum.
XRAY_FLOOR = 5e-8


@dataclass(frozen=True)
class FluxLine:
    """Flux (n,) [W m-2] in even steps from a moment on, NaN where there is none."""

    start_at: datetime
    step: timedelta
    flux: NDArray[np.float64]


def flux_trace(line: FluxLine, tokens: Tokens) -> Trace:
    """Draw the flux by its beginning and its step, which spares sending every time."""
    flux = [None if np.isnan(v) else float(f"{max(v, XRAY_FLOOR):.3g}") for v in line.flux]
    return {
        "type": "scatter", "mode": "lines", "name": "X-ray flux", "y": flux,
        "x0": epoch(line.start_at), "dx": line.step.total_seconds() * 1000,
        "line": {"color": tokens.text3, "width": 1}, "connectgaps": False,
        "hovertemplate": "%{y:.2e} W m⁻², 1–8 Å<br>" + HOVER + "<extra></extra>",
    }  # fmt: skip
