"""What a reader must know of a skill report: its cases, threshold, intervals and references."""

from __future__ import annotations

from datetime import date

from dash import html
from dash.development.base_component import Component

from app_dash import numbers
from app_dash.components.panels import facts
from app_dash.figures.entrants import entrant_label
from app_dash.skill.answer import SkillAnswer

_CASES = {"region": "region-times", "disk": "days at 00 UT"}


def cases(answer: SkillAnswer) -> str:
    """Name what is counted: region-times, or days for the full disk."""
    return _CASES[answer.scope]


def count_chips(answer: SkillAnswer) -> list[Component]:
    """Show how many cases, events, unknown and withheld ones there are."""
    figures = [
        ("n =", numbers.count(answer.n)),
        ("events =", numbers.count(answer.n_events)),
        ("unknown =", numbers.count(answer.n_unknown)),
        ("withheld =", numbers.count(answer.n_withheld)),
    ]
    return [html.Span([f"{name} ", html.B(value)], className="chip") for name, value in figures]


def threshold_text(answer: SkillAnswer) -> str:
    """Say from which probability a forecast counts as yes: ``threshold frozen at 4.3 %``."""
    threshold = answer.threshold
    if threshold is None or threshold.value is None:
        return "no threshold"
    value = numbers.probability(threshold.value)
    if threshold.source == "prior rate":
        return f"no threshold was frozen; judged at the prior rate, {value}"
    return f"threshold {threshold.source} at {value}"


def statement(answer: SkillAnswer) -> Component:
    """List how the figures were made."""
    interval = answer.interval
    rows = [
        ("Days of issue", f"{_day(answer.first_day)} to {_day(answer.end_day)}, end exclusive"),
        ("Coverage", _coverage(answer)),
        ("Unknown", "outcome not known or not assignable, left out"),
        ("Withheld", "no forecast was given, left out"),
    ]
    if interval is not None:
        rows.insert(2, ("Intervals", _interval(answer)))
    return facts(rows)


def _interval(answer: SkillAnswer) -> str:
    made = answer.interval
    if made is None:
        return numbers.ABSENT
    drawn = f", {numbers.count(made.resamples)} resamples" if made.resamples else ""
    days = f", {numbers.count(made.days)} days" if made.days else ""
    return f"{100 * made.level:.0f}{numbers.NARROW}%{drawn} of {made.method}{days}"


def _coverage(answer: SkillAnswer) -> str:
    total = answer.n + answer.n_unknown + answer.n_withheld
    share = _share(answer.coverage)
    return f"{numbers.count(answer.n)} of {numbers.count(total)}, {share}"


def _share(share: float | None) -> str:
    # A share that was counted, unlike a probability, may be exactly everything or nothing.
    return (
        f"{share:.0%}".replace("%", f"{numbers.NARROW}%")
        if share in (0, 1)
        else (numbers.probability(share))
    )


def _day(day: date) -> str:
    return f"{day:%-d %b %Y}"


def model_name(answer: SkillAnswer) -> str:
    """Name the model that was asked for."""
    return entrant_label(answer.model)
