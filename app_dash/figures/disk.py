"""The solar disk seen from Earth, with each region at its Stonyhurst position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.figures.chart import Figure, Trace, chart, note
from app_dash.figures.disk_labels import Label, place
from app_dash.numbers import position, probability
from app_dash.theme import Tokens
from solar.sharp import LONGITUDE_LIMIT_DEG

GRID_DEG = 15
PIXELS_PER_RADIUS = 125
Points = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Spot:
    """A region on the disk: position [deg], area [µHem], probability of M1.0+ or None."""

    name: str
    lat_deg: float
    lon_deg: float
    area: float | None
    probability: float | None
    is_over: bool
    is_near_limb: bool = False


def disk_figure(spots: Sequence[Spot], at: datetime, tokens: Tokens) -> Figure:
    """Draw the disk with its grid, the limit of longitude and the regions."""
    tilt = tilt_deg(at)
    limits = [_meridian(sign * LONGITUDE_LIMIT_DEG, tilt) for sign in (-1, 1)]
    data = [
        _outline(tokens),
        *(_beyond(limit, sign, tokens) for limit, sign in zip(limits, (-1, 1), strict=True)),
        _grid(tilt, tokens),
        *(_line(*limit, tokens.text3, dash="4px,3px") for limit in limits),
        _spots(spots, tilt, tokens),
    ]
    # The names of regions near the limb stand beside the disk.
    side = 1.48 if any(spot.is_near_limb for spot in spots) else 1.2
    span = {"range": [-side, side], "visible": False, "fixedrange": True}
    return chart(
        tokens, data, xaxis={**span, "scaleanchor": "y"}, yaxis={**span, "range": [-1.1, 1.12]},
        annotations=[*_compass(spots, tilt, tokens), *_placed_labels(spots, tilt, tokens)],
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
    )  # fmt: skip


def tilt_deg(at: datetime) -> float:
    """Return B0, the latitude of the disk's centre [deg], within 0.3 deg.

    The Earth crosses the solar equator about 7 June and 8 December; the inclination of the
    equator is 7.25 deg.
    """
    days = (at - datetime(at.year, 6, 7, tzinfo=UTC)).total_seconds() / 86400
    return float(7.25 * np.sin(2 * np.pi * days / 365.25))


def project(
    lat_deg: NDArray[np.float64], lon_deg: NDArray[np.float64], tilt: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return x (west positive), y (north positive) in solar radii and depth (> 0: visible)."""
    lat, lon, b0 = np.radians(lat_deg), np.radians(lon_deg), np.radians(tilt)
    x = np.cos(lat) * np.sin(lon)
    y = np.sin(lat) * np.cos(b0) - np.cos(lat) * np.cos(lon) * np.sin(b0)
    depth = np.sin(lat) * np.sin(b0) + np.cos(lat) * np.cos(lon) * np.cos(b0)
    return x, y, depth


def _meridian(lon: float, tilt: float) -> Points:
    lat = np.linspace(-90, 90, 61)
    x, y, depth = project(lat, np.full_like(lat, lon), tilt)
    return np.where(depth >= 0, x, np.nan), np.where(depth >= 0, y, np.nan)


def _parallel(lat: float, tilt: float) -> Points:
    lon = np.linspace(-100, 100, 81)
    x, y, depth = project(np.full_like(lon, lat), lon, tilt)
    return np.where(depth >= 0, x, np.nan), np.where(depth >= 0, y, np.nan)


def _grid(tilt: float, tokens: Tokens) -> Trace:
    lines = [_meridian(lon, tilt) for lon in range(-75, 90, GRID_DEG)]
    lines += [_parallel(lat, tilt) for lat in range(-75, 90, GRID_DEG)]
    gap = np.array([np.nan])
    x = np.concatenate([part for line in lines for part in (line[0], gap)])
    y = np.concatenate([part for line in lines for part in (line[1], gap)])
    return _line(x, y, tokens.border)


def _line(
    x: NDArray[np.float64], y: NDArray[np.float64], colour: str, *, dash: str = "solid"
) -> Trace:
    return {
        "type": "scatter", "mode": "lines", "x": np.round(x, 4), "y": np.round(y, 4),
        "line": {"color": colour, "width": 1, "dash": dash}, "hoverinfo": "skip",
    }  # fmt: skip


def _outline(tokens: Tokens) -> Trace:
    angle = np.linspace(0, 2 * np.pi, 181)
    return {
        **_line(np.cos(angle), np.sin(angle), tokens.axis), "fill": "toself",
        "fillcolor": tokens.disk,
    }  # fmt: skip


def _beyond(limit: Points, sign: int, tokens: Tokens) -> Trace:
    """Fill the crescent between the limit of longitude and the limb."""
    seen = ~np.isnan(limit[0])
    x, y = limit[0][seen], limit[1][seen]
    ends = np.arctan2(y[[-1, 0]], x[[-1, 0]])
    # The eastern limb crosses the cut of the angle at 180 deg.
    start, end = ends if sign > 0 else ends % (2 * np.pi)
    angle = np.linspace(start, end, 61)
    ring_x, ring_y = np.cos(angle), np.sin(angle)
    return {
        **_line(np.concatenate([x, ring_x]), np.concatenate([y, ring_y]), tokens.beyond),
        "fill": "toself", "fillcolor": tokens.beyond, "line": {"width": 0},
    }  # fmt: skip


def _spots(spots: Sequence[Spot], tilt: float, tokens: Tokens) -> Trace:
    x, y, _ = _places(spots, tilt)
    return {
        "type": "scatter", "mode": "markers", "x": x, "y": y, "name": "regions",
        "marker": {
            "size": [2 * _radius(spot) for spot in spots],
            "opacity": 1,
            "color": [
                tokens.panel if spot.probability is None else tokens.step(spot.probability)
                for spot in spots
            ],
            "line": {
                "color": [tokens.text if spot.is_over else tokens.text3 for spot in spots],
                "width": [1.5 if spot.is_over else 1 for spot in spots],
            },
        },
        "customdata": [_hover(spot) for spot in spots],
        "hovertemplate": "<b>AR %{customdata[0]}</b> %{customdata[1]}<br>P(M1.0+)"
        " %{customdata[2]}<br>area %{customdata[3]}<extra></extra>",
    }  # fmt: skip


def _places(spots: Sequence[Spot], tilt: float) -> tuple[NDArray[np.float64], ...]:
    lat = np.array([spot.lat_deg for spot in spots], float)
    lon = np.array([spot.lon_deg for spot in spots], float)
    return project(lat, lon, tilt)


def _hover(spot: Spot) -> list[str]:
    area = "unknown" if spot.area is None else f"{spot.area:,.0f} µHem"
    return [spot.name, position(spot.lat_deg, spot.lon_deg), probability(spot.probability), area]


def _placed_labels(spots: Sequence[Spot], tilt: float, tokens: Tokens) -> list[dict[str, Any]]:
    x, y, _ = _places(spots, tilt)
    labels = [
        Label(
            spot.name, float(x[i]), float(y[i]),
            lift=(12 + _radius(spot)) / PIXELS_PER_RADIUS,
            value=probability(spot.probability) if spot.is_over else "",
            weight=spot.probability or 0.0, is_near_limb=spot.is_near_limb,
        )
        for i, spot in enumerate(spots)
    ]  # fmt: skip
    return place(labels, tokens)


def _radius(spot: Spot) -> float:
    return 4 + float(np.sqrt(spot.area or 0)) / 4.2


def _compass(spots: Sequence[Spot], tilt: float, tokens: Tokens) -> list[dict[str, Any]]:
    """Mark north, and east where no name of a region stands in its place."""
    edge = [spot for spot in spots if spot.is_near_limb and spot.lon_deg < 0]
    _, y, _ = _places(edge, tilt)
    north = note(tokens, "N", x=0, y=1.0, yanchor="bottom")
    east = note(tokens, "E", x=-1.03, y=0, xanchor="right")
    return [north] if (np.abs(y) < 0.25).any() else [north, east]
