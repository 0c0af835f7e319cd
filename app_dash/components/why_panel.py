"""The panel that tells why a forecast says what it says, or what changed it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from app_dash.components.panels import empty_message, graph, panel, segmented
from app_dash.figures.contributions import ROW_HEIGHT, Bar, bars, contribution_figure, signed
from app_dash.numbers import moment, probability
from app_dash.region.explanation_answer import Explanation
from app_dash.theme import Tokens
from solar.errors import FlarewatchError
from solar.flares import event


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
    change : a key of `CHANGES`; the explanation must have been asked for with its `hours_back`
    address : returns the address that shows another choice
    """
    actions = None if address is None else _choice(change, address)
    if isinstance(explanation, FlarewatchError):
        words = str(explanation)
        return panel("Why", empty_message(words[:1].upper() + words[1:]), actions=actions,
                     how="why", class_name="why")  # fmt: skip
    shown = bars(explanation, is_change=CHANGES[change].is_change)
    return panel(
        "Why",
        *_content(explanation, shown, change=change, tokens=tokens),
        subtitle=event(explanation.event).label,
        actions=actions,
        how="why",
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
        return [empty_message(f"There is no forecast {hours:g} h or more before to compare with.")]
    figure = contribution_figure(shown, tokens)
    return [
        graph("why", figure, text=_spoken(explanation, shown), height=ROW_HEIGHT * len(shown)),
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
        lines.append(f"As issued {probability(issued)}: records or flares have come since.")
    return lines


def _spoken(explanation: Explanation, shown: Sequence[Bar]) -> str:
    largest = ", ".join(f"{bar.label} {signed(bar.value)}" for bar in shown[:3])
    label = event(explanation.event).label
    return f"Largest contributions to the log-odds of {label}: {largest}."
