"""The panels of the skill report, each a figure or table of the same report."""

from __future__ import annotations

from datetime import date

from dash import html
from dash.development.base_component import Component

from app_dash.shared import numbers
from app_dash.shared.numbers import count, model_label, score_text
from app_dash.shared.panels import empty_message, facts, graph, legend, panel
from app_dash.shared.theme import Tokens
from app_dash.shared.verification.definitions import DEFINITIONS
from app_dash.shared.verification.diagrams import (
    precision_recall_figure,
    reliability_figure,
    roc_figure,
)
from app_dash.shared.verification.report import BandCheck, SkillReport
from app_dash.shared.verification.tables import (
    contingency_table,
    count_chips,
    difference_table,
    forecast_legend,
    score_cards,
    score_table,
    threshold_text,
)
from app_dash.skill.filters import choice
from app_dash.skill.query import SkillQuery
from app_dash.skill.strata_figure import days_figure

_CASES = {"region": "region-times", "disk": "days at 00 UT"}
_BINS = (("bins", "Bins"), ("corp", "CORP"))
_CURVES = (("roc", "ROC"), ("pr", "PR"))
_HEIGHT = 330


def scores(report: SkillReport) -> Component:
    """Show the eight main scores of every forecast as cards."""
    return panel(
        "Scores",
        score_cards(report),
        subtitle=[
            f"{report.label}, {threshold_text(report)}",
            html.Span(count_chips(report), className="count-chips"),
        ],
        actions=forecast_legend([forecast.model for forecast in report.all]),
        class_name="scores",
        definition=DEFINITIONS["scores"],
    )


def reliability(query: SkillQuery, report: SkillReport, tokens: Tokens) -> Component:
    """Show the reliability diagram, by fixed bins or by their isotonic fit."""
    is_corp = query.bins == "corp"
    kind = "isotonic fit" if is_corp else "Wilson 95 %"
    text = f"Reliability of {report.label} forecasts in {len(report.reliability)} bins, {kind}"
    band = None if is_corp else report.band
    drawn = reliability_figure(report, tokens, band=band, is_corp=is_corp)
    name = "corp" if is_corp else "reliability" if band is None else "band"
    return panel(
        "Reliability",
        graph("reliability", drawn, text=text, height=_HEIGHT),
        *([] if band is None else [facts(_band_rows(band))]),
        subtitle=kind,
        actions=choice("Reliability by", query, "bins", _BINS),
        class_name="span-4",
        definition=DEFINITIONS[name],
    )


def _band_rows(band: BandCheck) -> list[tuple[str, str]]:
    fitted = "model" if band.kind == "model" else "calibration alone"
    years = ", ".join(
        f"{one.year} {one.inside} of {one.judged}" for one in band.years if one.judged
    )
    width = score_text(band.mean_width, digits=3)
    return [
        ("Band", f"{count(band.refits)} refits of the {fitted}, mean width {width}"),
        ("Inside the band", f"{band.inside} of {band.judged} bins"),
        *([("By year", years)] if len(band.years) > 1 and years else []),
    ]


def curve(query: SkillQuery, report: SkillReport, tokens: Tokens) -> Component:
    """Show the ROC or the precision-recall diagram."""
    is_roc = query.curve == "roc"
    draw, name, score = (
        (roc_figure, "ROC", "auc")
        if is_roc
        else (precision_recall_figure, "Precision over recall", "average_precision")
    )
    area = score_text(report.score(score).value)
    text = f"{name} of {model_name(report)} and the compared forecasts; the model's area is {area}"
    return panel(
        name,
        graph("roc", draw(report, tokens), text=text, height=_HEIGHT),
        subtitle="all thresholds",
        actions=choice("Curve", query, "curve", _CURVES),
        class_name="span-4",
        definition=DEFINITIONS["roc" if is_roc else "precision_recall"],
    )


def contingency(report: SkillReport) -> Component:
    """Show the contingency table and, below it, those of the compared forecasts."""
    counted = f"{model_name(report)}, {cases(report)}"
    return panel(
        "Contingency",
        contingency_table(report),
        subtitle=counted,
        class_name="span-4",
        definition=DEFINITIONS["contingency"],
    )


def days(report: SkillReport, tokens: Tokens) -> Component:
    """Show the cases over time, and how the report was computed."""
    text = f"{count(report.n_events)} of {count(report.n)} cases with the event, over time"
    drawn = graph("days", days_figure(report.days, report.event, tokens), text=text, height=150)
    keys = [legend(report.event[0].lower(), "event"), legend("quiet-case", "no event")]
    return panel(
        "Cases by day",
        drawn,
        method_facts(report),
        subtitle=cases(report),
        actions=keys,
        class_name="span-4",
        definition=DEFINITIONS["days"],
    )


def differences(report: SkillReport) -> Component:
    """Show the paired differences, or why there are none."""
    content = (
        difference_table(report)
        if report.differences
        else empty_message("There is no forecast to compare with on these cases.")
    )
    return panel(
        "Paired differences",
        content,
        subtitle=f"{model_name(report)} minus each",
        class_name="span-4 flush",
        definition=DEFINITIONS["differences"],
    )


def table(report: SkillReport) -> Component:
    """Show all scores of all forecasts."""
    return panel(
        "All scores",
        score_table(report),
        subtitle="95 % interval and value",
        class_name="span-8 flush",
        definition=DEFINITIONS["bss_against"],
    )


def cases(report: SkillReport) -> str:
    """Name the unit of the cases: region-times, or days for the full disk."""
    return _CASES[report.scope]


def method_facts(report: SkillReport) -> Component:
    """List the days, coverage and intervals of the report."""
    interval = report.interval
    rows = [
        ("Days of issue", f"{_day(report.first_day)} to {_day(report.end_day)}, end exclusive"),
        ("Coverage", _coverage(report)),
        ("Unknown", "outcome not known or not assignable, left out"),
        ("Withheld", "no forecast was given, left out"),
    ]
    if interval is not None:
        rows.insert(2, ("Intervals", _interval(report)))
    return facts(rows)


def _interval(report: SkillReport) -> str:
    made = report.interval
    if made is None:
        return numbers.ABSENT
    drawn = f", {numbers.count(made.resamples)} resamples" if made.resamples else ""
    days = f", {numbers.count(made.days)} days" if made.days else ""
    return f"{100 * made.level:.0f}{numbers.NARROW}%{drawn} of {made.method}{days}"


def _coverage(report: SkillReport) -> str:
    total = report.n + report.n_unknown + report.n_withheld
    share = _share(report.coverage)
    return f"{numbers.count(report.n)} of {numbers.count(total)}, {share}"


def _share(share: float | None) -> str:
    # Unlike a probability, a counted share may be exactly 0 or 1.
    return (
        f"{share:.0%}".replace("%", f"{numbers.NARROW}%")
        if share in (0, 1)
        else (numbers.probability(share))
    )


def _day(day: date) -> str:
    return f"{day:%-d %b %Y}"


def model_name(report: SkillReport) -> str:
    """Name the model of the report."""
    return model_label(report.model)
