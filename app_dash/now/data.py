"""All that Now shows of the disk, read in one go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app_dash.alerts.query import region_names
from app_dash.now.disk_series import HourlySeries, hourly_series
from app_dash.now.standing import Standing, standings, unseen_flares
from app_dash.view import View
from database.alerts.alerts import ACKNOWLEDGED, OPEN, Alert, list_alerts
from database.engine import reading
from database.flares.flares import Flare, list_flares
from database.flares.xray import XrayLine, flux_line
from database.predictions.forecasts import hourly_forecasts
from database.regions.current import ForecastRow, latest_forecasts
from solar.flares import EVENTS, HORIZON
from solar.time import Window

FLARE_DAYS = 3
RECENT_ALERTS = timedelta(days=7)
_MOST_FLARES = 500
_MOST_OPEN, _MOST_RECENT = 20, 8


@dataclass(frozen=True)
class NowData:
    """What was read; `at` is the time of the newest record, `before` the forecasts before last."""

    at: datetime
    found: list[Standing]
    series: HourlySeries
    before: Mapping[int, ForecastRow]
    flares: Sequence[Flare]
    xray: XrayLine | None
    alerts: Sequence[Alert]
    names: Mapping[int, str]

    @property
    def shown(self) -> Window:
        """The days of flares and the window of the forecast."""
        return Window(self.at - timedelta(days=FLARE_DAYS), self.at + HORIZON)

    @property
    def recent(self) -> dict[int, list[Flare]]:
        """The flares of the last 24 h by region."""
        by_region: dict[int, list[Flare]] = defaultdict(list)
        for flare in self._of_a_day():
            if flare.region_id is not None:
                by_region[flare.region_id].append(flare)
        return by_region

    @property
    def unseen(self) -> list[Flare]:
        """The largest flare of each region that flared in the last 24 h and has no record."""
        return unseen_flares(self._of_a_day(), self.found)

    def _of_a_day(self) -> list[Flare]:
        return [flare for flare in self.flares if flare.peak_at > self.at - HORIZON]


def read_now(view: View, at: datetime) -> NowData:
    """Read the forecasts, flares, X-rays and alerts that the page shows."""
    hours = 24 * FLARE_DAYS
    window = Window(at - timedelta(hours=hours), at + timedelta(microseconds=1))
    model_id = view.state.model.model_id if view.state.model else ""
    with reading(view.engine) as connection:
        flares = list_flares(
            connection, window=window, min_flux=EVENTS[0].peak_flux_w_m2, limit=_MOST_FLARES
        )
        columns = hourly_forecasts(connection, model_id, at, hours=hours + 3)
        before = latest_forecasts(connection, model_id, at, skip=1)
        xray = flux_line(connection, window)
        alerts = _alerts(connection, at)
        names = region_names(connection, alerts)
    series = hourly_series(columns, at, hours=hours)
    return NowData(at, standings(view.state), series, before, flares, xray, alerts, names)


def _alerts(connection: sa.Connection, at: datetime) -> list[Alert]:
    """Read what stands open, however old, and what else opened of late."""
    standing = list_alerts(connection, states=(OPEN, ACKNOWLEDGED), limit=_MOST_OPEN)
    of_late = Window(at - RECENT_ALERTS, at + timedelta(microseconds=1))
    recent = list_alerts(connection, window=of_late, limit=_MOST_RECENT)
    found = {alert.alert_id: alert for alert in (*standing, *recent)}
    return sorted(found.values(), key=lambda alert: alert.opened_at, reverse=True)
