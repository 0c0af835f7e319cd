"""The result of a run, drawn from the files that it made: each kind of run has a drawing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame.page import PageContext
from app_dash.lab.analysis import KINDS, analysis_result
from app_dash.lab.answers import Dataset, Output, Run
from app_dash.lab.marks import dataset_address, lab_row, run_address
from app_dash.lab.outputs import open_report, output_table
from app_dash.lab.query import RunQuery
from app_dash.shared.numbers import count, model_label, score_text
from app_dash.shared.panels import aria_hidden, empty_message, facts, graph, panel, segmented
from app_dash.shared.verification.definitions import DEFINITIONS
from app_dash.shared.verification.diagrams import reliability_figure, roc_figure
from app_dash.shared.verification.report import Score, SkillReport
from app_dash.shared.verification.score_axis import interval_text
from app_dash.shared.verification.tables import (
    contingency_table,
    count_chips,
    forecast_legend,
    score_cards,
    threshold_text,
    verdict,
)

_SCORES, _MANIFEST, _REPORT = "scores.json", "manifest.json", "report.html"
_HEIGHT = 300
_FIRST = 6
# The best news last: whoever reads no further has read the worst.
_WORDS = {"worse": "worse than", "no difference": "no different from", "better": "better than"}


@dataclass(frozen=True)
class Found:
    """A run, its files, how one is read by its name, what the address chooses, its data sets."""

    run: Run
    outputs: Sequence[Output]
    read: Callable[[str], bytes]
    query: RunQuery = field(default_factory=RunQuery)
    made: Sequence[Dataset] = ()


def result_tab(found: Found, context: PageContext) -> Component:
    """Draw what a run found; what it has not made yet is said."""
    run = found.run
    if run.state != "succeeded":
        return panel("Result", empty_message("There is a result once the run has succeeded."))
    made = [
        html.P(
            ["It made the data set ", dcc.Link(one.label, href=address, className="link strong")]
        )
        for one in found.made
        for address in [dataset_address(one.dataset_id)]
    ]
    if run.kind not in _DRAWINGS:
        return panel("Result", *made, empty_message("Its files are under Outputs."))
    drawn = _DRAWINGS[run.kind](found, context)
    return html.Div([panel("Data set", *made), drawn], className="stack") if made else drawn


def _judged_run(found: Found, context: PageContext) -> Component:
    """Draw how the model of a run is judged, for the event and the cases of the address."""
    try:
        judged = json.loads(found.read(_SCORES))
        return _drawn(judged, found, context)
    except (ValueError, LookupError, TypeError):
        # Larger than what a page reads, or of another version.
        text = f"{_SCORES} cannot be read here; the report has what it holds."
        return panel("Result", empty_message(text, open_report(found.run, _REPORT)))


def _drawn(judged: Mapping[str, Any], found: Found, context: PageContext) -> Component:
    judgements = judged["judgements"]
    if not judgements:
        return panel("Result", empty_message("No event could be scored; the log says why."))
    # The event and the cases of the address, else M1.0+ on the test.
    event, part = found.query.event or "M1.0", found.query.part or "test"
    shown = max(judgements, key=lambda one: 2 * (one["event"] == event) + (one["part"] == part))
    report = skill_report(shown, name=found.run.name or "this run")
    accuracy = report.score("accuracy")
    measured = ("Accuracy", f"{score_text(accuracy.value)} ({interval_text(accuracy)})")
    parts = [
        _reliability(report, context),
        _roc(report, context),
        panel("Contingency", contingency_table(report), facts([measured]), class_name="span-4"),
        _importance(judged.get("importance", {}).get(shown["event"], [])),
        *_audited(found),
        _files(found),
    ]
    first = [_choices(judgements, shown, found), _scores(found, shown, report)]
    return html.Div([*first, html.Div(parts, className="grid")], className="stack result")


def skill_report(judged: Mapping[str, Any], *, name: str) -> SkillReport:
    """Return a judgement as the report that the Skill page draws; the model is called `name`."""
    counts = {key: judged[key] for key in ("n", "n_events", "n_unknown", "n_withheld", "base_rate")}
    forecasts = {key: counts | _verification(key, one) for key, one in judged["entrants"].items()}
    own = forecasts.pop(judged["model"])
    first, last = ((judged[key] or "1970-01-01")[:10] for key in ("first_at", "last_at"))
    whole = {"event": judged["event"], "scope": "region", "from": first, "to": last}
    others = list(forecasts.values())
    return SkillReport.model_validate(own | whole | {"model": name, "entrants": others})


def _verification(name: str, scored: Mapping[str, Any]) -> dict[str, Any]:
    bins = [
        {
            **one,
            "low": one["lower"],
            "high": one["upper"],
            "observed": one["observed_frequency"],
            "wilson_low": one["low"],
            "wilson_high": one["high"],
        }
        for one in scored.get("reliability", [])
    ]
    roc = [one | {"pod": one["recall"]} for one in scored["roc"]]
    threshold = {"value": scored["threshold"], "source": "frozen"}
    return {**scored, "model": name, "threshold": threshold, "roc": roc, "reliability": bins}


def _choices(
    judgements: Sequence[Mapping[str, Any]], shown: Mapping[str, Any], found: Found
) -> Component:
    def choice(name: str, field: str, label: Callable[[str], str]) -> Component:
        values = dict.fromkeys(one[field] for one in judgements)
        path = run_address(found.run.run_id)
        choices = [
            (label(one), path + found.query.changed(**{field: one}).search(), one == shown[field])
            for one in values
        ]
        return segmented(name, choices)

    events = choice("Event", "event", lambda one: f"{one}+")
    return html.Div([events, choice("Cases", "part", str.capitalize)], className="result-choices")


def _scores(found: Found, shown: Mapping[str, Any], report: SkillReport) -> Component:
    differences = {
        name: Score.model_validate(scores["bss"]) for name, scores in shown["differences"].items()
    }
    years = " … ".join(dict.fromkeys((str(report.first_day.year), str(report.end_day.year))))
    return panel(
        "Scores",
        verdict_sentence(differences),
        score_cards(report),
        subtitle=[
            f"{report.label}, {shown['part']} {years}, {threshold_text(report)}",
            html.Span(count_chips(report), className="count-chips"),
        ],
        actions=[
            *forecast_legend([forecast.model for forecast in report.all]),
            open_report(found.run, _REPORT),
        ],
        class_name="scores",
        definition=DEFINITIONS["scores"],
    )


def verdict_sentence(differences: Mapping[str, Score]) -> Component:
    """Say in one sentence than which forecasts the model has more Brier skill, and than which not.

    `differences` are those of the model minus each other forecast, on the same cases.
    """
    said: dict[str, list[str]] = {word: [] for word in _WORDS}
    for name, difference in differences.items():
        word, _ = verdict(difference)
        if word in said:
            label = model_label(name).replace(",", "")
            said[word].append(label[0].lower() + label[1:] + _figures(difference, word))
    parts = [f"{_WORDS[word]} {_listed(names)}" for word, names in said.items() if names]
    text = f"on the same cases {'; '.join(parts)}" if parts else "there is no other forecast here"
    worst = next((word for word in said if said[word]), "")
    kind = {"better": "succeeded", "worse": "remark"}.get(worst, "left")
    mark = html.I(className=f"verdict-mark {kind}", **aria_hidden())
    return html.P([mark, f"{text[0].upper()}{text[1:]}."], className="result-verdict")


def _figures(skill: Score, word: str) -> str:
    if word != "worse":
        return ""
    return f" (ΔBSS {score_text(skill.value)}, {interval_text(skill)})"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _reliability(report: SkillReport, context: PageContext) -> Component:
    if report.reliability:
        figure = reliability_figure(report, context.tokens)
        text = f"Reliability of {report.event}+ forecasts, {count(report.n)} cases"
        drawn = graph("result-reliability", figure, text=text, height=_HEIGHT)
    else:
        drawn = empty_message("Runs of this version keep it; the report has it.")
    return panel(
        "Reliability",
        drawn,
        subtitle="Wilson 95 %",
        class_name="span-4",
        definition=DEFINITIONS["reliability"],
    )


def _roc(report: SkillReport, context: PageContext) -> Component:
    area = score_text(report.score("auc").value)
    text = f"ROC of the model and of the other forecasts; the area of the model is {area}"
    figure = roc_figure(report, context.tokens)
    return panel(
        "ROC",
        graph("result-roc", figure, text=text, height=_HEIGHT),
        subtitle="all thresholds",
        class_name="span-4",
        definition=DEFINITIONS["roc"],
    )


def _importance(features: Sequence[Mapping[str, Any]]) -> Component:
    drops = {one["feature"]: Score.model_validate(one["drop"]) for one in features}
    most = max((one.value or 0 for one in drops.values()), default=0) or 1
    rows = [
        lab_row(
            "importance",
            html.Span(name, className="named"),
            html.Span(html.I(style={"width": f"{width:.1f}%"}), className="bar"),
            html.B(score_text(drop.value), title=interval_text(drop, digits=3)),
        )
        for name, drop in drops.items()
        for width in [100 * max(drop.value or 0, 0) / most]
    ]
    note = "Features that say the same share their importance."
    absent = "Only a run that trains measures it, for the events that it fits."
    return _listing("Importance", rows, "BSS lost when shuffled", note=note, absent=absent)


def _audited(found: Found) -> list[Component]:
    """Draw leak audit and noise test from the manifest, which lies in the folder of the model."""
    names = [one.name for one in found.outputs if one.name.endswith(f"/{_MANIFEST}")]
    audit = json.loads(found.read(names[0])).get("leak_audit") if len(names) == 1 else None
    if not audit:
        return []
    checks = sorted(audit["checks"], key=lambda one: bool(one["passed"]))
    passed = sum(one["passed"] for one in checks)
    trials = [_noise(one) for one in audit.get("noise", [])]
    why = (
        "Skill above 0 here would mean that something but the inputs tells the outcome, such as"
        " which records are missing; the run would then end without a model."
    )
    rows = [_checked(one["passed"], one["name"], one["detail"]) for one in checks]
    absent, about = (
        "This model is from before the noise test.",
        "the same fit on what cannot be known",
    )
    return [
        _listing("Leak audit", rows, f"{passed} of {len(checks)} checks passed"),
        _listing("Noise test", trials, about, note=why, absent=absent),
    ]


def _noise(one: Mapping[str, Any]) -> Component:
    skill, detail = Score.model_validate(one["bss"] or {}), one["note"] or "not judged"
    if one["bss"]:
        detail = f"BSS {score_text(skill.value, digits=3)} ({interval_text(skill, digits=3)})"
    label = f"{one['exchanged'].capitalize()} exchanged, {one['event']}+"
    return _checked(skill.low is None or skill.low <= 0, label, detail)


def _checked(passed: object, label: str, detail: str) -> Component:
    word, kind = ("passed", "succeeded") if passed else ("failed", "failed")
    hidden = html.Span(f"{word}: ", className="visually-hidden")
    return lab_row(
        "checked",
        html.I(className=f"verdict-mark {kind}", **aria_hidden()),
        html.Span([hidden, label[:1].upper() + label[1:]], className="named"),
        html.Span(detail, className="when"),
    )


def _listing(
    title: str, rows: Sequence[Component], subtitle: str, *, note: str = "", absent: str = ""
) -> Component:
    """Show the first rows of a list, and the others behind a button."""
    rest = list(rows[_FIRST:])
    more = [html.Details([html.Summary(f"{len(rest)} more", className="link"), *rest])]
    shown = [*rows[:_FIRST], *(more if rest else []), html.P(note, className="note")]
    content = shown if rows else [empty_message(absent)]
    return panel(title, *content, subtitle=subtitle, class_name="span-4 flush listing")


def _files(found: Found) -> Component:
    first = sorted(found.outputs, key=lambda one: -one.bytes)[:_FIRST]
    table = html.Div(output_table(found.run, first), className="scrolled")
    subtitle = f"{count(len(found.outputs))}, the largest"
    return panel("Outputs", table, subtitle=subtitle, class_name="span-8 flush")


def _analysis(found: Found, context: PageContext) -> Component:
    return analysis_result(found.run, found.read, found.query.show, context)


_DRAWINGS: dict[str, Callable[[Found, PageContext], Component]] = {
    **dict.fromkeys(KINDS, _analysis),
    "train": _judged_run,
    "evaluate": _judged_run,
}
