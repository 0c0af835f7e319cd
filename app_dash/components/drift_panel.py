"""The drift panel: how far keywords and forecasts lie from what the live model was trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from app_dash.components.drift_table import drift_table
from app_dash.components.panels import empty_message, panel
from app_dash.numbers import count
from app_dash.view import View
from database.drift.drift import Drift, VariableDrift, drift
from database.engine import reading
from database.models import ELSEWHERE
from solar.drift import FEWEST_DAYS
from solar.time import Window

_TITLE = "Drift"


def drift_panel(view: View, window: Window) -> Component:
    """Judge the whole UTC days of a window for the live model, and show every variable."""
    model = view.state.model
    if model is None:
        return panel(_TITLE, empty_message("No model is live."), how="drift")
    with reading(view.engine) as connection:
        found = drift(connection, model=model, window=window)
    if not found.variables:
        remedy = "" if model.made_by == ELSEWHERE else " Train it again to have one."
        words = f"{found.reason}.{remedy}" if found.reason else ""
        return panel(_TITLE, empty_message(words), how="drift")
    return panel(
        _TITLE,
        *_notes(found),
        drift_table(found.variables, view.tokens),
        subtitle=f"against the training set of {found.model_id}, {_days(found)}",
        actions=_summary(found.variables),
        how="drift",
        class_name="flush drift",
    )


def _days(found: Drift) -> str:
    n = len(found.days)
    if not n:
        return "no whole day"
    first, last = (f"{day.item():%-d %b %Y}" for day in (found.days[0], found.days[-1]))
    span = first if n == 1 else f"{first} – {last}"
    return f"{count(n)} whole {'day' if n == 1 else 'days'}, {span}"


def _notes(found: Drift) -> list[Component]:
    words = []
    if len(found.days) < FEWEST_DAYS:
        words.append(
            f"Undefined: {len(found.days)} whole days are counted in this range, {FEWEST_DAYS} are"
            " needed. Choose a longer range."
        )
    if found.n_partial:
        days = "day" if found.n_partial == 1 else "days"
        words.append(f"{count(found.n_partial)} {days} with records in too few hours left out.")
    return [html.P(text, className="note") for text in words]


def _summary(variables: Sequence[VariableDrift]) -> str:
    judged = Counter(v.assessment.band for v in variables if v.assessment)
    parts = [f"{judged[word]} {word}" for word in ("drift", "watch", "no drift") if judged[word]]
    return " · ".join(parts)
