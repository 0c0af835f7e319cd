"""The panel that explains a forecast or its change; it is filled after the page is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dash
from dash import Input, Output, dcc, html, no_update
from dash.development.base_component import Component
from pydantic import BaseModel

from app_dash.api_client import api_of
from app_dash.frame.page import PageContext
from app_dash.guard import callback
from app_dash.region.contribution_figure import (
    ROW_HEIGHT,
    Bar,
    bars,
    contribution_figure,
    signed,
)
from app_dash.region.data import RegionData
from app_dash.region.definitions import DEFINITIONS
from app_dash.region.explanation import (
    TIMEOUT_SECONDS,
    Explanation,
    ExplanationRequest,
    read_explanation,
)
from app_dash.region.query import RegionQuery, address
from app_dash.settings import DashSettings
from app_dash.shared.numbers import moment, probability
from app_dash.shared.panels import empty_message, graph, panel, segmented
from app_dash.shared.theme import Tokens, tokens
from database.people.principal import READ
from solar.errors import FlarewatchError
from solar.flares import event
from solar.time import isoformat, parse_time

WHY = "region-why"
REQUEST = "region-why-asked"


class WhyRequest(BaseModel):
    """What the page asks to have explained; `model` None is the live one."""

    region: int
    search: str
    at: str
    model: str | None = None
    theme: str | None = None


def why_parts(data: RegionData, query: RegionQuery, context: PageContext) -> list[Component]:
    """Hold the place of the panel and the request that fills it, if there is a forecast."""
    row = data.forecast_row
    if row is None:
        message = "There is no forecast to explain at this time. Choose a later one."
        return [
            panel("Why", empty_message(message), definition=DEFINITIONS["why"], class_name="why")
        ]
    live = context.state.model.model_id if context.state.model else None
    model_id = data.issued.line.model_ids[row]
    fields = WhyRequest(
        region=data.region.region_id,
        search=query.search(),
        at=isoformat(data.at),
        model=None if model_id == live else model_id,
        theme=context.tokens.name,
    )
    waiting = html.Div(className="sunk-block why-block")
    return [
        dcc.Store(id=REQUEST, data=fields.model_dump()),
        html.Div(waiting, id=WHY, className="why-place"),
    ]


def register_why(app: dash.Dash, settings: DashSettings) -> None:
    """Fill the panel once the page is drawn."""

    @callback(app, READ, Output(WHY, "children"), Input(REQUEST, "data"))
    def follow(fields: WhyRequest | None) -> Any:
        return no_update if fields is None else explanation_panel(fields, settings)


def explanation_panel(fields: WhyRequest, settings: DashSettings) -> Component:
    """Draw the response of the API, or in its place the error."""
    query = RegionQuery.parse(fields.search)
    request = ExplanationRequest(
        region_id=fields.region,
        event=query.event,
        at=parse_time(fields.at),
        model_id=fields.model,
        hours_back=CHANGES[query.why].hours_back,
    )
    try:
        response: Any = read_explanation(api_of(settings, timeout_seconds=TIMEOUT_SECONDS), request)
    except FlarewatchError as error:
        response = error
    return why_panel(
        response,
        change=query.why,
        tokens=tokens(fields.theme),
        address=lambda change: address(fields.region, query.changed(why=change)),
    )


@dataclass(frozen=True)
class Change:
    """One choice of the panel: the forecast itself, or its change over at least some hours."""

    label: str
    hours_back: float
    is_change: bool


CHANGES: dict[str, Change] = {
    "now": Change("Now", 1.0, is_change=False),
    "last": Change("Δ last", 1.0, is_change=True),
    "day": Change("Δ 24 h", 24.0, is_change=True),
}


def why_panel(
    explanation: Explanation | FlarewatchError,
    *,
    change: str,
    tokens: Tokens,
    address: Callable[[str], str] | None = None,
) -> Component:
    """Show the contributions to a forecast, or why there are none to show.

    Parameters
    ----------
    change : a key of `CHANGES`; the explanation must have been requested with its `hours_back`
    address : returns the address that shows another choice
    """
    actions = None if address is None else _choice(change, address)
    if isinstance(explanation, FlarewatchError):
        text = str(explanation)
        return panel(
            "Why",
            empty_message(text[:1].upper() + text[1:]),
            actions=actions,
            definition=DEFINITIONS["why"],
            class_name="why",
        )
    shown = bars(explanation, is_change=CHANGES[change].is_change)
    return panel(
        "Why",
        *_content(explanation, shown, change=change, tokens=tokens),
        subtitle=event(explanation.event).label,
        actions=actions,
        definition=DEFINITIONS["why"],
        class_name="why",
    )


def _choice(change: str, address: Callable[[str], str]) -> Component:
    return segmented(
        "Contributions", [(it.label, address(key), key == change) for key, it in CHANGES.items()]
    )


def _content(
    explanation: Explanation, shown: Sequence[Bar], *, change: str, tokens: Tokens
) -> list[Component]:
    if not shown:
        hours = CHANGES[change].hours_back
        return [empty_message(f"There is no forecast {hours:g} h or more earlier to compare with.")]
    figure = contribution_figure(shown, tokens)
    return [
        graph(
            "why",
            figure,
            text=_text_alternative(explanation, shown),
            height=ROW_HEIGHT * len(shown),
        ),
        *(html.P(line, className="footnote") for line in _notes(explanation, change)),
    ]


def _notes(explanation: Explanation, change: str) -> list[str]:
    now = f"raw probability {probability(explanation.probability_raw)}"
    before = explanation.previous
    if CHANGES[change].is_change and before is not None:
        moved = explanation.log_odds - before.log_odds
        then = f"{moment(before.t_rec)}, {probability(before.probability_raw)}"
        return [f"{signed(moved)} log-odds since {then}: {now}"]
    apart = explanation.log_odds - explanation.base_log_odds
    lines = [f"{signed(apart)} log-odds against the mean region of the training set: {now}"]
    issued = explanation.issued_probability_raw
    if issued is not None and probability(issued) != probability(explanation.probability_raw):
        lines.append(f"As issued {probability(issued)}: records or flares have arrived since.")
    return lines


def _text_alternative(explanation: Explanation, shown: Sequence[Bar]) -> str:
    largest = ", ".join(f"{bar.label} {signed(bar.value)}" for bar in shown[:3])
    label = event(explanation.event).label
    return f"Largest contributions to the log-odds of {label}: {largest}."
