"""The marks of drift: a line of daily medians, and a PSI with its interval between the bands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app_dash.figures.sparkline import Scale, address, sparkline
from app_dash.theme import Tokens
from solar.drift import DRIFT, WATCH, Assessment, Band

MOST_POINTS = 120
_LINE = Scale(width=160, height=24, low=-3.0, high=3.0)
_MARK = Scale(width=160, height=24, low=0.0, high=1.0)
_INSET = 6.0


def thinned(shifts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average runs of days (d,) until a line of them fits; NaN is left out of the means."""
    step = -(-len(shifts) // MOST_POINTS)
    if step <= 1:
        return shifts
    padded = np.full(-(-len(shifts) // step) * step, np.nan)
    padded[: len(shifts)] = shifts
    runs = padded.reshape(-1, step)
    known = np.count_nonzero(~np.isnan(runs), axis=1)
    means: NDArray[np.float64] = np.full(len(runs), np.nan)
    np.divide(np.nansum(runs, axis=1), known, out=means, where=known > 0)
    return means


def median_line(shifts: NDArray[np.float64], tokens: Tokens) -> str:
    """Draw by how many deciles each day's median lies off, as an image address."""
    return sparkline(
        thinned(shifts), _LINE, colour=tokens.accent, threshold=0.0, threshold_colour=tokens.axis
    )


def word_color(word: Band, tokens: Tokens) -> str:
    """Return the colour of a verdict, which always stands beside its word."""
    return {"no drift": tokens.ok, "watch": tokens.warning, "drift": tokens.error}[word]


def psi_mark(found: Assessment, tokens: Tokens) -> str:
    """Draw a PSI on a root scale from 0 to 1, with its interval and both bands as lines.

    The pale stretch is what the scatter of the days explains.
    """
    colour = word_color(found.band, tokens)
    middle = _MARK.height / 2
    explained = _place(found.explained)
    drawn = [
        f'<rect x="{_INSET}" y="4" width="{explained - _INSET:.1f}" height="{_MARK.height - 8}"'
        f' fill="{tokens.border}"/>',
        *(
            f'<path d="M{_place(band):.1f} 2V{_MARK.height - 2}" stroke="{tokens.axis}"'
            ' stroke-dasharray="2 3"/>'
            for band in (WATCH, DRIFT)
        ),
        f'<path d="M{_place(found.low):.1f} {middle}H{_place(found.high):.1f}"'
        f' stroke="{colour}" stroke-width="2"/>',
        f'<circle cx="{_place(found.psi):.1f}" cy="{middle}" r="4" fill="{colour}"/>',
    ]
    return address("".join(drawn), _MARK)


def _place(value: float) -> float:
    """Return where a PSI stands [px]; the root gives the bands room, 1 and above is the end."""
    share = float(np.sqrt(min(max(value, 0.0), 1.0)))
    return _INSET + share * (_MARK.width - 2 * _INSET)
