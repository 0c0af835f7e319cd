"""The panels of the skill report, each a figure or table of the same answer."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from app_dash.components.contingency_table import contingency_table
from app_dash.components.difference_table import difference_table
from app_dash.components.panels import empty_message, graph, legend, panel
from app_dash.components.score_card import score_cards
from app_dash.components.score_table import score_table
from app_dash.components.skill_facts import (
    cases,
    count_chips,
    model_name,
    statement,
    threshold_text,
)
from app_dash.components.skill_filters import choice
from app_dash.components.whisker import entrant_legend
from app_dash.figures.days import days_figure
from app_dash.figures.precision_recall import precision_recall_figure
from app_dash.figures.reliability import reliability_figure
from app_dash.figures.roc import roc_figure
from app_dash.figures.scores import score_text
from app_dash.numbers import count
from app_dash.skill.answer import SkillAnswer
from app_dash.skill.query import SkillQuery
from app_dash.theme import Tokens

_BINS = (("bins", "Bins"), ("corp", "CORP"))
_CURVES = (("roc", "ROC"), ("pr", "PR"))
_HEIGHT = 330


def scores(answer: SkillAnswer) -> Component:
    """Show the eight main scores of every entrant as cards."""
    return panel(
        "Scores",
        score_cards(answer),
        subtitle=[f"{answer.event}+, {threshold_text(answer)}",
                  html.Span(count_chips(answer), className="count-chips")],
        actions=entrant_legend(answer),
        class_name="scores",
        how="scores",
    )  # fmt: skip


def reliability(query: SkillQuery, answer: SkillAnswer, tokens: Tokens) -> Component:
    """Show the reliability diagram, by fixed bins or by their isotonic fit."""
    is_corp = query.bins == "corp"
    kind = "isotonic fit" if is_corp else "Wilson 95 %"
    text = f"Reliability of {answer.event}+ forecasts in {len(answer.reliability)} bins, {kind}"
    drawn = reliability_figure(answer, tokens, is_corp=is_corp)
    return panel(
        "Reliability",
        graph("reliability", drawn, text=text, height=_HEIGHT),
        subtitle=kind,
        actions=choice("Reliability by", query, "bins", _BINS),
        class_name="span-4",
        how="corp" if is_corp else "reliability",
    )


def curve(query: SkillQuery, answer: SkillAnswer, tokens: Tokens) -> Component:
    """Show the ROC or the precision-recall diagram."""
    is_roc = query.curve == "roc"
    draw, name, score = (
        (roc_figure, "ROC", "auc")
        if is_roc
        else (precision_recall_figure, "Precision over recall", "average_precision")
    )
    area = score_text(answer.score(score).value)
    text = f"{name} of {model_name(answer)} and the entrants; the model's area is {area}"
    return panel(
        name,
        graph("roc", draw(answer, tokens), text=text, height=_HEIGHT),
        subtitle="all thresholds",
        actions=choice("Curve", query, "curve", _CURVES),
        class_name="span-4",
        how="roc" if is_roc else "precision_recall",
    )


def contingency(answer: SkillAnswer) -> Component:
    """Show the contingency table and, below it, every entrant's."""
    counted = f"{model_name(answer)}, {cases(answer)}"
    return panel("Contingency", contingency_table(answer), subtitle=counted,
                 class_name="span-4", how="contingency")  # fmt: skip


def days(answer: SkillAnswer, tokens: Tokens) -> Component:
    """Show the cases over time, and how everything was computed."""
    text = f"{count(answer.n_events)} of {count(answer.n)} cases with the event, over time"
    drawn = graph("days", days_figure(answer.days, answer.event, tokens), text=text, height=150)
    keys = [legend(answer.event[0].lower(), "event"), legend("quiet-case", "no event")]
    return panel("Cases by day", drawn, statement(answer), subtitle=cases(answer), actions=keys,
                 class_name="span-4", how="days")  # fmt: skip


def differences(answer: SkillAnswer) -> Component:
    """Show the paired differences, or why there are none."""
    content = (
        difference_table(answer)
        if answer.differences
        else empty_message("There is nobody to compare with on these cases.")
    )
    return panel("Paired differences", content, subtitle=f"{model_name(answer)} minus each",
                 class_name="span-4 flush", how="differences")  # fmt: skip


def table(answer: SkillAnswer) -> Component:
    """Show every score there is."""
    return panel("All scores", score_table(answer), subtitle="95 % interval and value",
                 class_name="span-8 flush", how="bss_against")  # fmt: skip
