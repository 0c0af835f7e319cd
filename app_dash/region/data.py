"""The data of one region: its records, and the forecasts issued for it with their outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from app_dash.frame.page import PageContext
from app_dash.region.outcomes import (
    FlareMark,
    Outcome,
    Passage,
    Times,
    flare_outcomes,
    forecast_outcomes,
    settled_at,
)
from app_dash.region.query import SPANS, RegionQuery, region_of
from app_dash.shared.injected import injected_faults
from app_dash.shared.lead_matrix import TargetForecast, target_forecasts
from app_dash.shared.region_status import FORECAST_LIFE
from database.alerts.alerts import MISSED, Alert, list_alerts
from database.engine import reading
from database.flares.coverage import covered_windows
from database.flares.flares import Flare, flares_changed_at, list_flares
from database.leads.leads import LeadRow, newest_lead
from database.models import ModelRow, StageRow, list_models, live_since
from database.predictions.forecasts import forecasting_models
from database.regions.current import RegionRow
from database.regions.timeline import (
    ForecastLine,
    Measurements,
    Place,
    find_region,
    forecast_lines,
    join_lines,
    measurements,
    next_t_rec,
    place_at,
)
from solar.bands import bounds_of
from solar.flares import EVENTS, Event
from solar.injected_faults import InjectedFault
from solar.sharp import LIVE_KEYWORDS
from solar.time import Window, to_datetime, to_datetime64
from solar.windows import DAY

MOST_FLARES = 1_000
MOST_ALERTS = 200
MOST_OTHER_MODELS = 6
MOMENT = timedelta(microseconds=1)
# Two windows of the keyword network: the current one and the one before.
NETWORK_SPAN = timedelta(hours=48)
# With an as-of time, the range ends so long after the window of the forecast.
_AFTERMATH = timedelta(hours=8)


@dataclass(frozen=True)
class RegionData:
    """What is stored of a region; `flares` and `alerts` are those of its whole passage.

    `as_of` is the time that the reader asked for, None for now, and `place` the newest record at
    that time. `other_models` may be drawn beside the issued forecasts; `others` are the forecasts
    of those that are drawn. `newest_at` and `next_at` are the times of the newest record as of now
    and of the first one after the time shown, None without one. `lead` are the other windows of the
    forecast shown, None without any.
    """

    region: RegionRow
    place: Place
    shown: Window
    as_of: datetime | None
    issued: Issued
    other_models: Sequence[str]
    others: Mapping[str, ForecastLine]
    records: Measurements
    flares: Sequence[Flare]
    alerts: Sequence[Alert]
    covered: Sequence[Window]
    newest_at: datetime
    next_at: datetime | None
    faults: Sequence[InjectedFault] = ()
    lead: LeadRow | None = None

    @property
    def at(self) -> datetime:
        """The time of the newest record as of the time shown."""
        return self.place.t_rec

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """Whether each issued forecast (n,) was known as of the time shown."""
        line = self.issued.line
        if self.as_of is None:
            return np.ones(len(line), bool)
        at = to_datetime64(self.as_of)
        is_replayed = line.issued_at - line.t_rec > np.timedelta64(DAY.validity)
        return np.asarray((line.t_rec <= at) & (is_replayed | (line.issued_at <= at)), np.bool_)

    @property
    def forecast_row(self) -> int | None:
        """The row of the newest issued forecast that was known, None without one."""
        known = np.flatnonzero(self.is_known)
        return int(known[-1]) if len(known) else None

    @property
    def targets(self) -> dict[Event, TargetForecast]:
        """The forecast shown in every window, with its bands; empty without one."""
        row, line = self.forecast_row, self.issued.line
        if row is None:
            return {}
        day = [None if np.isnan(p) else float(p) for p in line.probability[row]]
        manifest = self.issued.manifests.get(line.model_ids[row])
        return target_forecasts(to_datetime(line.t_rec[row]), day, self.lead, manifest)

    @property
    def known_flares(self) -> list[Flare]:
        """The flares that had peaked as of the time shown."""
        return [f for f in self.flares if self.as_of is None or f.peak_at <= self.as_of]

    @property
    def open_alerts(self) -> list[Alert]:
        """The alerts that were open as of the time shown, the newest first."""
        at = self.as_of or self.region.last_t_rec
        return [a for a in self.alerts if a.opened_at <= at < (a.closed_at or at + MOMENT)]


@dataclass(frozen=True)
class Issued:
    """Forecasts (n,) as issued, with the `thresholds` (n, 4) valid for each, NaN without one.

    `manifests` are those of their models by id.
    """

    line: ForecastLine
    thresholds: NDArray[np.float64]
    manifests: Mapping[str, Mapping[str, Any]]

    def band(self, event: Event) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the lower and upper bounds (n,) of the forecasts of an event, NaN without."""
        column = EVENTS.index(event)
        lower, upper = (np.full(len(self.line), np.nan) for _ in range(2))
        for model_id in np.unique(self.line.model_ids.astype(str)):
            rows = self.line.model_ids == model_id
            manifest = self.manifests.get(model_id, {})
            of_model = bounds_of(manifest, self.line.probability[rows], EVENTS)
            lower[rows], upper[rows] = (bound[:, column] for bound in of_model)
        return lower, upper


def data_key(context: PageContext, pathname: str, _search: str) -> str:
    """Return a text that changes with the list, and with the flares of a region that has left."""
    if not region_of(pathname):
        return str(context.state.newest_t_rec)
    with reading(context.engine) as connection:
        return str(flares_changed_at(connection))


def read_region(context: PageContext, region_id: int, query: RegionQuery) -> RegionData:
    """Read the region of the address in the range and as of the time that it names."""
    with reading(context.engine) as connection:
        region = find_region(connection, region_id)
        newest_at, next_at = _ahead(context, region)
        as_of = query.as_of if query.as_of and query.as_of < newest_at else None
        place = _place(connection, region, as_of)
        shown = _shown(region, SPANS[query.range], as_of)
        history = live_since(connection)
        other_models = _other_models(connection, context)
        chosen = query.shown_models(other_models)
        lines = _lines(connection, region, query, models=_ids(history, chosen), shown=shown)
        whole = Window(region.first_t_rec, region.last_t_rec + DAY.validity)
        made = issued(lines, history, list_models(connection))
        kept = Window(min(shown.start_at, place.t_rec - NETWORK_SPAN), shown.end_at)
        data = RegionData(
            region,
            place,
            shown,
            as_of,
            made,
            other_models,
            {model_id: lines[model_id] for model_id in chosen},
            measurements(connection, region_id, keywords=LIVE_KEYWORDS, window=kept),
            list_flares(connection, window=whole, region_id=region_id, limit=MOST_FLARES),
            _alerts(connection, region_id),
            covered_windows(connection),
            newest_at,
            next_at,
            injected_faults(connection, region_id=region_id),
        )
        return replace(data, lead=_lead(connection, data))


def _ahead(context: PageContext, region: RegionRow) -> tuple[datetime, datetime | None]:
    """Return the times of the newest record as of now, and of that after what the page knows."""
    with reading(context.present) as connection:
        newest_at = find_region(connection, region.region_id).last_t_rec
        return newest_at, next_t_rec(connection, region.region_id, after=region.last_t_rec)


def _lead(connection: sa.Connection, data: RegionData) -> LeadRow | None:
    """Read the other windows of the forecast shown, unless it was withheld or they are too old."""
    row, line = data.forecast_row, data.issued.line
    if row is None or np.isnan(line.probability[row]).all():
        return None
    t_rec = to_datetime(line.t_rec[row])
    lead = newest_lead(connection, line.model_ids[row], data.region.region_id, at=t_rec)
    return lead if lead is not None and t_rec - lead.t_rec <= FORECAST_LIFE else None


def _place(connection: sa.Connection, region: RegionRow, as_of: datetime | None) -> Place:
    """Find the newest record as of a time, or the first record."""
    at = max(as_of or region.last_t_rec, region.first_t_rec)
    place = place_at(connection, region.region_id, at)
    if place is not None:
        return place
    return Place(region.last_t_rec, region.lon_fwt, region.lat_fwt, region.area_acr)


def _shown(region: RegionRow, span: timedelta | None, as_of: datetime | None) -> Window:
    end_at = region.last_t_rec + DAY.validity
    if span is None:
        return Window(region.first_t_rec, end_at)
    if as_of is not None:
        end_at = min(end_at, max(as_of, region.first_t_rec) + DAY.validity + _AFTERMATH)
    return Window(max(region.first_t_rec, end_at - DAY.validity - span), end_at)


def _other_models(connection: sa.Connection, context: PageContext) -> list[str]:
    live = context.state.model.model_id if context.state.model else ""
    others = [model_id for model_id in forecasting_models(connection) if model_id != live]
    return others[:MOST_OTHER_MODELS]


def _ids(history: Sequence[StageRow], chosen: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*(row.model_id for row in history), *chosen]))


def _lines(
    connection: sa.Connection,
    region: RegionRow,
    query: RegionQuery,
    *,
    models: Sequence[str],
    shown: Window,
) -> dict[str, ForecastLine]:
    # One day more than is shown: the forecast panel compares with 24 h before.
    window = Window(shown.start_at - DAY.validity, shown.end_at)
    return forecast_lines(
        connection,
        region.region_id,
        model_ids=models,
        window=window,
        as_issued=query.revision == "issued",
        known_until=query.as_of,
    )


def _alerts(connection: sa.Connection, region_id: int) -> list[Alert]:
    alerts = list_alerts(connection, region_id=region_id, limit=MOST_ALERTS)
    return [alert for alert in alerts if alert.outcome != MISSED]


def issued(
    lines: Mapping[str, ForecastLine], history: Sequence[StageRow], models: Sequence[ModelRow]
) -> Issued:
    """Join the forecasts of the models that were live, each from the time it was live.

    Parameters
    ----------
    history : when each model became live, oldest first; before the first entry its model counts
        as live
    """
    began_at = list(dict.fromkeys(row.model_id for row in history))
    parts = [
        lines[model_id].take(_is_live(lines[model_id], history, model_id))
        for model_id in began_at
        if model_id in lines
    ]
    line = _in_order(join_lines(parts))
    frozen = {model.model_id: _thresholds(model) for model in models}
    manifests = {model.model_id: model.manifest for model in models}
    unknown = np.full(len(EVENTS), np.nan)
    rows = [frozen.get(model_id, unknown) for model_id in line.model_ids]
    thresholds = np.array(rows, np.float64).reshape(-1, len(EVENTS))
    return Issued(line, thresholds, manifests)


def _thresholds(model: ModelRow) -> NDArray[np.float64]:
    return np.array([model.thresholds.get(event.name) for event in EVENTS], np.float64)


def _is_live(line: ForecastLine, history: Sequence[StageRow], model_id: str) -> NDArray[np.bool_]:
    began_at = np.array([to_datetime64(row.from_at) for row in history], "datetime64[us]")
    is_model = np.array([row.model_id == model_id for row in history])
    entry = np.searchsorted(began_at, line.issued_at, side="right") - 1
    return np.asarray(is_model[np.maximum(entry, 0)], np.bool_)


def _in_order(line: ForecastLine) -> ForecastLine:
    """Sort by time; of two forecasts for one time keep the later model's."""
    order = np.argsort(line.t_rec, kind="stable")
    is_last = np.ones(len(order), bool)
    is_last[:-1] = line.t_rec[order][1:] != line.t_rec[order][:-1]
    return line.take(order[is_last])


def passage(data: RegionData, event: Event) -> Passage:
    """Classify the forecasts and flares of the range shown for one event."""
    line, column = data.issued.line, EVENTS.index(event)
    values, limits = line.probability[:, column], data.issued.thresholds[:, column]
    peaks = _peaks(data.flares, event)
    outcomes = forecast_outcomes(
        line.t_rec, values, threshold=limits, peaks=peaks, covered=data.covered
    )
    outcomes_of_flares = flare_outcomes(peaks, line.t_rec, values, threshold=limits)
    lower, upper = data.issued.band(event)
    shown = line.t_rec >= to_datetime64(data.shown.start_at)
    places = np.flatnonzero(shown).tolist()
    return Passage(
        t_rec=line.t_rec[shown],
        probability=line.probability[shown],
        event=event,
        threshold=limits[shown],
        outcomes=[outcomes[i] for i in places],
        flares=_marks(data, event, outcomes_of_flares),
        is_known=data.is_known[shown],
        settled_at=settled_at(line.t_rec, peaks)[shown],
        sources=[f"{line.model_ids[i]}, fallback level {line.rungs[i]}" for i in places],
        band=(lower[shown], upper[shown]),
    )


def _peaks(flares: Sequence[Flare], event: Event) -> Times:
    counted = [f for f in flares if f.peak_flux_w_m2 >= event.peak_flux_w_m2]
    return np.array([to_datetime64(flare.peak_at) for flare in counted], "datetime64[us]")


def _marks(
    data: RegionData, event: Event, outcomes_of_flares: Sequence[Outcome]
) -> list[FlareMark]:
    following = iter(outcomes_of_flares)
    marks = [
        FlareMark(
            flare.peak_at,
            flare.goes_class,
            next(following) if flare.peak_flux_w_m2 >= event.peak_flux_w_m2 else None,
        )
        for flare in data.flares
    ]
    return [mark for mark in marks if mark.peak_at in data.shown]
