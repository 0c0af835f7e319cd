"""The strip under the header: whether all clear may be said, and if not, every reason why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame.page import PageContext
from app_dash.frame.shell import Ids
from app_dash.shared.definitions import Definition
from app_dash.shared.disk_forecast import DiskForecast, disk_forecast
from app_dash.shared.numbers import date_moment, duration, moment, probability
from app_dash.shared.panels import aria_hidden
from app_dash.shared.region_status import (
    BEHIND_LIMB,
    MAIN_EVENT,
    ON_DISK,
    AlertLevel,
    RegionStatus,
    flares_without_records,
    listed_names,
    region_statuses,
    threshold_of,
)
from app_dash.shared.url_state import NOW_PATH
from database.engine import reading
from database.flares.flares import list_flares
from database.nowcast.nowcast import LONGEST_SILENCE, NO_DATA, Nowcast, read_nowcast
from solar.flares import EVENTS
from solar.sharp import LONGITUDE_LIMIT_DEG, SIMULATED_SERIES
from solar.time import Window
from solar.truth import least_flux
from solar.windows import DAY

# Data older than this are a replay or an outage: the pages name the time that they call now.
ENDED = timedelta(hours=6)
_MOST_FLARES = 500
NONE = "none"

ALL_CLEAR = Definition(
    "All clear",
    "Said of M1.0+ for the 24 h from the newest record, only when every condition is met. The"
    " full-disk probability is that of the page Now. A source is late after two"
    " of its usual steps. Places are those by now. The forecast of a region counts for 3 h.",
    "P(M1.0+, full disk) < FLARE_ALL_CLEAR_LIMIT, and nothing against it",
    "A false all clear is the costliest error; see docs/now.md",
)


@dataclass(frozen=True)
class Condition:
    """One condition of all clear: what it asks for, whether it is met, and what there is."""

    name: str
    is_met: bool
    value: str

    def __str__(self) -> str:
        """Return both in one line, without the mark."""
        return f"{self.name}: {self.value}"


@dataclass(frozen=True)
class Verdict:
    """The text of the strip: `kind` is ``ok``, ``warning`` or ``error``."""

    kind: str
    headline: str
    reasons: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What all clear is decided from.

    Data are late when the `newest` record is older than `late_after`. `unlisted` are the numbers
    of the regions that flared since a day before it and have no record at all.
    """

    newest: datetime
    now: datetime
    late_after: timedelta
    disk: DiskForecast
    limit: float
    threshold: float | None
    statuses: Sequence[RegionStatus]
    unlisted: Sequence[str]
    nowcast: Nowcast


def assess(context: PageContext) -> Verdict:
    """Decide whether all clear may be said of the stored data."""
    newest = context.state.newest_t_rec
    if newest is None:
        return Verdict("warning", "No data yet.", ("waiting for the first SHARP record",))
    if context.state.model is None:
        return Verdict("error", "No live model.", ("no forecast is issued until one is promoted",))
    return verdict(read_evidence(context, newest))


def read_evidence(context: PageContext, newest: datetime) -> Evidence:
    """Read what all clear is decided from."""
    statuses = region_statuses(context.state)
    with reading(context.engine) as connection:
        unlisted = _unlisted(
            connection, Window(newest - DAY.validity, context.seen_until), statuses
        )
        nowcast = read_nowcast(connection, context.sun_now)
    return Evidence(
        newest=newest,
        now=context.sun_now,
        late_after=context.stale,
        disk=disk_forecast(MAIN_EVENT, statuses, context.state),
        limit=context.settings.all_clear_limit,
        threshold=threshold_of(context.state, MAIN_EVENT),
        statuses=statuses,
        unlisted=unlisted,
        nowcast=nowcast,
    )


def verdict(evidence: Evidence) -> Verdict:
    """Say all clear for M1.0+ if every condition is met, else which are not."""
    every = conditions(evidence)
    against = tuple(str(condition) for condition in every if not condition.is_met)
    if against:
        return Verdict("warning", "All clear withheld.", against, every)
    until, best = moment(evidence.newest + DAY.validity), probability(evidence.disk.best)
    text = f"All clear for M1.0+ to {until}, P {best}."
    basis = f"{evidence.disk.basis}, limit {probability(evidence.limit)}"
    return Verdict("ok", text, (basis,), every)


def conditions(evidence: Evidence) -> tuple[Condition, ...]:
    """Return every condition of all clear with what there is."""
    return (
        _age(evidence),
        _full_disk(evidence),
        _threshold(evidence),
        *_places(evidence.statuses),
        _forecasts(evidence.statuses),
        _none(
            "No flare in 24 h of a region without a SHARP record", listed_names(evidence.unlisted)
        ),
        _no_flare(evidence.nowcast),
        _xrays(evidence.nowcast),
    )


def _age(evidence: Evidence) -> Condition:
    age = evidence.now - evidence.newest
    ended = f", data end at {date_moment(evidence.newest)}" if age > ENDED else ""
    return Condition(
        f"Data age ≤ {duration(evidence.late_after)}",
        age <= evidence.late_after,
        duration(age) + ended,
    )


def _full_disk(evidence: Evidence) -> Condition:
    best, limit = evidence.disk.best, evidence.limit
    value = "no region has a forecast"
    if best is not None:
        value = f"{probability(best)} ({evidence.disk.basis})"
    name = f"Full-disk P(M1.0+) < {probability(limit)}"
    return Condition(name, best is not None and best < limit, value)


def _threshold(evidence: Evidence) -> Condition:
    if evidence.threshold is None:
        return Condition("No region over its threshold", False, "the model has no M1.0+ threshold")
    over = [
        f"{status.name} at {probability(status.probability(MAIN_EVENT))}"
        for status in evidence.statuses
        if status.alert is AlertLevel.ALERT
    ]
    name = f"No region over its threshold, {probability(evidence.threshold)}"
    return _none(name, listed_names(over))


def _places(statuses: Sequence[RegionStatus]) -> tuple[Condition, ...]:
    limb = [_placed(s) for s in statuses if s.is_near_limb and s.where == ON_DISK]
    behind = [_placed(s) for s in statuses if s.where == BEHIND_LIMB]
    return (
        _none(f"No region beyond {LONGITUDE_LIMIT_DEG:.0f}°", listed_names(limb)),
        _none("No region behind the limb for less than a day", listed_names(behind)),
    )


def _placed(status: RegionStatus) -> str:
    return f"{status.name} {status.place}".strip()


def _forecasts(statuses: Sequence[RegionStatus]) -> Condition:
    within = [status for status in statuses if not status.is_near_limb]
    without = [status.name for status in within if status.forecast is None]
    value = f"{listed_names(without)} without" if without else f"{len(within)} of {len(within)}"
    name = f"Every region within {LONGITUDE_LIMIT_DEG:.0f}° has a forecast"
    return Condition(name, not without, value)


def _no_flare(nowcast: Nowcast) -> Condition:
    """Ask for no flare of M1.0 in progress, and no flux of one whose start was not seen."""
    least, event, flux = least_flux(MAIN_EVENT.peak_flux_w_m2), nowcast.event, nowcast.flux_w_m2
    is_known, value = nowcast.state != NO_DATA, NONE
    if event is not None:
        value = f"{event.goes_class} so far, {event.state}"
    elif flux is not None and flux >= least:
        value = f"flux of {nowcast.goes_class}"
    highest = max(flux or 0.0, event.peak_flux_w_m2 if event else 0.0)
    name = "No flare of M1.0+ in progress"
    return Condition(name, is_known and highest < least, value if is_known else "not known")


def _xrays(nowcast: Nowcast) -> Condition:
    value = "none in the last day"
    if nowcast.minute_at is not None:
        value = duration(nowcast.now - nowcast.minute_at)
    name = f"X-rays ≤ {duration(LONGEST_SILENCE)} old"
    return Condition(name, nowcast.state != NO_DATA, value)


def _none(name: str, found: str) -> Condition:
    """Return a condition that is met while nothing is found."""
    return Condition(name, not found, found or NONE)


def strip(verdict: Verdict, series: tuple[str, ...]) -> Component:
    """Draw the verdict; simulated data are named in every state."""
    against = sum(not condition.is_met for condition in verdict.conditions)
    counted = f" {against} of {len(verdict.conditions)} conditions not met: " if against else " "
    text = html.Span([html.B(verdict.headline), counted, " · ".join(verdict.reasons)])
    simulated = [html.Span("Simulated data", className="simulated")]
    return html.Div(
        [
            text,
            *(simulated if SIMULATED_SERIES in series else []),
            checklist(verdict),
        ],
        className=f"strip {verdict.kind}",
        id=f"{Ids.STRIP}-content",
    )


def checklist(verdict: Verdict) -> Component:
    """List the conditions behind a button, those that are not met first."""
    label = "Why withheld" if verdict.kind == "warning" else "How decided"
    every = sorted(verdict.conditions, key=lambda condition: condition.is_met)
    listed = [html.Ul([_line(condition) for condition in every])] if every else []
    rule: list[Component | str] = [
        html.B(ALL_CLEAR.title),
        f" {ALL_CLEAR.meaning} ",
        html.I(ALL_CLEAR.reference),
    ]
    return html.Details(
        [html.Summary(label, className="button"), html.Div([*listed, html.P(rule)])],
        className="checklist",
    )


def _line(condition: Condition) -> Component:
    mark, word = ("✓", "met") if condition.is_met else ("✗", "not met")
    return html.Li(
        [
            html.I(mark, **aria_hidden()),
            html.Span(condition.name, className="condition"),
            html.Span(f" {word}: ", className="visually-hidden"),
            html.B(condition.value),
        ],
        className="met" if condition.is_met else "unmet",
    )


def verdict_chip(verdict: Verdict) -> Component:
    """Draw the verdict small, for the header of pages that show no data."""
    return dcc.Link(
        verdict.headline.removesuffix("."),
        href=NOW_PATH,
        className=f"chip verdict {verdict.kind}",
        title=" · ".join(verdict.reasons),
    )


def _unlisted(
    connection: sa.Connection, window: Window, statuses: Sequence[RegionStatus]
) -> list[str]:
    """Return the numbers of the regions that flared in a window and have no record at all."""
    recent = list_flares(
        connection,
        window=window,
        min_flux=EVENTS[0].peak_flux_w_m2,
        limit=_MOST_FLARES,
    )
    return [str(flare.noaa_ar) for flare in flares_without_records(recent, statuses)]
