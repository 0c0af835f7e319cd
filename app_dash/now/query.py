"""The address of Now: in which order the regions stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from app_dash.now.disk_series import HourlySeries
from app_dash.now.standing import MAIN, Standing
from app_dash.url_state import Query
from solar.flares import EVENTS

Order = Literal["risk", "change", "position"]
_DAY = 24


class NowQuery(Query):
    """What Now remembers in its address."""

    sort: Order = "risk"


def ordered(found: Sequence[Standing], series: HourlySeries, order: Order) -> list[Standing]:
    """Order regions by risk, by the change over 24 h, or from east to west; the blind come last."""
    if order == "risk":
        return list(found)
    seen = [standing for standing in found if standing.forecast is not None]
    blind = [standing for standing in found if standing.forecast is None]
    if order == "position":
        return [*sorted(seen, key=_longitude), *blind]
    return [*sorted(seen, key=lambda s: -abs(change(s, series) or 0.0)), *blind]


def change(standing: Standing, series: HourlySeries) -> float | None:
    """Return how far the probability of M1.0+ has moved over 24 h, None where that is unknown."""
    past = series.regions.get(standing.region.region_id)
    now = standing.probability(MAIN)
    if past is None or now is None or len(past) <= _DAY:
        return None
    before = float(past[-1 - _DAY, EVENTS.index(MAIN)])
    return None if np.isnan(before) else now - before


def _longitude(standing: Standing) -> float:
    longitude = standing.region.lon_fwt
    return 180.0 if longitude is None else longitude
