"""The solar disk seen from Earth, with each region at its Stonyhurst position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.shared.chart import Figure, Trace, chart, note
from app_dash.shared.numbers import position, probability
from app_dash.shared.theme import Tokens
from solar.sharp import LONGITUDE_LIMIT_DEG

# The least distances of two names (x, y), of a name and a region mark, and of two lines, in solar
# radii.
_NAME, _SPOT, _LINE = (0.32, 0.13), (0.22, 0.1), 0.24
_BESIDE = 0.05
Point = tuple[float, float]
GRID_DEG = 15
PIXELS_PER_RADIUS = 125
Points = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class DiskRegion:
    """A region on the disk: position [deg], area [µHem], probability of M1.0+ or None."""

    name: str
    lat_deg: float
    lon_deg: float
    area: float | None
    probability: float | None
    is_over: bool
    is_near_limb: bool = False


def disk_figure(regions: Sequence[DiskRegion], at: datetime, tokens: Tokens) -> Figure:
    """Draw the disk with its grid, the limit of longitude and the regions."""
    tilt = tilt_deg(at)
    limits = [_meridian(sign * LONGITUDE_LIMIT_DEG, tilt) for sign in (-1, 1)]
    data = [
        _outline(tokens),
        *(_beyond(limit, sign, tokens) for limit, sign in zip(limits, (-1, 1), strict=True)),
        _grid(tilt, tokens),
        *(_line(*limit, tokens.text3, dash="4px,3px") for limit in limits),
        _region_marks(regions, tilt, tokens),
    ]
    # The names of regions near the limb are beside the disk.
    side = 1.48 if any(region.is_near_limb for region in regions) else 1.2
    span = {"range": [-side, side], "visible": False, "fixedrange": True}
    return chart(
        tokens,
        data,
        xaxis={**span, "scaleanchor": "y"},
        yaxis={**span, "range": [-1.1, 1.12]},
        annotations=[*_compass(regions, tilt, tokens), *_placed_labels(regions, tilt, tokens)],
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
    )


@dataclass(frozen=True)
class RegionLabel:
    """The name of a region at (x, y), `lift` above its mark; large `weight` goes first."""

    name: str
    x: float
    y: float
    lift: float
    value: str
    weight: float
    is_near_limb: bool


def place(labels: Sequence[RegionLabel], tokens: Tokens) -> list[dict[str, Any]]:
    """Place names around their marks, those near the limb outside the disk.

    A name without room is left out; the hover text of the mark has it.
    """
    notes: list[dict[str, Any]] = []
    for side in (-1, 1):
        notes += _at_limb([n for n in labels if n.is_near_limb and n.x * side > 0], side, tokens)
    regions = [(label.x, label.y) for label in labels]
    used = [(note["x"] * 1.17, note["y"]) for note in notes]
    inner = [label for label in labels if not label.is_near_limb]
    for label in sorted(inner, key=lambda label: -label.weight):
        free = next((p for p in _around(label) if _is_free(p, used, regions)), None)
        if free is None:
            continue
        used.append(free)
        notes.append(_note(label, free, tokens, xanchor="center"))
    return notes


def _at_limb(labels: Sequence[RegionLabel], side: int, tokens: Tokens) -> list[dict[str, Any]]:
    """Place names at the limb, one below the other if marks are close."""
    notes, lowest = [], 2.0
    for label in sorted(labels, key=lambda label: -label.y):
        lowest = min(label.y, lowest - _LINE)
        edge = max(1 - lowest**2, 0.0) ** 0.5 + _BESIDE
        place = (side * max(edge, abs(label.x) + _BESIDE), lowest)
        notes.append(_note(label, place, tokens, xanchor="left" if side > 0 else "right"))
    return notes


def _around(label: RegionLabel) -> list[Point]:
    up, side = max(label.lift, 1.05 * _SPOT[1]), max(2 * label.lift, 1.05 * _SPOT[0])
    moves = ((0.0, up), (0.0, -up), (side, 0.0), (-side, 0.0))
    return [(label.x + dx, label.y + dy) for dx, dy in moves]


def _is_free(place: Point, names: Sequence[Point], regions: Sequence[Point]) -> bool:
    return _is_clear(place, names, _NAME) and _is_clear(place, regions, _SPOT)


def _is_clear(place: Point, others: Sequence[Point], room: Point) -> bool:
    return all(abs(place[0] - x) > room[0] or abs(place[1] - y) > room[1] for x, y in others)


def _note(label: RegionLabel, place: Point, tokens: Tokens, *, xanchor: str) -> dict[str, Any]:
    parts = [f"<b>{label.name}</b>", label.value, "near limb" if label.is_near_limb else ""]
    text = "<br>".join(filter(None, parts))
    return note(tokens, text, x=place[0], y=place[1], xanchor=xanchor, color=tokens.text)


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
        "type": "scatter",
        "mode": "lines",
        "x": np.round(x, 4),
        "y": np.round(y, 4),
        "line": {"color": colour, "width": 1, "dash": dash},
        "hoverinfo": "skip",
    }


def _outline(tokens: Tokens) -> Trace:
    angle = np.linspace(0, 2 * np.pi, 181)
    return {
        **_line(np.cos(angle), np.sin(angle), tokens.axis),
        "fill": "toself",
        "fillcolor": tokens.disk,
    }


def _beyond(limit: Points, sign: int, tokens: Tokens) -> Trace:
    """Fill the crescent between the limit of longitude and the limb."""
    visible = ~np.isnan(limit[0])
    x, y = limit[0][visible], limit[1][visible]
    ends = np.arctan2(y[[-1, 0]], x[[-1, 0]])
    # On the eastern limb the angle wraps at 180 deg.
    start, end = ends if sign > 0 else ends % (2 * np.pi)
    angle = np.linspace(start, end, 61)
    ring_x, ring_y = np.cos(angle), np.sin(angle)
    return {
        **_line(np.concatenate([x, ring_x]), np.concatenate([y, ring_y]), tokens.beyond),
        "fill": "toself",
        "fillcolor": tokens.beyond,
        "line": {"width": 0},
    }


def _region_marks(regions: Sequence[DiskRegion], tilt: float, tokens: Tokens) -> Trace:
    x, y, _ = _places(regions, tilt)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "name": "regions",
        "marker": {
            "size": [2 * _radius(region) for region in regions],
            "opacity": 1,
            "color": [
                tokens.panel if region.probability is None else tokens.step(region.probability)
                for region in regions
            ],
            "line": {
                "color": [tokens.text if region.is_over else tokens.text3 for region in regions],
                "width": [1.5 if region.is_over else 1 for region in regions],
            },
        },
        "customdata": [_hover(region) for region in regions],
        "hovertemplate": "<b>AR %{customdata[0]}</b> %{customdata[1]}<br>P(M1.0+)"
        " %{customdata[2]}<br>area %{customdata[3]}<extra></extra>",
    }


def _places(regions: Sequence[DiskRegion], tilt: float) -> tuple[NDArray[np.float64], ...]:
    lat = np.array([region.lat_deg for region in regions], float)
    lon = np.array([region.lon_deg for region in regions], float)
    return project(lat, lon, tilt)


def _hover(region: DiskRegion) -> list[str]:
    area = "unknown" if region.area is None else f"{region.area:,.0f} µHem"
    return [
        region.name,
        position(region.lat_deg, region.lon_deg),
        probability(region.probability),
        area,
    ]


def _placed_labels(
    regions: Sequence[DiskRegion], tilt: float, tokens: Tokens
) -> list[dict[str, Any]]:
    x, y, _ = _places(regions, tilt)
    labels = [
        RegionLabel(
            region.name,
            float(x[i]),
            float(y[i]),
            lift=(12 + _radius(region)) / PIXELS_PER_RADIUS,
            value=probability(region.probability) if region.is_over else "",
            weight=region.probability or 0.0,
            is_near_limb=region.is_near_limb,
        )
        for i, region in enumerate(regions)
    ]
    return place(labels, tokens)


def _radius(region: DiskRegion) -> float:
    return 4 + float(np.sqrt(region.area or 0)) / 4.2


def _compass(regions: Sequence[DiskRegion], tilt: float, tokens: Tokens) -> list[dict[str, Any]]:
    """Mark north, and east unless the name of a region is there."""
    edge = [region for region in regions if region.is_near_limb and region.lon_deg < 0]
    _, y, _ = _places(edge, tilt)
    north = note(tokens, "N", x=0, y=1.0, yanchor="bottom")
    east = note(tokens, "E", x=-1.03, y=0, xanchor="right")
    return [north] if (np.abs(y) < 0.25).any() else [north, east]
