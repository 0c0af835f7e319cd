"""The solar disk with its regions, and the names of those that have no place on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dash import html
from dash.development.base_component import Component

from app_dash.components.aria import unspoken
from app_dash.components.panels import graph, panel
from app_dash.figures.disk import Spot, disk_figure
from app_dash.now.standing import MAIN, Alert, Standing
from app_dash.numbers import position
from app_dash.theme import STEP_BOUNDS, Tokens

# The disk gives up the room that the names below it take, so that the page keeps its height;
# beside a table of many regions it may be as large as the panel is wide.
HEIGHT, HEIGHT_WITH_NAMES, HEIGHT_OF_MANY = 304, 272, 380
MANY = 12


def disk_panel(found: Sequence[Standing], at: datetime, tokens: Tokens) -> Component:
    """Draw the regions at their places of now; those without one are named below."""
    placed = [standing for standing in found if _is_placed(standing)]
    spots = [_spot(standing) for standing in placed]
    figure = disk_figure(spots, at, tokens)
    over = sum(spot.is_over for spot in spots)
    beside = _beside_the_disk(found)
    height = HEIGHT_WITH_NAMES if beside else HEIGHT
    text = (
        f"Solar disk with {len(spots)} regions coloured by their probability of M1.0+ in 24 h;"
        f" {over} over the threshold."
    )
    return panel(
        "Solar disk",
        graph("disk", figure, text=text, height=HEIGHT_OF_MANY if len(found) > MANY else height),
        *beside,
        _step_scale(),
        subtitle="P(M1.0+), 24 h",
        actions="dashed ±70° · size = area",
        class_name="span-4 disk-panel",
        how="solar-disk",
    )  # fmt: skip


def _beside_the_disk(found: Sequence[Standing]) -> list[Component]:
    """Name the regions that have no place on the disk or a doubtful one, and say why."""
    nowhere = [s for s in found if s.lon_now is None or s.region.lat_fwt is None]
    behind = [standing for standing in found if standing.is_behind_limb]
    edge = [s for s in found if s.is_near_limb and not s.is_behind_limb]
    said = (
        (nowhere, f"{len(nowhere)} of {len(found)} regions without a position"),
        (edge, "Beyond 70°"),
        (behind, "Round the limb"),
    )
    lines = [
        html.Div(f"{what}: {', '.join(_placed_name(standing) for standing in those)}")
        for those, what in said if those
    ]  # fmt: skip
    return [html.Div(lines, className="secondary unplaced")] if lines else []


def _placed_name(standing: Standing) -> str:
    if standing.lon_now is None or standing.region.lat_fwt is None:
        return standing.name
    return f"{standing.name} {position(standing.region.lat_fwt, standing.lon_now)}"


def _is_placed(standing: Standing) -> bool:
    has_place = standing.lon_now is not None and standing.region.lat_fwt is not None
    return has_place and not standing.is_behind_limb


def _spot(standing: Standing) -> Spot:
    region = standing.region
    return Spot(
        standing.name, region.lat_fwt or 0.0, standing.lon_now or 0.0, region.area_acr,
        standing.probability(MAIN), standing.alert is Alert.ALERT, standing.is_near_limb,
    )  # fmt: skip


def _step_scale() -> Component:
    steps = [
        html.Div([html.I(style={"background": f"var(--step{i})"}), f"{bound * 100:.0f}"])
        for i, bound in enumerate(STEP_BOUNDS)
    ]
    return html.Div([*steps, html.Span("%")], className="step-scale", **unspoken())
