"""The strip under the header: whether all clear may be said, and if not, every reason why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame.page import PageContext
from app_dash.frame.shell import Ids
from app_dash.shared.definitions import Definition
from app_dash.shared.disk_forecast import DiskForecast, disk_forecast
from app_dash.shared.numbers import date_moment, duration, moment, probability
from app_dash.shared.panels import explanation
from app_dash.shared.region_status import (
    MAIN_EVENT,
    RegionStatus,
    flares_without_records,
    listed_names,
    reasons_against_all_clear,
    region_statuses,
    threshold_of,
)
from app_dash.shared.url_state import NOW_PATH
from database.engine import reading
from database.flares.flares import list_flares
from solar.flares import EVENTS, HORIZON
from solar.sharp import CADENCE_SECONDS, SIMULATED_SERIES
from solar.time import Window

STALE = timedelta(seconds=2 * CADENCE_SECONDS)
# Data older than this are a replay or an outage: the pages name the time that they call now.
ENDED = timedelta(hours=6)
_MOST_FLARES = 500

ALL_CLEAR = Definition(
    "All clear",
    "Said of M1.0+ for the coming 24 h only when all of this holds: the newest record is at most"
    " two usual steps of its source old; the full-disk probability, calibrated where possible, is"
    " below the limit; no region is over its threshold; no region lies beyond 70° of longitude now,"
    " or went behind the limb less than a day ago; every region on the disk has a forecast, and no"
    " other region has flared in the last 24 h.",
    "P(M1.0+, full disk) < FLARE_ALL_CLEAR_LIMIT, and no reason against it",
    "A false all clear is the costliest error; see docs/now.md",
)


@dataclass(frozen=True)
class Verdict:
    """The text of the strip: `kind` is ``ok``, ``warning`` or ``error``."""

    kind: str
    headline: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clearance:
    """The full-disk forecast of M1.0+, and the limit under which all clear may be said."""

    disk: DiskForecast
    limit: float

    @property
    def refusal(self) -> str | None:
        """Why the probability forbids all clear, None if it does not."""
        best = self.disk.best
        if best is None:
            return "no region has a forecast"
        if best < self.limit:
            return None
        value = f"{probability(best)} ({self.disk.basis})"
        return f"full-disk P(M1.0+) {value} is not below {probability(self.limit)}"


def assess(context: PageContext) -> Verdict:
    """Decide whether all clear may be said of the stored data."""
    statuses = region_statuses(context.state)
    return verdict(
        newest=context.state.newest_t_rec,
        now=context.sun_now,
        stale=context.stale,
        has_model=context.state.model is not None,
        clearance=Clearance(
            disk_forecast(MAIN_EVENT, statuses, context.state), context.settings.all_clear_limit
        ),
        reasons=(
            *_no_threshold(context),
            *reasons_against_all_clear(statuses),
            *_unlisted(context, statuses),
        ),
    )


def age_reason(newest: datetime, now: datetime, *, stale: timedelta = STALE) -> str | None:
    """Say that the data are old, or nothing when they are fresh."""
    age = now - newest
    if age <= stale:
        return None
    if age <= max(ENDED, 3 * stale):
        return f"Last frame {duration(age)} ago"
    return f"Data end at {date_moment(newest)}, {duration(age)} ago"


def verdict(
    *,
    newest: datetime | None,
    now: datetime,
    has_model: bool,
    clearance: Clearance,
    reasons: tuple[str, ...],
    stale: timedelta = STALE,
) -> Verdict:
    """Decide whether all clear may be said of M1.0+; `reasons` are those of the regions."""
    if newest is None:
        return Verdict("warning", "No data yet.", ("waiting for the first SHARP record",))
    if not has_model:
        return Verdict("error", "No live model.", ("no forecast is issued until one is promoted",))
    every = (age_reason(newest, now, stale=stale), clearance.refusal, *reasons)
    against = tuple(reason for reason in every if reason)
    if against:
        return Verdict("warning", "All clear withheld.", against)
    until, best = moment(newest + HORIZON), probability(clearance.disk.best)
    text = f"All clear for M1.0+ to {until}, P {best}."
    return Verdict("ok", text, (f"{clearance.disk.basis}, limit {probability(clearance.limit)}",))


def strip(verdict: Verdict, series: tuple[str, ...]) -> Component:
    """Draw the verdict; simulated data are named in every state."""
    text = html.Span([html.B(verdict.headline), " ", " · ".join(verdict.reasons)])
    simulated = [html.Span("Simulated data", className="simulated")]
    label = "Why withheld" if verdict.kind == "warning" else "How decided"
    return html.Div(
        [
            text,
            *(simulated if SIMULATED_SERIES in series else []),
            explanation(ALL_CLEAR, label=label),
        ],
        className=f"strip {verdict.kind}",
        id=f"{Ids.STRIP}-content",
    )


def verdict_chip(verdict: Verdict) -> Component:
    """Draw the verdict small, for the header of pages that show no data."""
    return dcc.Link(
        verdict.headline.removesuffix("."),
        href=NOW_PATH,
        className=f"chip verdict {verdict.kind}",
        title=" · ".join(verdict.reasons),
    )


def _no_threshold(context: PageContext) -> list[str]:
    """Say that the live model has no threshold for a region to be over."""
    model = context.state.model
    if model is None or threshold_of(context.state, MAIN_EVENT) is not None:
        return []
    return [f"{model.model_id} has no {MAIN_EVENT.label} threshold to compare with"]


def _unlisted(context: PageContext, statuses: list[RegionStatus]) -> list[str]:
    """Name the regions that flared in the last day and have no record at all."""
    at = context.state.newest_t_rec
    if at is None:
        return []
    with reading(context.engine) as connection:
        recent = list_flares(
            connection,
            window=Window(at - HORIZON, at),
            min_flux=EVENTS[0].peak_flux_w_m2,
            limit=_MOST_FLARES,
        )
    numbers = [str(flare.noaa_ar) for flare in flares_without_records(recent, statuses)]
    return [f"{listed_names(numbers)} flared without a SHARP record"] if numbers else []
