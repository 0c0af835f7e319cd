"""The threshold and its worth: scores over the threshold, value to users, a slider under each."""

from __future__ import annotations

from typing import Any

import dash
from dash import Input, Output, State, dcc, no_update
from dash.development.base_component import Component

from app_dash import numbers
from app_dash.components.panels import facts, graph, panel
from app_dash.components.skill_facts import threshold_text
from app_dash.components.skill_filters import PATH
from app_dash.components.slider import slider
from app_dash.figures.logarithmic import LOWEST, slid
from app_dash.figures.scores import score_text
from app_dash.figures.threshold_curve import threshold_figure
from app_dash.figures.value import nearest, value_figure
from app_dash.shell import Ids
from app_dash.skill.answer import SkillAnswer, ValuePoint
from app_dash.skill.query import SkillQuery
from app_dash.skill.view import SkillView
from app_dash.theme import Tokens
from solar.errors import InvalidInputError

THRESHOLD = "skill-threshold"
COST_LOSS = "skill-cost-loss"
SHOWN = "skill-sliders"
_HEIGHT = 230


def threshold_panels(query: SkillQuery, view: SkillView, tokens: Tokens) -> list[Component]:
    """Draw both panels; what the sliders stand for is part of the address."""
    cost_loss = chosen_cost_loss(query, view.answer)
    return [_threshold(query, view, tokens), _value(query, view.answer, tokens, cost_loss)]


def chosen_cost_loss(query: SkillQuery, answer: SkillAnswer) -> float | None:
    """Return the chosen ratio, or that of the user whom the threshold suits.

    It is the nearest for which the report holds a value.
    """
    used = answer.threshold.value if answer.threshold else None
    asked = query.cl or used or None
    point = nearest(answer.value, asked)
    return asked if point is None else point.cost_loss


def register_sliders(app: dash.Dash) -> None:
    """Send what a slider is moved to into the address."""

    @app.callback(
        Output(Ids.URL, "search", allow_duplicate=True),
        Input(THRESHOLD, "value"),
        Input(COST_LOSS, "value"),
        State(SHOWN, "data"),
        State(Ids.URL, "search"),
        prevent_initial_call=True,
    )
    def move(threshold: Any, cost_loss: Any, shown: dict[str, float], search: str | None) -> Any:
        moved = {"threshold": threshold, "cl": cost_loss}
        try:
            return slide(search, moved=moved, shown=shown) or no_update
        except InvalidInputError:
            return no_update


def slide(search: str | None, *, moved: dict[str, Any], shown: dict[str, float]) -> str:
    """Put the sliders that were moved into the address; nothing when none was."""
    fields = {
        name: min(round(10 ** float(value), 4), 0.9999)
        for name, value in moved.items()
        if value is not None and abs(float(value) - shown[name]) > 1e-9
    }
    return SkillQuery.parse(search).changed(**fields).search() if fields else ""


def _threshold(query: SkillQuery, view: SkillView, tokens: Tokens) -> Component:
    answer = view.answer
    used = answer.threshold.value if answer.threshold else None
    said = threshold_text(answer)
    figure = threshold_figure(answer, tokens, frozen=view.frozen)
    return panel(
        "Threshold",
        graph("threshold-curve", figure, height=_HEIGHT,
              text=f"TSS, recall and precision over the threshold; {said}"),
        slider(THRESHOLD, "Threshold", used),
        facts([("In use", said.removeprefix("threshold ")),
               ("Frozen with the model", numbers.probability(view.frozen)),
               ("TSS there", score_text(answer.score("tss").value))]),
        dcc.Store(id=SHOWN, data=_shown(used, chosen_cost_loss(query, answer))),
        subtitle="slide, and the scores follow",
        actions=_reset(query.changed(threshold=None), query, "Reset"),
        class_name="span-4",
        how="threshold",
    )  # fmt: skip


def _value(
    query: SkillQuery, answer: SkillAnswer, tokens: Tokens, cost_loss: float | None
) -> Component:
    given = f"C/L {cost_loss:.2g}" if cost_loss else "no cost-loss ratio"
    figure = value_figure(answer, tokens, cost_loss=cost_loss)
    return panel(
        "Relative value",
        graph("value-curve", figure, height=_HEIGHT,
              text=f"Relative value of the model and the entrants over cost/loss; {given}"),
        slider(COST_LOSS, "Cost / loss", cost_loss),
        facts(_worth(answer, nearest(answer.value, cost_loss))),
        subtitle=given,
        actions=_reset(query.changed(cl=None), query, "Reset"),
        class_name="span-4",
        how="relative_value",
    )  # fmt: skip


def _shown(threshold: float | None, cost_loss: float | None) -> dict[str, float]:
    return {"threshold": slid(threshold or LOWEST), "cl": slid(cost_loss or LOWEST)}


def _worth(answer: SkillAnswer, point: ValuePoint | None) -> list[tuple[str, str]]:
    """List the value to the chosen user, and his expense as a share of the loss in each case."""
    if point is None:
        return [("Value", f"{numbers.ABSENT} (undefined without events and quiet cases)")]
    rows = [
        ("Value at the threshold", score_text(point.at_threshold)),
        (f"Value acting from p ≥ {point.cost_loss:.2g}", score_text(point.at_cost_loss)),
    ]
    costs = expected_expense(answer, point)
    if costs:
        said = ", ".join(f"{name} {_losses(cost)}" for name, cost in costs.items())
        rows.append(("Losses in 1,000 cases", said))
    return rows


def _losses(cost: float) -> str:
    losses = 1000 * cost
    return f"{losses:.1f}" if losses < 10 else f"{losses:.0f}"


def expected_expense(answer: SkillAnswer, point: ValuePoint) -> dict[str, float]:
    """Return the mean expense per case in units of the loss: C for every alarm, L for a miss."""
    table, ratio = answer.contingency, point.cost_loss
    if table is None or not answer.n:
        return {}
    alarms, base_rate = table.hits + table.false_alarms, answer.n_events / answer.n
    return {
        "model": (ratio * alarms + table.misses) / answer.n,
        "without": min(ratio, base_rate),
        "perfect": ratio * base_rate,
    }


def _reset(first: SkillQuery, query: SkillQuery, label: str) -> list[Component]:
    if first == query:
        return []
    return [dcc.Link(label, href=PATH + first.search(), className="link")]
