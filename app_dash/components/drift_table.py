"""The drift table: one row per keyword and forecast, the furthest moved first."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from app_dash.figures.drift import median_line, psi_mark
from app_dash.figures.scores import score_text
from app_dash.numbers import ABSENT, NARROW
from app_dash.theme import Tokens
from database.drift.drift import VariableDrift
from solar.drift import Assessment
from solar.flares import event
from solar.sharp import BY_NAME

_COLUMNS = (
    ("Variable", "", ""),
    ("Daily median", "picture", "Deciles of the training set by which the median lies off"),
    ("PSI", "number", "Population stability index with its 95 % interval"),
    ("0 to 1, bands at 0.1 and 0.25", "picture", "Pale: what the scatter of the days explains"),
    ("KS", "number wide", "Kolmogorov-Smirnov distance"),
    ("W₁", "number wide", "Wasserstein distance in ranks of the training set"),
    ("Missing", "number wide", "Share of missing values, in training in brackets"),
    ("Verdict", "", ""),
)


def drift_table(variables: Sequence[VariableDrift], tokens: Tokens) -> Component:
    """List the variables, those without a verdict last."""
    ordered = sorted(variables, key=_rank)
    # One reason for all stands above the table already.
    is_told = len({variable.reason for variable in variables}) == 1
    heads = [html.Th(name, className=kind, title=hint) for name, kind, hint in _COLUMNS]
    rows = [html.Tr(_cells(variable, tokens, is_told=is_told)) for variable in ordered]
    table = html.Table([html.Thead(html.Tr(heads)), html.Tbody(rows)], className="data drift-table")
    return html.Div(table, className="scroll", tabIndex="0")


def _rank(variable: VariableDrift) -> tuple[int, float]:
    found = variable.assessment
    if found is None:
        return 3, 0.0
    return ("drift", "watch", "no drift").index(found.band), -found.psi


def _cells(variable: VariableDrift, tokens: Tokens, *, is_told: bool) -> list[Component]:
    found = variable.assessment
    return [
        html.Td(_name(variable)),
        html.Td(_line(variable, tokens), className="picture"),
        html.Td(score_text(found.psi if found else None), className="number"),
        html.Td(_mark(found, tokens) if found else ABSENT, className="picture"),
        html.Td(score_text(found.ks if found else None), className="number wide"),
        html.Td(score_text(found.wasserstein if found else None), className="number wide"),
        html.Td(_missing(variable), className="number wide"),
        html.Td(_verdict(variable, is_told=is_told)),
    ]


def _name(variable: VariableDrift) -> list[Component]:
    if variable.kind == "prediction":
        label = event(variable.name).label
        return [html.B(f"P {label}"), html.Span("forecast, calibrated", className="what")]
    known = BY_NAME[variable.name]
    return [html.B(known.name), html.Span(known.description, className="what")]


def _line(variable: VariableDrift, tokens: Tokens) -> Component | str:
    if not len(variable.shifts):
        return ABSENT
    text = f"Daily median of {variable.name}, last {variable.shifts[-1]:+.1f} deciles off"
    return html.Img(src=median_line(variable.shifts, tokens), alt=text, title=text)


def _mark(found: Assessment, tokens: Tokens) -> Component:
    text = (
        f"PSI {score_text(found.psi)}, 95 % interval {score_text(found.low)} to"
        f" {score_text(found.high)}; scatter of {found.blocks} blocks of days explains up to"
        f" {score_text(found.explained)}"
    )
    return html.Img(src=psi_mark(found, tokens), alt=text, title=text)


def _missing(variable: VariableDrift) -> str:
    if variable.missing_share is None or variable.kind == "prediction":
        return ABSENT
    trained = variable.trained_missing_share
    before = ABSENT if trained is None else f"{100 * trained:.0f}"
    return f"{100 * variable.missing_share:.0f} ({before}){NARROW}%"


def _verdict(variable: VariableDrift, *, is_told: bool) -> Component:
    found = variable.assessment
    if found is None:
        reason = "" if is_told else variable.reason
        return html.Span([f"{ABSENT} ", html.Small(reason)], className="quiet")
    return html.Span(found.band, className=f"verdict {found.band.replace(' ', '-')}")
