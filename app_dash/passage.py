"""One region's passage as its page shows it: read once, classified, ready to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from app_dash.outcomes import FlareMark, Outcome, Passage, flare_outcomes, forecast_outcomes
from app_dash.standing import threshold_of
from app_dash.view import View
from database.engine import reading
from database.flares import Flare, covered_windows, list_flares
from database.overview import RegionRow
from database.timeline import ForecastLine, Measurements, find_region, forecast_line, measurements
from solar.flares import EVENTS, HORIZON, Event
from solar.sharp import LIVE_KEYWORDS
from solar.time import Window, to_datetime64

MOST_FLARES = 1_000
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class RegionData:
    """What the store holds of a region in the range shown."""

    region: RegionRow
    shown: Window
    forecasts: ForecastLine
    records: Measurements
    flares: list[Flare]
    covered: list[Window]


def read_region(view: View, region_id: int, *, span: timedelta | None) -> RegionData:
    """Read a region from `span` before its last record (None: its whole passage) to 24 h after."""
    model_id = view.state.model.model_id if view.state.model else ""
    with reading(view.engine) as connection:
        region = find_region(connection, region_id)
        shown = _shown(region, span)
        known = Window(shown.start_at, region.last_t_rec + MOMENT)
        return RegionData(
            region,
            shown,
            forecast_line(connection, region_id, model_id=model_id, window=known),
            measurements(connection, region_id, keywords=LIVE_KEYWORDS, window=known),
            list_flares(connection, window=shown, region_id=region_id, limit=MOST_FLARES),
            covered_windows(connection),
        )


def _shown(region: RegionRow, span: timedelta | None) -> Window:
    first = region.first_t_rec
    start = first if span is None else max(first, region.last_t_rec - span)
    return Window(start, region.last_t_rec + HORIZON)


def passage(data: RegionData, view: View, event: Event) -> Passage:
    """Hold forecasts and flares of one event against each other."""
    threshold = threshold_of(view.state, event)
    line = data.forecasts
    values = line.probability[:, EVENTS.index(event)]
    peaks = _peaks(data.flares, event)
    outcomes: Sequence[Outcome] = [Outcome.UNKNOWN] * len(values)
    if threshold is not None:
        outcomes = forecast_outcomes(
            line.t_rec, values, threshold=threshold, peaks=peaks, covered=data.covered
        )
    marks = _marks(data, event, threshold)
    return Passage(line.t_rec, line.probability, event, threshold, outcomes, marks)


def _peaks(
    flares: Sequence[Flare], event: Event
) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    counted = [f for f in flares if f.peak_flux_w_m2 >= event.peak_flux_w_m2]
    return np.array([to_datetime64(flare.peak_at) for flare in counted], "datetime64[us]")


def _marks(data: RegionData, event: Event, threshold: float | None) -> list[FlareMark]:
    line = data.forecasts
    values = line.probability[:, EVENTS.index(event)]
    judged = iter(
        flare_outcomes(_peaks(data.flares, event), line.t_rec, values, threshold=threshold)
        if threshold is not None
        else []
    )
    counted = event.peak_flux_w_m2
    return [
        FlareMark(
            f.peak_at, f.goes_class, next(judged, None) if f.peak_flux_w_m2 >= counted else None
        )
        for f in data.flares
    ]


def last_flare(flares: Sequence[Flare], before: datetime) -> Flare | None:
    """Return the newest flare up to a time."""
    return next((flare for flare in reversed(flares) if flare.peak_at <= before), None)
