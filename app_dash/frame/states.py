"""The state of API, ingest and senders: in the header at every width, in the strip and the rail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import dash
from dash import Input, Output, html
from dash.development.base_component import Component

from app_dash.api_client import is_api_up
from app_dash.frame.shell import Ids
from app_dash.guard import SHELL, callback
from app_dash.settings import DashSettings
from app_dash.shared.numbers import duration
from database.status.watch import StoreWatch
from solar.status.checks import NOT_KNOWN
from solar.status.facts import Look

STATUS_PATH = "/status"
_NOT_CURRENT = "What the pages show may not be current"


@dataclass(frozen=True)
class Part:
    """A part of the product and its state; a long word is left out where there is no room."""

    name: str
    word: str
    kind: str
    long: str = ""


def register(app: dash.Dash, watch: StoreWatch, *, settings: DashSettings) -> None:
    """Bring the states up to date at every tick."""

    @callback(
        app,
        SHELL,
        Output(Ids.API, "children"),
        Output(Ids.STATES, "children"),
        Output(Ids.STATES_LINE, "children"),
        Output(Ids.STATES_LINE, "className"),
        Input(Ids.TICK, "n_intervals"),
    )
    def ask(_tick: int | None) -> Any:
        parts = states(watch.look(), is_api_up=is_api_up(settings.api_url))
        kind = worst(parts)
        return rail(parts), chip(parts), line(parts), f"states-line {kind}"


def states(look: Look, *, is_api_up: bool) -> list[Part]:
    """Say how API, ingest and senders are; while the store is away, that the last two are unknown.

    The kinds are ``ok``, ``stale`` and ``error``, as those of chips.
    """
    api = Part("API", "up", "ok") if is_api_up else Part("API", "down", "error")
    facts = look.facts
    if facts is None or not look.is_answered:
        return [api, Part("Store", "away", "error"), Part("Ingest and senders", NOT_KNOWN, "stale")]
    if facts.ingest_at is None:
        return [api, Part("Ingest", "none yet", "ok"), Part("Senders", "none yet", "ok")]
    senders = Part("Senders", f"{facts.active} active", "ok")
    if facts.silent:
        word = f"{facts.active} active, {facts.silent} silent"
        senders = Part("Senders", word, "stale")
    return [api, Part("Ingest", _age(facts.ingest_at, look.at), "ok", long=" ago"), senders]


def worst(parts: list[Part]) -> str:
    """Return the kind that all of it comes to."""
    kinds = {part.kind for part in parts}
    return next((kind for kind in ("error", "stale") if kind in kinds), "ok")


def chip(parts: list[Part]) -> Component:
    """Draw the states for the header, as a link to the status."""
    return html.A(
        _worded(parts),
        href=STATUS_PATH,
        className=f"chip states {worst(parts)}",
        title="Status of the product",
    )


def line(parts: list[Part]) -> list[Component | str]:
    """Draw the states for the strip; what is wrong comes with what it means."""
    note = html.Span(f" · {_NOT_CURRENT}.") if worst(parts) == "error" else ""
    return [html.Span([*_worded(parts), note]), html.A("Status", href=STATUS_PATH)]


def rail(parts: list[Part]) -> Component:
    """List the states in the foot of the rail."""
    classes = {"ok": "up", "stale": "silent", "error": "down"}
    rows = [
        html.Div(
            [
                html.Dt(part.name),
                html.Dd(part.word, className=classes[part.kind] if part.name == "API" else ""),
            ]
        )
        for part in parts
    ]
    return html.Dl(rows)


def _worded(parts: list[Part]) -> list[Component | str]:
    worded: list[Component | str] = []
    for part in parts:
        separator = [" · "] if worded else []
        name = html.Span(f"{part.name} ", className=f"name-{part.name.lower()}")
        worded += [*separator, name, html.B(part.word, className=part.kind)]
        if part.long:
            worded.append(html.Span(part.long, className="long"))
    return worded


def _age(at: datetime, now: datetime) -> str:
    return duration(max(now - at, timedelta(0)))
