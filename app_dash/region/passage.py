"""The forecasts of a region and its flares, held against each other for one event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app_dash.region.data import RegionData
from app_dash.region.outcomes import (
    FlareMark,
    Outcome,
    Passage,
    Times,
    flare_outcomes,
    forecast_outcomes,
    settled_at,
)
from database.flares.flares import Flare
from solar.flares import EVENTS, Event
from solar.time import to_datetime64


def passage(data: RegionData, event: Event) -> Passage:
    """Classify what is shown of a region."""
    line, column = data.issued.line, EVENTS.index(event)
    values, limits = line.probability[:, column], data.issued.thresholds[:, column]
    peaks = _peaks(data.flares, event)
    outcomes = forecast_outcomes(
        line.t_rec, values, threshold=limits, peaks=peaks, covered=data.covered
    )
    judged = flare_outcomes(peaks, line.t_rec, values, threshold=limits)
    shown = line.t_rec >= to_datetime64(data.shown.start_at)
    places = np.flatnonzero(shown).tolist()
    return Passage(
        t_rec=line.t_rec[shown],
        probability=line.probability[shown],
        event=event,
        threshold=limits[shown],
        outcomes=[outcomes[i] for i in places],
        flares=_marks(data, event, judged),
        is_known=data.is_known[shown],
        settled_at=settled_at(line.t_rec, peaks)[shown],
        sources=[f"{line.model_ids[i]}, {line.rungs[i]} rung" for i in places],
    )


def _peaks(flares: Sequence[Flare], event: Event) -> Times:
    counted = [f for f in flares if f.peak_flux_w_m2 >= event.peak_flux_w_m2]
    return np.array([to_datetime64(flare.peak_at) for flare in counted], "datetime64[us]")


def _marks(data: RegionData, event: Event, judged: Sequence[Outcome]) -> list[FlareMark]:
    following = iter(judged)
    marks = [
        FlareMark(
            flare.peak_at,
            flare.goes_class,
            next(following) if flare.peak_flux_w_m2 >= event.peak_flux_w_m2 else None,
        )
        for flare in data.flares
    ]
    return [mark for mark in marks if mark.peak_at in data.shown]
