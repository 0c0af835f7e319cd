"""The strip under the header: whether all clear may be said, and if not, every reason why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dash import html
from dash.development.base_component import Component

from app_dash.components.explanation import explanation
from app_dash.now.disk_forecast import DiskForecast
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


@dataclass(frozen=True)
class Clearance:
    """The full-disk forecast of M1.0+, and the limit under which all clear may be said."""

    disk: DiskForecast
    limit: float

    @property
    def refusal(self) -> str | None:
        """Why the probability forbids it, None where it does not."""
        chance = self.disk.best
        if chance is None:
            return "no region has a forecast"
        if chance < self.limit:
            return None
        said = f"{probability(chance)} ({self.disk.basis})"
        return f"full-disk P(M1.0+) {said} is not below {probability(self.limit)}"


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
    clearance: Clearance,
    reasons: tuple[str, ...],
) -> Verdict:
    """Decide what may be said of M1.0+; `reasons` are those of the regions."""
    if newest is None:
        return Verdict("warning", "No data yet.", ("waiting for the first SHARP record",))
    if not has_model:
        return Verdict("error", "No live model.", ("no forecast is issued until one is promoted",))
    withheld = (age_reason(newest, now), clearance.refusal, *reasons)
    said = tuple(reason for reason in withheld if reason)
    if said:
        return Verdict("warning", "All clear withheld.", said)
    until, chance = moment(newest + HORIZON), probability(clearance.disk.best)
    text = f"All clear for M1.0+ to {until}, P {chance}."
    return Verdict("ok", text, (f"{clearance.disk.basis}, limit {probability(clearance.limit)}",))


def strip(said: Verdict, series: tuple[str, ...]) -> Component:
    """Draw the verdict; simulated data are named in every state."""
    text = html.Span([html.B(said.headline), " ", " · ".join(said.reasons)])
    tail = [html.Span("Simulated data", className="simulated")]
    ask = "Why withheld" if said.kind == "warning" else "How decided"
    return html.Div(
        [text, *(tail if SIMULATED_SERIES in series else []), explanation("all-clear", ask=ask)],
        className=f"strip {said.kind}",
        id=f"{Ids.STRIP}-content",
    )
