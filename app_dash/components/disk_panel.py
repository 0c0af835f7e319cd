"""The solar disk with its regions, and the names of those that have no place on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dash import html
from dash.development.base_component import Component

from app_dash.components.aria import unspoken
from app_dash.components.panels import graph, panel
from app_dash.figures.disk import Spot, disk_figure
from app_dash.standing import MAIN, Alert, Standing
from app_dash.theme import STEP_BOUNDS, Tokens

# The disk gives up the room that the names below it take, so that the page keeps its height.
HEIGHT, HEIGHT_WITH_NAMES = 280, 232


def disk_panel(found: Sequence[Standing], at: datetime, tokens: Tokens) -> Component:
    """Draw the regions at their places; those without one are named below."""
    placed = [standing for standing in found if _is_placed(standing)]
    spots = [_spot(standing) for standing in placed]
    figure = disk_figure(spots, at, tokens)
    over = sum(spot.is_over for spot in spots)
    beside = _beside_the_disk(found)
    text = (
        f"Solar disk with {len(spots)} regions coloured by their probability of M1.0+ in 24 h;"
        f" {over} over the threshold."
    )
    return panel(
        "Solar disk",
        graph("disk", figure, text=text, height=HEIGHT_WITH_NAMES if beside else HEIGHT),
        *beside,
        _step_scale(),
        subtitle="P(M1.0+), 24 h",
        actions="dashed ±70° · size = area",
        class_name="span-4 disk-panel",
    )  # fmt: skip


def _beside_the_disk(found: Sequence[Standing]) -> list[Component]:
    """Name the regions that have no place on the disk, and say which of two reasons it is."""
    missing = [standing for standing in found if not _is_placed(standing)]
    nowhere = [s for s in missing if s.region.lon_fwt is None or s.region.lat_fwt is None]
    behind = [standing for standing in missing if standing not in nowhere]
    said = (
        (nowhere, f"{len(nowhere)} of {len(found)} regions without a position"),
        (behind, "Behind the limb"),
    )
    lines = [
        html.Div(f"{what}: {', '.join(standing.name for standing in those)}")
        for those, what in said if those
    ]  # fmt: skip
    return [html.Div(lines, className="secondary unplaced")] if lines else []


def _is_placed(standing: Standing) -> bool:
    region = standing.region
    return region.lat_fwt is not None and region.lon_fwt is not None and abs(region.lon_fwt) < 90


def _spot(standing: Standing) -> Spot:
    region = standing.region
    return Spot(
        standing.name, region.lat_fwt or 0.0, region.lon_fwt or 0.0, region.area_acr,
        standing.probability(MAIN), standing.alert is Alert.ALERT,
    )  # fmt: skip


def _step_scale() -> Component:
    steps = [
        html.Div([html.I(style={"background": f"var(--step{i})"}), f"{bound * 100:.0f}"])
        for i, bound in enumerate(STEP_BOUNDS)
    ]
    return html.Div([*steps, html.Span("%")], className="step-scale", **unspoken())
