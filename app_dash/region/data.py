"""What the store holds of one region, read once for its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from app_dash.region.issued import Issued, issued
from app_dash.region.query import SPANS, RegionQuery
from app_dash.view import View
from database.alerts.alerts import MISSED, Alert, list_alerts
from database.engine import reading
from database.flares.coverage import covered_windows
from database.flares.flares import Flare, list_flares
from database.models import StageRow, list_models, live_since
from database.predictions.forecasts import forecasting_models
from database.regions.current import RegionRow
from database.regions.timeline import (
    ForecastLine,
    Measurements,
    Place,
    find_region,
    forecast_lines,
    measurements,
    place_at,
)
from solar.flares import HORIZON
from solar.sharp import LIVE_KEYWORDS
from solar.time import Window, to_datetime64

MOST_FLARES = 1_000
MOST_ALERTS = 200
MOST_BESIDE = 6
MOMENT = timedelta(microseconds=1)
# Two windows of the keyword network: this one and the one before it.
NETWORK_SPAN = timedelta(hours=48)
# How much more than the window of the forecast is shown behind a time that the page stands at.
_AFTERMATH = timedelta(hours=8)


@dataclass(frozen=True)
class RegionData:
    """What is stored of a region; `flares` and `alerts` are those of its whole passage.

    `place` is the record that the page stands at, `as_of` the time that the reader asked for,
    None for now. `beside` are the models that may be drawn beside the issued forecasts, and
    `others` the lines of those that are.
    """

    region: RegionRow
    place: Place
    shown: Window
    as_of: datetime | None
    issued: Issued
    beside: Sequence[str]
    others: Mapping[str, ForecastLine]
    records: Measurements
    flares: Sequence[Flare]
    alerts: Sequence[Alert]
    covered: Sequence[Window]

    @property
    def at(self) -> datetime:
        """The time of the record that the page stands at."""
        return self.place.t_rec

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """Whether each issued forecast (n,) was known as of the time that the page stands at."""
        line = self.issued.line
        if self.as_of is None:
            return np.ones(len(line), bool)
        at = to_datetime64(self.as_of)
        is_replayed = line.issued_at - line.t_rec > np.timedelta64(HORIZON)
        return np.asarray((line.t_rec <= at) & (is_replayed | (line.issued_at <= at)), np.bool_)

    @property
    def standing(self) -> int | None:
        """The place in the issued line of the newest forecast that was known, None without one."""
        known = np.flatnonzero(self.is_known)
        return int(known[-1]) if len(known) else None

    @property
    def known_flares(self) -> list[Flare]:
        """The flares that had peaked as of the time that the page stands at."""
        return [f for f in self.flares if self.as_of is None or f.peak_at <= self.as_of]

    @property
    def open_alert(self) -> Alert | None:
        """The newest alert that stood open as of the time that the page stands at."""
        at = self.as_of or self.region.last_t_rec
        standing = (a for a in self.alerts if a.opened_at <= at < (a.closed_at or at + MOMENT))
        return next(standing, None)


def read_region(view: View, region_id: int, query: RegionQuery) -> RegionData:
    """Read what the address asks for of a region."""
    with reading(view.engine) as connection:
        region = find_region(connection, region_id)
        as_of = query.as_of if query.as_of and query.as_of < region.last_t_rec else None
        place = _place(connection, region, as_of)
        shown = _shown(region, SPANS[query.range], as_of)
        history = live_since(connection)
        beside = _beside(connection, view)
        chosen = query.beside(beside)
        lines = _lines(connection, region, query, models=_ids(history, chosen), shown=shown)
        whole = Window(region.first_t_rec, region.last_t_rec + HORIZON)
        kept = Window(min(shown.start_at, place.t_rec - NETWORK_SPAN), shown.end_at)
        return RegionData(
            region, place, shown, as_of,
            issued(lines, history, list_models(connection)),
            beside, {model_id: lines[model_id] for model_id in chosen},
            measurements(connection, region_id, keywords=LIVE_KEYWORDS, window=kept),
            list_flares(connection, window=whole, region_id=region_id, limit=MOST_FLARES),
            _alerts(connection, region_id),
            covered_windows(connection),
        )  # fmt: skip


def _place(connection: sa.Connection, region: RegionRow, as_of: datetime | None) -> Place:
    """Find the record that stood then; before the first one, that one."""
    at = max(as_of or region.last_t_rec, region.first_t_rec)
    found = place_at(connection, region.region_id, at)
    if found is not None:
        return found
    return Place(region.last_t_rec, region.lon_fwt, region.lat_fwt, region.area_acr)


def _shown(region: RegionRow, span: timedelta | None, as_of: datetime | None) -> Window:
    end_at = region.last_t_rec + HORIZON
    if span is None:
        return Window(region.first_t_rec, end_at)
    if as_of is not None:
        end_at = min(end_at, max(as_of, region.first_t_rec) + HORIZON + _AFTERMATH)
    return Window(max(region.first_t_rec, end_at - HORIZON - span), end_at)


def _beside(connection: sa.Connection, view: View) -> list[str]:
    live = view.state.model.model_id if view.state.model else ""
    found = [model_id for model_id in forecasting_models(connection) if model_id != live]
    return found[:MOST_BESIDE]


def _ids(history: Sequence[StageRow], chosen: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*(row.model_id for row in history), *chosen]))


def _lines(
    connection: sa.Connection, region: RegionRow, query: RegionQuery, *, models: Sequence[str],
    shown: Window,
) -> dict[str, ForecastLine]:  # fmt: skip
    # A day more than is shown: what stood a day before the forecast that the page stands at.
    window = Window(shown.start_at - HORIZON, shown.end_at)
    return forecast_lines(
        connection, region.region_id, model_ids=models, window=window,
        as_issued=query.revision == "issued", known_until=query.as_of,
    )  # fmt: skip


def _alerts(connection: sa.Connection, region_id: int) -> list[Alert]:
    found = list_alerts(connection, region_id=region_id, limit=MOST_ALERTS)
    return [alert for alert in found if alert.outcome != MISSED]
