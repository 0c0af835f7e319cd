"""The panel of the base rate: how often flares occur now, and when the threshold was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dash import html
from dash.development.base_component import Component

from app_dash.shared.definitions import Definition
from app_dash.shared.numbers import ABSENT, probability, score_text
from app_dash.shared.panels import aria_hidden, panel
from database.models import ModelRow
from database.verification.base_rate import BaseRates
from solar.contingency import expected_far
from solar.flares import Event
from solar.full_disk import disk_aggregates

NOT_STATED = "not stated"

BASE_RATE = Definition(
    "Base rate",
    "The share of UTC days with such a flare anywhere on the Sun, beside that of the days on which"
    " the threshold of the full disk was frozen. A rate needs a flare list that is complete for all"
    " of its days. The false-alarm ratio expected now follows from recall and false-alarm rate as"
    " they were on the validation cases, and from the share of the verified region-times of the"
    " last 27 days that had a flare.",
    "FAR = POFD (1 − s)/(POFD (1 − s) + POD s)",
    "Jolliffe & Stephenson 2012, Forecast Verification, chapter 3; manifest of the model",
)


@dataclass(frozen=True)
class FrozenRates:
    """What is stated of the days on which the thresholds were chosen, None if nothing.

    `disk` is the share of days with the event, of those that the full disk was fitted on, `region`
    that of the validation cases, on which `recall`, `pofd` and `far` were those at the threshold.
    """

    disk: float | None = None
    region: float | None = None
    recall: float | None = None
    pofd: float | None = None
    far: float | None = None


def frozen_rates(manifest: Mapping[str, Any], event: str) -> FrozenRates:
    """Read what the manifest of a model states; others than ours may state nothing."""
    disk = disk_aggregates().get(event)
    validation = (manifest.get("scores") or {}).get("validation") or {}
    cases = (validation.get("model") or {}).get(event) or {}
    scores = cases.get("scores") or {}
    recall, pofd, far = (
        (scores.get(name) or {}).get("value") for name in ("recall", "pofd", "far")
    )
    return FrozenRates(
        disk=None if disk is None else disk.n_events / disk.n_days,
        region=_share(cases.get("n_events"), cases.get("n")),
        recall=recall,
        pofd=pofd,
        far=far,
    )


def _share(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else part / whole


def base_rate_panel(
    event: Event, rates: BaseRates, model: ModelRow | None, *, class_name: str
) -> Component:
    """Show the rates of 27, 120 and 365 days beside that when the threshold was chosen."""
    frozen = FrozenRates() if model is None else frozen_rates(model.manifest, event.name)
    rows = [_row(f"{days} d", rate, frozen.disk) for days, rate in rates.disk.items()]
    until = "no complete flare list" if rates.last is None else f"to {rates.last:%-d %b}"
    return panel(
        "Base rate",
        html.Div(rows, className="base-rates"),
        html.P(_chosen(rates, frozen)),
        html.P(_expected(event, rates, frozen, model), className="secondary"),
        subtitle=f"days with {event.label}, {until}",
        class_name=f"base-rate-panel {class_name}",
        definition=BASE_RATE,
    )


def _row(name: str, rate: float | None, frozen: float | None) -> Component:
    bar = [html.I(style={"width": f"{100 * rate:.1f}%"})] if rate is not None else []
    tick = [html.B(style={"left": f"{100 * frozen:.1f}%"})] if frozen is not None else []
    return html.Div(
        [
            html.Span(name),
            html.B(score_text(rate)),
            html.Div([*bar, *tick], className="rate-bar", **aria_hidden()),
        ]
    )


def _chosen(rates: BaseRates, frozen: FrozenRates) -> list[Component | str]:
    chosen = NOT_STATED if frozen.disk is None else score_text(frozen.disk)
    return [
        "Threshold chosen at ",
        html.B(chosen, className="frozen"),
        ", now ",
        html.B(score_text(rates.now)),
        ".",
    ]


def _expected(event: Event, rates: BaseRates, frozen: FrozenRates, model: ModelRow | None) -> str:
    threshold = None if model is None else model.thresholds.get(event.name)
    expected = expected_far(rates.region, recall=frozen.recall, pofd=frozen.pofd)
    then = NOT_STATED if frozen.far is None else score_text(frozen.far)
    of_region = f"base rate {_small(frozen.region)} → {_small(rates.region)}"
    return (
        f"False-alarm ratio of a region at {probability(threshold)}: {then} then,"
        f" {score_text(expected)} expected now ({of_region})."
    )


def _small(rate: float | None) -> str:
    return ABSENT if rate is None else score_text(rate, digits=3)
