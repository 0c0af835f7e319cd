"""The data of the Now page: its address, and what it reads of the disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import sqlalchemy as sa

from app_dash.frame.page import PageContext
from app_dash.shared.alerts import events_by_region, region_names
from app_dash.shared.disk_forecast import HourlySeries, hourly_series
from app_dash.shared.injected import injected_faults
from app_dash.shared.lead_matrix import TargetForecast
from app_dash.shared.region_status import (
    FORECAST_LIFE,
    MAIN_EVENT,
    RegionStatus,
    flares_without_records,
    full_disk,
    region_statuses,
)
from app_dash.shared.url_state import Query
from database.agencies.outlook import Outlook, current_outlooks
from database.alerts.alerts import ACKNOWLEDGED, OPEN, Alert, list_alerts
from database.engine import reading
from database.flares.flares import Flare, list_flares
from database.flares.xray import XrayLine, flux_line
from database.leads.leads import LeadRow, newest_leads
from database.nowcast.nowcast import Nowcast, NowcastEvent, list_nowcast_events, read_nowcast
from database.predictions.forecasts import hourly_forecasts
from database.regions.current import ForecastRow, latest_forecasts
from database.verification.base_rate import BaseRates, base_rates
from solar.flares import EVENTS, LEADS, Event
from solar.full_disk import disk_probability
from solar.injected_faults import InjectedFault
from solar.time import Window, to_datetime64
from solar.windows import DAY, ForecastWindow, forecast_window

FLARE_DAYS = 3
RECENT_XRAYS = timedelta(hours=6)
RECENT_ALERTS = timedelta(days=7)
_MOST_FLARES = 500
_MOST_OPEN, _MOST_RECENT = 200, 8
Order = Literal["risk", "change", "position"]
WindowName = Literal["6h", "12h", "24h", "48h", "d2", "d3"]
_DAY = 24


class NowQuery(Query):
    """The state of the Now page: the order of the regions, and the window of their forecasts."""

    sort: Order = "risk"
    window: WindowName = "24h"

    @property
    def chosen(self) -> ForecastWindow:
        """The window that the disk and the regions are shown for."""
        return forecast_window(self.window)


@dataclass(frozen=True)
class NowData:
    """What the page shows of the disk.

    `at` is the time of the newest record, and flares and X-rays are shown `until` now. `before` is
    each region's last forecast but one, `leads` the current ones of its other windows. `events` are
    the flares seen in the X-ray minutes, and `recent_xray` the flux of the last hours. `outlooks`
    are the forecasts of agencies.
    """

    at: datetime
    until: datetime
    nowcast: Nowcast
    events: Sequence[NowcastEvent]
    recent_xray: XrayLine | None
    statuses: list[RegionStatus]
    series: HourlySeries
    before: Mapping[int, ForecastRow]
    flares: Sequence[Flare]
    xray: XrayLine | None
    base_rates: BaseRates
    alerts: Sequence[Alert]
    names: Mapping[int, str]
    faults: Sequence[InjectedFault] = ()
    outlooks: Sequence[Outlook] = ()
    leads: Mapping[int, LeadRow] = field(default_factory=dict)

    @property
    def shown(self) -> Window:
        """The days of flares and the window of the forecast."""
        return Window(self.at - timedelta(days=FLARE_DAYS), self.at + DAY.validity)

    @property
    def recent(self) -> dict[int, list[Flare]]:
        """The flares of the last 24 h by region."""
        by_region: dict[int, list[Flare]] = defaultdict(list)
        for flare in self._of_a_day():
            if flare.region_id is not None:
                by_region[flare.region_id].append(flare)
        return by_region

    @property
    def alerted(self) -> dict[int, tuple[Event, ...]]:
        """The events of all open alerts by region, the rarest first."""
        return events_by_region(a for a in self.alerts if a.state in (OPEN, ACKNOWLEDGED))

    @property
    def without_record(self) -> list[Flare]:
        """The largest flare of each region that flared in the last 24 h and has no record."""
        return flares_without_records(self._of_a_day(), self.statuses)

    def probability(self, status: RegionStatus, target: Event) -> float | None:
        """Return the probability of a target for a region, None without a current forecast."""
        if target.window == DAY:
            return status.probability(target)
        lead = self.leads.get(status.region.region_id)
        return None if lead is None or status.forecast is None else lead.of(target)

    def disk_leads(self) -> dict[Event, TargetForecast]:
        """Return the full disk in the other windows, of regions and recent flares."""
        if not self.leads:
            return {}
        t_rec = max(lead.t_rec for lead in self.leads.values())
        return {target: TargetForecast(t_rec, self._disk(target, t_rec)) for target in LEADS}

    def _disk(self, target: Event, t_rec: datetime) -> float | None:
        product = full_disk(self.probability(status, target) for status in self.statuses)
        activity = self.series.activity
        if product is None or activity is None:
            return product
        counts = activity.counts(np.array([to_datetime64(t_rec)]))
        return float(disk_probability(target.name, np.array([product]), counts)[0])

    def _of_a_day(self) -> list[Flare]:
        return [flare for flare in self.flares if flare.peak_at > self.at - DAY.validity]


def read_now(context: PageContext, at: datetime) -> NowData:
    """Read the forecasts, flares, X-rays and alerts that the page shows."""
    hours = 24 * FLARE_DAYS
    until = context.seen_until
    window = Window(at - timedelta(hours=hours), until + timedelta(microseconds=1))
    recent = Window(until - RECENT_XRAYS, window.end_at)
    model_id = context.state.model.model_id if context.state.model else ""
    with reading(context.engine) as connection:
        flares = list_flares(
            connection, window=window, min_flux=EVENTS[0].peak_flux_w_m2, limit=_MOST_FLARES
        )
        columns = hourly_forecasts(connection, model_id, at, hours=hours + 3)
        before = latest_forecasts(connection, model_id, at, skip=1)
        xray = flux_line(connection, window)
        recent_xray = flux_line(connection, recent)
        nowcast = read_nowcast(connection, context.sun_now)
        events = list_nowcast_events(connection, window)
        rates = base_rates(connection, MAIN_EVENT, model_id, now=context.sun_now)
        alerts = _alerts(connection, at)
        names = region_names(connection, alerts)
        faults = injected_faults(connection)
        outlooks = current_outlooks(connection, now=context.sun_now)
        leads = newest_leads(connection, model_id, at)
    series = hourly_series(columns, at, hours=hours, activity=context.state.activity)
    return NowData(
        at=at,
        until=until,
        nowcast=nowcast,
        events=events,
        recent_xray=recent_xray,
        statuses=region_statuses(context.state),
        series=series,
        before=before,
        flares=flares,
        xray=xray,
        base_rates=rates,
        alerts=alerts,
        names=names,
        faults=faults,
        outlooks=outlooks,
        leads={key: row for key, row in leads.items() if at - row.t_rec <= FORECAST_LIFE},
    )


def _alerts(connection: sa.Connection, at: datetime) -> list[Alert]:
    """Read all open alerts, however old, and those that opened recently."""
    not_closed = list_alerts(connection, states=(OPEN, ACKNOWLEDGED), limit=_MOST_OPEN)
    window = Window(at - RECENT_ALERTS, at + timedelta(microseconds=1))
    recent = list_alerts(connection, window=window, limit=_MOST_RECENT)
    alerts = {alert.alert_id: alert for alert in (*not_closed, *recent)}
    return sorted(alerts.values(), key=lambda alert: alert.opened_at, reverse=True)


def ordered(
    statuses: Sequence[RegionStatus], series: HourlySeries, order: Order
) -> list[RegionStatus]:
    """Order regions by risk, by change over 24 h, or from east to west; no forecast comes last."""
    if order == "risk":
        return list(statuses)
    known = [status for status in statuses if status.forecast is not None]
    unknown = [status for status in statuses if status.forecast is None]
    if order == "position":
        return [*sorted(known, key=_longitude), *unknown]
    return [*sorted(known, key=lambda s: -abs(change(s, series) or 0.0)), *unknown]


def change(status: RegionStatus, series: HourlySeries) -> float | None:
    """Return the change of the probability of M1.0+ over 24 h, None if unknown."""
    past = series.regions.get(status.region.region_id)
    now = status.probability(MAIN_EVENT)
    if past is None or now is None or len(past) <= _DAY:
        return None
    before = float(past[-1 - _DAY, EVENTS.index(MAIN_EVENT)])
    return None if np.isnan(before) else now - before


def _longitude(status: RegionStatus) -> float:
    longitude = status.region.lon_fwt
    return 180.0 if longitude is None else longitude
