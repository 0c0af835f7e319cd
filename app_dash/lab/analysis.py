"""What analyses found, in the page of their run: clusters, forecasts, networks, augmentation.

Each is drawn from the bounded files that its run has made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import orjson
from dash import dcc, html
from dash.development.base_component import Component
from numpy.typing import NDArray
from pyarrow import csv

from app_dash.frame.page import PageContext
from app_dash.lab.analysis_figures import (
    class_marks,
    fan_figure,
    mark_of,
    points_figure,
    windows_figure,
)
from app_dash.lab.answers import Run
from app_dash.lab.marks import run_address, table
from app_dash.lab.network_explorer import network_result
from app_dash.lab.query import AnalysisKind, RunQuery
from app_dash.shared.numbers import ABSENT, MINUS, NARROW, count, probability, score_text
from app_dash.shared.panels import empty_message, facts, graph, panel, segmented
from app_dash.shared.theme import Tokens
from solar.errors import NotFoundError

KINDS: Mapping[AnalysisKind, str] = {
    "cluster": "Clusters",
    "forecast": "Keyword forecasts",
    "network": "Networks",
    "augment": "Augmentations",
}
Read = Callable[[str], bytes]
_METHODS = {"kmeans": "k-means", "hdbscan": "HDBSCAN"}
_CLUSTER_COLUMNS = ("Cluster", "Samples", "Regions", "Share of events", "Silhouette")
_FORECAST_COLUMNS = (
    "Keyword, horizon",
    "Verdict",
    "Pinball",
    "Persistence",
    "Difference",
    "In the 90 % band",
    "In the 50 % band",
)
_INTERVALS = "with 95 % intervals by blocks of 27 days"


def analysis_result(run: Run, read: Read, show: str, context: PageContext) -> Component:
    """Draw what a run of one of `KINDS` found; `show` is the part that the address chooses."""
    try:
        if run.kind == "cluster":
            return _clusters(run, read, show, context.tokens)
        if run.kind == "forecast":
            return _forecasts(run, read, show, context.tokens)
        if run.kind == "network":
            return network_result(run, read, context)
        return _augmentations(orjson.loads(read("quality.json")), context.tokens)
    except (NotFoundError, KeyError, ValueError):
        # A worker of an earlier version made other files, or larger ones than a page reads.
        text = "What this page draws is not among the files of this run; see Outputs."
        return panel("Result", empty_message(text))


def _link(run: Run, show: str, chosen: str) -> Component:
    address = run_address(run.run_id) + RunQuery(tab="result", show=show).search()
    kind = "link strong" if show == chosen else "link"
    return dcc.Link(show.replace(" ", NARROW), href=address, className=kind)


def _figure(value: float | None) -> str:
    """Write a number of any size with three digits: ``28.4``, ``4.99e+21``."""
    return ABSENT if value is None else f"{value:.3g}".replace("-", MINUS)


def _bounds(estimate: Mapping[str, Any], write: Callable[[float | None], str]) -> str:
    """Write an estimate with its interval, where it has one."""
    text = write(estimate["value"])
    if estimate["low"] is None:
        return text
    return f"{text} ({write(estimate['low'])} … {write(estimate['high'])})"


def _table(kind: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Component:
    """Lay out rows whose first cell is a name and whose others are numbers."""
    headings = [(name, "number" if place else "") for place, name in enumerate(columns)]
    return html.Div(table(kind, headings, rows), className="scrolled")


def _clusters(run: Run, read: Read, show: str, tokens: Tokens) -> Component:
    found, windows = orjson.loads(read("clusters.json")), orjson.loads(read("windows.json"))
    labels = [str(one["label"]) for one in found["clusters"]]
    chosen = show if show in labels else ""
    at, shown = run_address(run.run_id), "class" if show == "class" else ""
    choices = [
        (name, at + RunQuery(tab="result", show=of).search(), of == shown)
        for name, of in (("By cluster", ""), ("By class", "class"))
    ]
    drawn = panel(
        "Clusters",
        html.P(found["sentence"], className="reason"),
        _cluster_graph(found, read("clusters.csv"), show if show == "class" else chosen, tokens),
        subtitle=f"{_METHODS[found['method']]}, {count(found['samples'])} samples",
        actions=segmented("Colours of the samples", choices),
    )
    parts = [
        html.Div(drawn, className="span-7"),
        html.Div(_cluster_panel(run, found, chosen), className="span-5"),
    ]
    typical = {str(one["label"]): one["windows"] for one in windows["clusters"]}
    label = chosen or next((one for one in labels if one in typical), "")
    if label in typical:
        multiples = _windows(windows, typical[label], label, tokens)
        parts.append(html.Div(multiples, className="span-12"))
    return html.Div(parts, className="grid")


def _cluster_graph(found: Mapping[str, Any], cases: bytes, show: str, tokens: Tokens) -> Component:
    read = csv.read_csv(BytesIO(cases))
    label, x, y, outcome = (
        read[name].to_numpy().astype(float) for name in ("label", "x", "y", "outcome")
    )
    groups = []
    for name, mark, of in _groups(label, outcome, show, tokens):
        is_shown = show in ("", "class") or name == f"cluster {show}"
        mark = mark if is_shown else mark | {"color": tokens.border}
        groups.append((name, np.stack([x, y], axis=1)[of], mark))
    axes = found["explained_variance"] or []
    method = found["picture"]
    titles = _components(axes) if axes else [f"{method.upper()} {place}" for place in (1, 2)]
    text = f"{len(x)} samples by {method}, in {len(groups)} groups. {found['sentence']}"
    return graph("clusters", points_figure(groups, tokens, titles), text=text, height=420)


def _groups(
    label: NDArray[np.float64], outcome: NDArray[np.float64], show: str, tokens: Tokens
) -> list[tuple[str, dict[str, Any], NDArray[np.bool_]]]:
    """Name the samples of each class or cluster, with their mark."""
    if show == "class":
        classes = [
            (name, mark, np.isnan(outcome) if value is None else outcome == value)
            for value, (name, mark) in class_marks(tokens).items()
        ]
        return [one for one in classes if one[2].any()]
    return [
        ("noise" if one < 0 else f"cluster {one}", mark_of(one, tokens), label == one)
        for one in np.unique(label).astype(int).tolist()
    ]


def _components(shares: Sequence[float]) -> list[str]:
    titles = [
        f"Component {place}, {probability(share)} of the variance"
        for place, share in enumerate(shares, 1)
    ]
    return [*titles, ""][:2]


def _cluster_panel(run: Run, found: Mapping[str, Any], chosen: str) -> Component:
    rows = [
        [
            _link(run, str(one["label"]), chosen),
            count(one["samples"]),
            count(one["regions"]),
            _bounds(one["share"], probability),
            _bounds(one["silhouette"], score_text),
        ]
        for one in found["clusters"]
    ]
    most = max((one for one in found["exchanged"] if one is not None), default=None)
    draws, event = len(found["exchanged"]), found["event"]
    known = [
        ("Silhouette", _bounds(found["silhouette"], score_text)),
        ("With exchanged values", f"up to {score_text(most)} in {draws} draws"),
        (f"{event}+ of all", _bounds(found["base_rate"], probability)),
        ("Noise", count(found["noise"])),
        ("Samples", "training part" if found["part"] == "training" else "all cases"),
    ]
    content = [_table("clusters", _CLUSTER_COLUMNS, rows), facts(known)]
    return panel("Sizes, shares, silhouettes", *content, subtitle=_INTERVALS)


def _windows(
    found: Mapping[str, Any], windows: Sequence[Mapping[str, Any]], label: str, tokens: Tokens
) -> Component:
    """Draw the typical windows of a cluster, a small figure for each feature."""
    drawn = []
    for place, (name, unit) in enumerate(zip(found["features"], found["units"], strict=True)):
        lines = [
            (f"{one['region']}, {one['time']}", bool(one["event"]), one["values"][place])
            for one in windows
        ]
        figure = windows_figure(found["hours_before"], lines, tokens)
        text = f"{name} in {len(lines)} typical windows of cluster {label}"
        multiple = graph(f"window-{place}", figure, text=text, height=150)
        drawn.append(html.Div([html.H3(f"{name} [{unit}]"), multiple]))
    subtitle = "nearest to its centre, one of a region; orange where an event followed"
    content = html.Div(drawn, className="curves")
    return panel(f"Windows of cluster {label}", content, subtitle=subtitle)


def _forecasts(run: Run, read: Read, show: str, tokens: Tokens) -> Component:
    results = orjson.loads(read("forecast.json"))["results"]
    names = [f"{one['keyword']} {one['horizon_hours']:g} h" for one in results]
    fans = orjson.loads(read("fans.json"))
    drawable = [place for place, one in enumerate(fans) if one["valid_at"]]
    place = names.index(show) if show in names else next(iter(drawable), 0)
    fan, shown = fans[place], results[place]
    drawn: Component = empty_message("There is no forecast to draw.")
    if fan["valid_at"]:
        text = f"Forecasts of {names[place]} for region {fan['region']}. {shown['sentence']}"
        drawn = graph("fan", fan_figure(fan, tokens), text=text, height=320)
    rows = [
        [
            _link(run, name, names[place]),
            one["verdict"],
            *(_figure(one["pinball"][of]["value"]) for of in ("model", "persistence")),
            _bounds(one["pinball"]["difference"], _figure),
            *(_bounds(one["coverage"][band], probability) for band in ("90", "50")),
        ]
        for name, one in zip(names, results, strict=True)
    ]
    said = html.P(shown["sentence"], className="reason")
    region = "" if fan["region"] is None else f"region {fan['region']}"
    scores = _table("forecasts", _FORECAST_COLUMNS, rows)
    panels = [
        panel(names[place], said, drawn, subtitle=region),
        panel("Scores on the test cases", scores, subtitle=_INTERVALS, class_name="flush"),
    ]
    return html.Div(panels, className="stack")


def _augmentations(found: Mapping[str, Any], tokens: Tokens) -> Component:
    parts = []
    for event, one in found.items():
        skill = one["skill"]
        rows = [
            (name.capitalize(), _bounds(skill[name], score_text))
            for name in ("with", "without", "difference")
        ]
        scored = f"on validation, {count(skill['n_events'])} events in {count(skill['n'])} cases"
        title = f"{event}+: Brier skill"
        parts.append(html.Div(panel(title, facts(rows), subtitle=scored), className="span-4"))
        if one["quality"] is not None:
            parts.append(html.Div(_quality(event, one["quality"]), className="span-8"))
            picture = one["quality"].get("picture")
            drawn = [_real_and_synthetic(event, picture, tokens)] if picture else []
            parts += [html.Div(one, className="span-12") for one in drawn]
    return html.Div(parts, className="grid")


def _quality(event: str, found: Mapping[str, Any]) -> Component:
    learned, of_real = found["predictive_error"], found["predictive_error_of_real"]
    scores = [
        (name, found[f"trained_on_{kind}"] or {"tss": None, "bss": None})
        for name, kind in (("Trained on synthetic", "synthetic"), ("Trained on real", "real"))
    ]
    copies = (found["nearness"] or {}).get("share_of_copies")
    rows = [
        ("Discriminative score", f"{score_text(found['discriminative_score'])}, worst 0.5"),
        ("Predictive error", f"{score_text(learned)}; of real {score_text(of_real)}"),
        *((name, f"TSS {score_text(a['tss'])}, BSS {score_text(a['bss'])}") for name, a in scores),
        ("As good as copies", probability(copies)),
    ]
    counted = f"{count(found['n_synthetic'])} made from {count(found['n_events'])} real ones"
    return panel(f"{event}+: synthetic events", facts(rows), subtitle=f"{counted}; scored on real")


def _real_and_synthetic(event: str, picture: Mapping[str, Any], tokens: Tokens) -> Component:
    marks = {
        "real": {"color": tokens.text, "symbol": "circle-open", "size": 6},
        "synthetic": {"color": tokens.accent, "symbol": "diamond", "size": 5},
    }
    groups = [
        (name, np.array(picture[name], float).reshape(-1, 2), mark) for name, mark in marks.items()
    ]
    figure = points_figure(groups, tokens, _components(picture["explained_variance"]))
    text = f"Real and synthetic events before {event}+ as points of one picture"
    drawn = graph(f"real-{event}".replace(".", "-"), figure, text=text, height=380)
    return panel(f"{event}+: real against synthetic", drawn)
