"""A sparkline: a small line drawn as an image, with the threshold behind it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PAD = 3.0


@dataclass(frozen=True)
class Scale:
    """The size [px] and the range of values of a sparkline."""

    width: int = 72
    height: int = 24
    low: float = 0.0
    high: float = 1.0


def sparkline(
    values: NDArray[np.float64],
    scale: Scale,
    *,
    colour: str,
    threshold: float | None = None,
    threshold_colour: str = "",
) -> str:
    """Draw values (n,) evenly spaced in time as an SVG image address; NaN breaks the line."""
    points = _points(values, scale)
    parts = [
        f'<polyline points="{" ".join(piece)}" fill="none" stroke="{colour}"'
        ' stroke-width="1.5" stroke-linejoin="round"/>'
        for piece in _pieces(points)
    ]
    if threshold is not None:
        y = _height(threshold, scale)
        parts.insert(
            0,
            f'<path d="M0 {y:.1f}H{scale.width}" stroke="{threshold_colour}"'
            ' stroke-dasharray="2 3"/>',
        )
    if len(points) and points[-1] is not None:
        left, top = points[-1].split(",")
        parts.append(f'<circle cx="{left}" cy="{top}" r="2.5" fill="{colour}"/>')
    return address("".join(parts), scale)


def _points(values: NDArray[np.float64], scale: Scale) -> list[str | None]:
    x = np.linspace(PAD, scale.width - PAD, max(len(values), 2))
    return [
        None if np.isnan(value) else f"{x[i]:.1f},{_height(float(value), scale):.1f}"
        for i, value in enumerate(values)
    ]


def _height(value: float, scale: Scale) -> float:
    share = (value - scale.low) / (scale.high - scale.low) if scale.high > scale.low else 0.0
    return scale.height - PAD - min(max(share, 0.0), 1.0) * (scale.height - 2 * PAD)


def _pieces(points: list[str | None]) -> list[list[str]]:
    pieces: list[list[str]] = [[]]
    for point in points:
        if point is None:
            pieces.append([])
        else:
            pieces[-1].append(point)
    return [piece for piece in pieces if len(piece) > 1]


def address(drawing: str, scale: Scale) -> str:
    """Return the elements of an SVG drawing of this size as the address of an image."""
    size = f'viewBox="0 0 {scale.width} {scale.height}" width="{scale.width}"'
    image = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} height="{scale.height}">{drawing}</svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(image.encode()).decode()
