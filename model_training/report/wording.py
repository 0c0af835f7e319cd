"""Wording: numbers and names as the report prints them."""

from __future__ import annotations

from solar.flares import EVENTS
from solar.skill import Estimate

UNDEFINED = "undefined"
# Of what the maker of a model has not said.
NOT_KNOWN = "not known"
MINUS = "−"


def score(value: float | None) -> str:
    """Write a score with three decimals; None is undefined and never 0."""
    return UNDEFINED if value is None else f"{value:.3f}".replace("-", MINUS)


def signed(value: float | None) -> str:
    """Write a difference with its sign."""
    return UNDEFINED if value is None else f"{value:+.3f}".replace("-", MINUS)


def interval(estimate: Estimate) -> str:
    """Write the interval of a score; empty without one."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return ""
    return f"{score(estimate.low)} … {score(estimate.high)}"


def count(number: int) -> str:
    """Write a count with thousands commas."""
    return f"{number:,}"


def percent(share: float | None) -> str:
    """Write a share in percent, with decimals where it is small; None is undefined."""
    if share is None:
        return UNDEFINED
    if 0 < share < 0.001:
        return "<0.1 %"
    decimals = 1 if share < 0.1 else 0
    return f"{100 * share:.{decimals}f} %"


def event(name: str) -> str:
    """Write an event as people do: ``M1.0`` is M1.0+."""
    return next((known.label for known in EVENTS if known.name == name), name)
