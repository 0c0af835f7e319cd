"""The panels of the strata: first flare and all clear, longitude, month, latency."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from dash import dcc, html
from dash.development.base_component import Component

from app_dash import numbers
from app_dash.components.panels import empty_message, facts, graph, panel
from app_dash.components.skill_filters import PATH, choice
from app_dash.figures.scores import KINDS, interval_text, score_text
from app_dash.figures.strata import strata_figure
from app_dash.skill.answer import Score
from app_dash.skill.query import SkillQuery
from app_dash.skill.strata import AllClear, Latency, StrataAnswer, Stratum
from app_dash.theme import Tokens

_BY = (("tss", "TSS"), ("bss", "BSS"), ("auc", "AUC"), ("recall", "Recall"))
_SHOWN = ("tss", "recall", "far", "bss", "auc")
HEIGHT = 260


def strata_panels(query: SkillQuery, answer: StrataAnswer, tokens: Tokens) -> list[Component]:
    """Draw the three panels."""
    return [
        _divided("Skill by longitude", _centred(answer.longitude), query, tokens),
        _divided("Skill by month", answer.month, query, tokens),
        panel(
            "First flare and all clear",
            _first_flare(answer.first_flare),
            facts([*_all_clear(answer.all_clear), *_latency(answer.latency)]),
            class_name="span-4",
            how="first_flare",
        ),
    ]


def undivided(query: SkillQuery) -> Component:
    """Say why there are no strata, and offer what has some."""
    whole = query.changed(model="", region="")
    link = dcc.Link("Show the live model, all regions", href=PATH + whole.search(),
                    className="button")  # fmt: skip
    text = "History, longitude and month are told apart for a model over all regions."
    return panel("Skill by stratum", empty_message(text, link), class_name="span-12")


def waiting() -> list[Component]:
    """Stand where the panels will be, in their size."""
    return [html.Div(className="sunk-block span-4 strata-block") for _ in range(3)]


def _divided(title: str, strata: Sequence[Stratum], query: SkillQuery, tokens: Tokens) -> Component:
    name = title.rpartition(" ")[2]
    label = next(kind.label for kind in KINDS if kind.name == query.by)
    known = sum(1 for stratum in strata if stratum.score(query.by).value is not None)
    text = f"{label} in {known} of {len(strata)} strata by {name}, with 95 % intervals and cases"
    axis = {
        "longitude": "Stonyhurst longitude, centres of 30° bands",
        "month": "Month of issue, UTC",
    }[name]
    drawn = (
        graph(f"strata-{name}", strata_figure(strata, query.by, tokens, title=axis), text=text,
              height=HEIGHT)
        if any(stratum.n for stratum in strata)
        else empty_message(f"These cases have no {name} to divide them by.")
    )  # fmt: skip
    return panel(
        title,
        drawn,
        actions=choice(f"Score by {name}", query, "by", _BY),
        class_name="span-4",
        how=name,
    )


def _centred(bands: Sequence[Stratum]) -> list[Stratum]:
    """Name each band by its centre as positions are written, ``E45``, which leaves room."""
    return [band.model_copy(update={"label": _centre(band)}) for band in bands]


def _centre(band: Stratum) -> str:
    if not isinstance(band.low, float) or not isinstance(band.high, float):
        return "unknown"
    middle = (band.low + band.high) / 2
    return f"{'E' if middle < 0 else 'W'}{abs(middle):.0f}"


def _first_flare(stratum: Stratum) -> Component:
    labels = {kind.name: kind.label for kind in KINDS}
    rows = [_score(labels[name], stratum.score(name)) for name in _SHOWN]
    counted = f"{numbers.count(stratum.n_events)} of {numbers.count(stratum.n)} cases"
    head = html.Tr([html.Th("First flare after quiet"), html.Th(counted, className="number")])
    return html.Table([html.Thead(head), html.Tbody(rows)], className="data summary strata-table")


def _score(label: str, score: Score) -> Component:
    parts = [html.Span(interval_text(score), className="score-interval"),
             html.B(score_text(score.value))]  # fmt: skip
    return html.Tr([html.Th(label, scope="row"), html.Td(parts, className="number score-cell")])


def _all_clear(said: AllClear) -> list[tuple[str, str]]:
    interval = interval_text(said.right, digits=3)
    right = score_text(said.right.value, digits=3)
    return [
        ("All clear said", f"{numbers.count(said.n)} times"),
        ("and right", f"{right} ({interval})" if interval else right),
        ("Events missed by it", numbers.count(said.n_missed)),
    ]


def _latency(latency: Latency) -> list[tuple[str, str]]:
    if not latency.n:
        return [("Latency", numbers.ABSENT)]
    parts = (("median", latency.p50_s), ("p95", latency.p95_s), ("p99", latency.p99_s))
    return [("Latency", ", ".join(f"{name} {_seconds(value)}" for name, value in parts))]


def _seconds(value: float | None) -> str:
    if value is None:
        return numbers.ABSENT
    return f"{value:.1f} s" if value < 10 else numbers.duration(timedelta(seconds=value))
