"""The tiles of the pipeline: what became of all rows, and whether the sum comes out."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from app_dash.components.aria import unspoken
from app_dash.components.explanation import explanation
from app_dash.numbers import ABSENT, count
from database.maintenance.size import MOST_COUNTED, Balance


def tiles(found: Balance, senders: int) -> Component:
    """Show the six counts of all senders together, and the line that proves them."""
    lost = None if found.silent == senders else lost_of(found)
    shown: tuple[tuple[str, str, int | None, str], ...] = (
        ("sent", "Sent", found.sent, ""),
        ("accepted", "Accepted", found.accepted, "new records"),
        ("duplicates", "Duplicate", found.duplicates, "known before"),
        ("late", "Late", found.late, "of the accepted"),
        ("rejected", "Rejected", found.rejected, "broke a rule"),
        ("lost", "Lost", lost, "never came"),
    )
    return html.Section(
        [html.Div([_tile(*tile) for tile in shown], className="tiles"), proof(found, senders)],
        className="panel span-12",
    )


def lost_of(found: Balance) -> int:
    """Return how many rows never came."""
    return max(0, found.sent - received(found))


def received(found: Balance) -> int:
    """Return how many rows came, whatever became of them."""
    return found.accepted + found.duplicates + found.revised + found.rejected


def _tile(name: str, label: str, value: int | None, said: str) -> Component:
    is_bad = name in ("rejected", "lost") and bool(value)
    return html.Div(
        [
            html.Div([html.Span(label), explanation(f"pipeline-{name}")], className="tile-head"),
            html.Div(
                ABSENT if value is None else count(value),
                className="tile-number bad" if is_bad else "tile-number",
            ),
            html.Div(said, className="tile-said"),
        ],
        className=f"tile {name}",
    )


def proof(found: Balance, senders: int) -> Component:
    """Say whether sent = stored, in the numbers themselves."""
    kind, word, text = _judged(found, senders)
    return html.P(
        [html.Span({"ok": "✓", "bad": "✗", "open": "…"}[kind], **unspoken()),
         html.B(word), html.Span(text)],
        className=f"proof {kind}", id="pipeline-proof",
    )  # fmt: skip


def _judged(found: Balance, senders: int) -> tuple[str, str, str]:
    who = "1 sender" if senders == 1 else f"{senders} senders"
    parts = (
        f"{who} sent {count(found.sent)} rows = {count(found.accepted)} accepted +"
        f" {count(found.duplicates)} duplicate + {count(found.revised)} revised +"
        f" {count(found.rejected)} rejected"
    )
    if lost_of(found):
        return "bad", "Rows are missing.", f"{parts} + {count(lost_of(found))} lost."
    if found.stored is None:
        said = f"{parts}; beyond {count(MOST_COUNTED)} records the store is not counted here."
        return "ok", "Every row is accounted for.", said
    held = f"the store holds {count(found.stored)} records"
    if found.stored != found.accepted:
        surplus = found.stored - found.accepted
        direction = "more" if surplus > 0 else "fewer"
        said = f"{parts}; {held}, {count(abs(surplus))} {direction} than were accepted."
        return "bad", "The store differs.", said
    return "ok", "Sent = stored.", f"{parts}; {held}, one for each accepted row."
