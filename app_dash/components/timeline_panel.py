"""The panel of probability and observed flares over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from dash import html
from dash.development.base_component import Component

from app_dash.components.menu import menu
from app_dash.components.panels import graph, legend, panel
from app_dash.figures.lanes import AlertSpan
from app_dash.figures.probability_lines import OTHER_DASHES, OtherLine
from app_dash.figures.timeline import Scene, timeline_figure
from app_dash.numbers import count, duration, moment, probability
from app_dash.region.data import RegionData
from app_dash.region.outcomes import Passage
from app_dash.region.query import LIVE_ALONE, RegionQuery, address
from app_dash.view import View
from database.alerts.alerts import Alert
from solar.flares import EVENTS, Event

HEIGHT = 360


def timeline_panel(data: RegionData, shown: Passage, query: RegionQuery, view: View) -> Component:
    """Show the issued forecasts of all classes, and of one class what other models said."""
    event = query.definition
    figure = timeline_figure(
        shown, _scene(data, event), is_log=query.scale == "log", tokens=view.tokens
    )
    judged = Counter(str(mark.outcome) for mark in shown.flares if mark.outcome is not None)
    result = ", ".join(f"{n} {word}" for word, n in judged.items()) or "none observed"
    return panel(
        "Probability and observed flares",
        graph("timeline", figure, height=HEIGHT, text=(
            f"Probability of a flare within 24 h of region {data.region.region_id} over"
            f" {count(len(shown.t_rec))} forecasts; {event.label} flares: {result}.")),
        subtitle="24 h ahead",
        actions=[*_others(data), legend("hit", "hit"), legend("miss", "miss"),
                 legend("false-alarm", "false alarm"), legend("no-data", "no data"),
                 *_models(data, query)],
        class_name="timeline",
        how="region-timeline",
    )  # fmt: skip


def _scene(data: RegionData, event: Event) -> Scene:
    column = EVENTS.index(event)
    others = [
        OtherLine(model_id, line.t_rec, line.probability[:, column])
        for model_id, line in data.others.items()
    ]
    spans = [_span(alert, data.region.last_t_rec) for alert in data.alerts
             if alert.event == event.name and _is_shown(alert, data)]  # fmt: skip
    return Scene(data.shown, data.at, data.as_of, others, spans)


def _is_shown(alert: Alert, data: RegionData) -> bool:
    closed_at = alert.closed_at or data.shown.end_at
    return alert.opened_at < data.shown.end_at and closed_at > data.shown.start_at


def _span(alert: Alert, newest: datetime) -> AlertSpan:
    end_at = max(alert.closed_at or newest, alert.opened_at)
    length = duration(end_at - alert.opened_at)
    came = alert.outcome or ("not judged yet" if alert.closed_at else alert.state)
    text = (
        f"<b>{alert.event}+ alert</b>, {alert.severity}, {came}"
        f"<br>{moment(alert.opened_at)} – {moment(end_at)} UTC"
        f"<br>highest {probability(alert.peak_probability)}"
    )
    return AlertSpan(alert.opened_at, end_at, f"{alert.event}+ alert, {length}", text)


def _others(data: RegionData) -> list[Component]:
    return [
        html.Span(
            [
                html.I(style={"borderTopStyle": "dotted" if place == 0 else "dashed"}),
                model_id.partition("@")[0],
            ],
            className="legend line",
            title=model_id,
        )
        for place, model_id in enumerate(list(data.others)[: len(OTHER_DASHES)])
    ]


def _models(data: RegionData, query: RegionQuery) -> list[Component]:
    """Offer the models that are not live, each to be shown or not."""
    if not data.beside:
        return []
    drawn = list(data.others)
    number = str(1 + len(drawn))

    def to(chosen: Sequence[str]) -> str:
        text = "" if list(chosen) == list(data.beside) else ",".join(chosen) or LIVE_ALONE
        return address(data.region.region_id, query.changed(models=text))

    toggles = [
        (model_id, to([m for m in data.beside if (m in drawn) != (m == model_id)]),
         model_id in drawn)
        for model_id in data.beside
    ]  # fmt: skip
    return [menu("Models", number, [("Live alone", to([]), not drawn), *toggles])]
