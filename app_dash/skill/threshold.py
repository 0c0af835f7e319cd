"""The panels of threshold and relative value, each with a slider under its figure."""

from __future__ import annotations

from typing import Annotated, Any

import dash
from dash import Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from pydantic import BaseModel, Field

from app_dash.frame.shell import Ids
from app_dash.guard import callback
from app_dash.shared import numbers
from app_dash.shared.numbers import score_text
from app_dash.shared.panels import facts, graph, panel
from app_dash.shared.theme import Tokens
from app_dash.shared.url_state import SKILL_PATH
from app_dash.shared.verification.definitions import DEFINITIONS
from app_dash.shared.verification.report import SkillReport, ValuePoint
from app_dash.shared.verification.tables import threshold_text
from app_dash.skill.data import SkillData
from app_dash.skill.query import SkillQuery
from app_dash.skill.threshold_figures import (
    HIGHEST,
    LOWEST,
    nearest,
    slider_position,
    threshold_figure,
    value_figure,
)
from database.people.principal import READ
from solar.errors import InvalidInputError

# While the slider is dragged, the page is not redrawn at every step.
PAUSE_SECONDS = 0.5
THRESHOLD = "skill-threshold"
COST_LOSS = "skill-cost-loss"
SHOWN = "skill-sliders"
_HEIGHT = 230


# The decimal logarithm of a probability, which the browser writes as text.
Position = Annotated[float, Field(ge=-10, le=0)]


class Positions(BaseModel):
    """Where both sliders were drawn."""

    threshold: Position
    cl: Position


def threshold_panels(query: SkillQuery, data: SkillData, tokens: Tokens) -> list[Component]:
    """Draw both panels; the address holds the values of the sliders."""
    cost_loss = chosen_cost_loss(query, data.report)
    return [_threshold(query, data, tokens), _value(query, data.report, tokens, cost_loss)]


def _threshold(query: SkillQuery, data: SkillData, tokens: Tokens) -> Component:
    report = data.report
    used = report.threshold.value if report.threshold else None
    text = threshold_text(report)
    figure = threshold_figure(report, tokens, frozen=data.frozen)
    return panel(
        "Threshold",
        graph(
            "threshold-curve",
            figure,
            height=_HEIGHT,
            text=f"TSS, recall and precision over the threshold; {text}",
        ),
        slider(THRESHOLD, "Threshold", used),
        facts(
            [
                ("In use", text.removeprefix("threshold ")),
                ("Frozen with the model", numbers.probability(data.frozen)),
                ("TSS there", score_text(report.score("tss").value)),
            ]
        ),
        dcc.Store(id=SHOWN, data=_shown(used, chosen_cost_loss(query, report))),
        subtitle="move the slider to change the scores",
        actions=_reset(query.changed(threshold=None), query, "Reset"),
        class_name="span-4",
        definition=DEFINITIONS["threshold"],
    )


def _value(
    query: SkillQuery, report: SkillReport, tokens: Tokens, cost_loss: float | None
) -> Component:
    ratio_text = f"C/L {cost_loss:.2g}" if cost_loss else "no cost-loss ratio"
    figure = value_figure(report, tokens, cost_loss=cost_loss)
    return panel(
        "Relative value",
        graph(
            "value-curve",
            figure,
            height=_HEIGHT,
            text=f"Relative value of the compared forecasts over cost/loss; {ratio_text}",
        ),
        slider(COST_LOSS, "Cost / loss", cost_loss),
        facts(_worth(report, nearest(report.value, cost_loss))),
        subtitle=ratio_text,
        actions=_reset(query.changed(cl=None), query, "Reset"),
        class_name="span-4",
        definition=DEFINITIONS["relative_value"],
    )


def slider(identity: str, label: str, value: float | None) -> Component:
    """Offer the values of the logarithmic axis; without a value the slider is disabled."""
    return html.Label(
        [
            html.Span(label, className="slider-name"),
            dcc.Input(
                id=identity,
                type="range",
                min=slider_position(LOWEST),
                max=slider_position(HIGHEST),
                step=0.01,
                value=slider_position(value or LOWEST),
                debounce=PAUSE_SECONDS,
                disabled=value is None,
                className="slider",
            ),
        ],
        className="slider-row",
    )


def chosen_cost_loss(query: SkillQuery, report: SkillReport) -> float | None:
    """Return the chosen cost/loss ratio, or the threshold in use as a ratio.

    It is the nearest ratio for which the report holds a value.
    """
    used = report.threshold.value if report.threshold else None
    ratio = query.cl or used or None
    point = nearest(report.value, ratio)
    return ratio if point is None else point.cost_loss


def register_sliders(app: dash.Dash) -> None:
    """Put the value of a moved slider into the address."""

    @callback(
        app,
        READ,
        Output(Ids.URL, "search", allow_duplicate=True),
        Input(THRESHOLD, "value"),
        Input(COST_LOSS, "value"),
        State(SHOWN, "data"),
        State(Ids.URL, "search"),
        prevent_initial_call=True,
    )
    def move(
        threshold: Position | None,
        cost_loss: Position | None,
        shown: Positions,
        search: str | None,
    ) -> Any:
        moved = {"threshold": threshold, "cl": cost_loss}
        try:
            return slide(search, moved=moved, shown=shown.model_dump()) or no_update
        except InvalidInputError:
            return no_update


def slide(search: str | None, *, moved: dict[str, Any], shown: dict[str, float]) -> str:
    """Return the address with the moved sliders; empty if none was moved."""
    fields = {
        name: min(round(10 ** float(value), 4), 0.9999)
        for name, value in moved.items()
        if value is not None and abs(float(value) - shown[name]) > 1e-9
    }
    return SkillQuery.parse(search).changed(**fields).search() if fields else ""


def _shown(threshold: float | None, cost_loss: float | None) -> dict[str, float]:
    return Positions(
        threshold=slider_position(threshold or LOWEST),
        cl=slider_position(cost_loss or LOWEST),
    ).model_dump()


def _worth(report: SkillReport, point: ValuePoint | None) -> list[tuple[str, str]]:
    """List the value at the chosen ratio, and the expense in losses per 1,000 cases."""
    if point is None:
        return [("Value", f"{numbers.ABSENT} (undefined without events and quiet cases)")]
    rows = [
        ("Value at the threshold", score_text(point.at_threshold)),
        (f"Value acting from p ≥ {point.cost_loss:.2g}", score_text(point.at_cost_loss)),
    ]
    costs = expected_expense(report, point)
    if costs:
        text = ", ".join(f"{name} {_losses(cost)}" for name, cost in costs.items())
        rows.append(("Losses in 1,000 cases", text))
    return rows


def _losses(cost: float) -> str:
    losses = 1000 * cost
    return f"{losses:.1f}" if losses < 10 else f"{losses:.0f}"


def expected_expense(report: SkillReport, point: ValuePoint) -> dict[str, float]:
    """Return the mean expense per case in units of the loss: C for every alarm, L for a miss."""
    table, ratio = report.contingency, point.cost_loss
    if table is None or not report.n:
        return {}
    alarms, base_rate = table.hits + table.false_alarms, report.n_events / report.n
    return {
        "model": (ratio * alarms + table.misses) / report.n,
        "without": min(ratio, base_rate),
        "perfect": ratio * base_rate,
    }


def _reset(first: SkillQuery, query: SkillQuery, label: str) -> list[Component]:
    if first == query:
        return []
    return [dcc.Link(label, href=SKILL_PATH + first.search(), className="link")]
