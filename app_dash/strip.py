"""The strip under the header: whether all clear may be said, and if not, every reason why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dash import html
from dash.development.base_component import Component

from app_dash.numbers import date_moment, duration, moment, probability
from app_dash.shell import Ids
from solar.flares import HORIZON
from solar.sharp import CADENCE_SECONDS, SIMULATED_SERIES

STALE = timedelta(seconds=2 * CADENCE_SECONDS)
FROZEN = timedelta(hours=6)


@dataclass(frozen=True)
class Verdict:
    """What the strip says: `kind` is ``ok``, ``warning`` or ``error``."""

    kind: str
    headline: str
    reasons: tuple[str, ...] = ()


def age_reason(newest: datetime, now: datetime) -> str | None:
    """Say that the data are old, or nothing when they are fresh."""
    age = now - newest
    if age <= STALE:
        return None
    if age <= FROZEN:
        return f"Last frame {duration(age)} ago"
    return f"Data end at {date_moment(newest)}, {duration(age)} ago"


def verdict(
    *,
    newest: datetime | None,
    now: datetime,
    has_model: bool,
    probability_m1: float | None,
    reasons: tuple[str, ...],
) -> Verdict:
    """Decide what may be said of M1.0+; `reasons` are those of the regions."""
    if newest is None:
        return Verdict("warning", "No data yet.", ("waiting for the first SHARP record",))
    if not has_model:
        return Verdict("error", "No live model.", ("no forecast is issued until one is promoted",))
    old = age_reason(newest, now)
    withheld = ((old,) if old else ()) + reasons
    if withheld:
        return Verdict("warning", "All clear withheld.", withheld)
    if probability_m1 is None:
        return Verdict("warning", "All clear withheld.", ("no region has a forecast",))
    until = moment(newest + HORIZON)
    return Verdict("ok", f"All clear for M1.0+ to {until}, P {probability(probability_m1)}.")


def strip(said: Verdict, series: tuple[str, ...]) -> Component:
    """Draw the verdict; simulated data are named in every state."""
    text = html.Span([html.B(said.headline), " ", " · ".join(said.reasons)])
    simulated = [html.Span("Simulated data", className="simulated")]
    tail = simulated if SIMULATED_SERIES in series else []
    return html.Div([text, *tail], className=f"strip {said.kind}", id=f"{Ids.STRIP}-content")
