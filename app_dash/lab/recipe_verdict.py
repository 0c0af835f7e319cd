"""What stands beside the form of a recipe: its contents, the verdict, the split, the TOML."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.lab.answers import Check, Derived, Fault, Lane, Span
from app_dash.lab.marks import queue_name, run_address, state_mark
from app_dash.lab.recipe_form import Section
from app_dash.shared.numbers import count, duration
from app_dash.shared.panels import aria_label, facts, legend
from solar.toml import line_places

_BOUND = re.compile(r"(?:at least|(?:greater|less) than or equal to) (-?[\d.]*\d)")
# Years at the axis of the split where nobody knows when the data begin and end.
_BESIDE = timedelta(days=730)
_PARTS = ("train", "validation", "test")


def place_of_fault(fault: Fault) -> str:
    """Return where a fault belongs: a JSON pointer, or the name of a parameter."""
    return fault.path if fault.path.startswith("/") else fault.path.replace(".", "/")


def bounds(faults: Iterable[Fault]) -> dict[str, str]:
    """Return the values that would do, by place, where a message names one."""
    found = ((place_of_fault(fault), _BOUND.search(fault.message)) for fault in faults)
    return {place: match[1] for place, match in found if match is not None}


def contents(sections: Sequence[Section], check: Check, changed: Iterable[str]) -> Component:
    """List the sections, with what was changed and what is wrong in each."""
    wrong = Counter(_named(sections, place_of_fault(one)) for one in check.errors)
    dotted = {_named(sections, place) for place in changed}
    rows = []
    for one in sections:
        data: dict[str, Any] = {"data-goes": one.name}
        n_wrong = wrong[one.name]
        mark = [html.Span([html.I(), count(n_wrong)], className="wrong-count")] if n_wrong else []
        is_changed = "changed" if one.name in dotted else ""
        name = html.Span(one.title, className=is_changed)
        rows.append(html.Li(html.Button([name, *mark], type="button", **data)))
    return html.Ol(rows)


def _named(sections: Sequence[Section], place: str) -> str:
    return next((one.name for one in reversed(sections) if one.holds(place)), "")


def verdict(check: Check, *, queue: str) -> Component:
    """Say whether a run can be made, and if not, each fault with its place; else what it takes."""
    n_wrong = len(check.errors)
    word = f"{count(n_wrong)} thing{'s' * (n_wrong > 1)} to put right" if n_wrong else "Can be used"
    at = f"checked {datetime.now(UTC):%H:%M:%S}"
    mark = state_mark("refused" if n_wrong else "ready")
    mark.children = [mark.children[0], word]
    head = html.P([mark, html.Span(f" {at}", className="note")])
    faults = [
        html.P([html.B(_dotted(fault)), f" {fault.message}"], className="fault")
        for fault in check.errors
    ]
    return html.Div([head, *faults, *_expected(check, queue)])


def _dotted(fault: Fault) -> str:
    place = place_of_fault(fault).strip("/").replace("/", ".")
    return "" if place and fault.message.startswith(place) else place or "recipe"


def _expected(check: Check, queue: str) -> list[Component]:
    if not check.ok:
        return []
    same: list[Any] = [
        dcc.Link(f"run {one.number}, {one.state}", href=run_address(one.run_id), className="link")
        for one in check.same_as
    ]
    took = check.estimate_s
    about = "not known yet" if took is None else f"about {duration(timedelta(0, took))}"
    rows = [
        ("Would take", about),
        ("Would run on", queue_name(queue)),
        ("Done before", same or "no run with this recipe, data and seed"),
    ]
    warned = [html.P(text, className="warned") for text in check.warnings]
    return [facts(rows), *warned]


def toml_pane(
    document: str, sections: Sequence[Section], check: Check, changed: Iterable[str]
) -> Component:
    """Show a recipe by lines, with marks at what is wrong and at what was changed."""
    places = line_places(document)
    wrong = _lines_of(places, map(place_of_fault, check.errors))
    # Those that a message about the text names.
    told = [re.search(r"at line (\d+)", one.message) for one in check.errors]
    wrong |= {int(one[1]) for one in told if one}
    dotted = _lines_of(places, list(changed))
    lines = [
        (number, text, place, _marks(number, wrong, dotted))
        for number, (text, place) in enumerate(zip(document.splitlines(), places, strict=True), 1)
    ]
    drawn: list[Component] = []
    for table, rows in groupby(lines, key=lambda line: _table(line[2])):
        listed = [_line(*row) for row in rows]
        drawn.append(_folding(listed, _named(sections, table)) if table else html.Div(listed))
    return html.Div(
        drawn, className="toml toml-lines", role="region", tabIndex=0, **aria_label("recipe.toml")
    )


def _table(place: str) -> str:
    return f"/{place.split('/')[1]}" if place.count("/") > 1 else ""


def _lines_of(places: Sequence[str], marked: Iterable[str]) -> set[int]:
    """Return the numbers of the lines that hold pointers, or the table that they would be in."""
    first = {place: number for number, place in reversed(list(enumerate(places, 1)))}
    found = set()
    for place in marked:
        while place and place not in first:
            place = place.rpartition("/")[0]
        if place:
            found.add(first[place])
    return found


def _marks(number: int, wrong: set[int], changed: set[int]) -> str:
    return "wrong" if number in wrong else "changed" if number in changed else ""


def _line(number: int, text: str, _place: str, marks: str) -> Component:
    return html.Div([html.Span(str(number), className="line-number"), text or " "], className=marks)


def _folding(lines: Sequence[Component], name: str) -> Component:
    data: dict[str, Any] = {"data-folds": name}
    folded = html.Span(f"{len(lines)} lines", className="note")
    return html.Details([html.Summary([lines[0], folded]), *lines[1:]], open=True, **data)


def split_axis(derived: Derived | None) -> Component | str:
    """Draw the split on the axis of time, with the embargo before each border."""
    if derived is None or not derived.split:
        return ""
    borders = sorted({one for lane in derived.split for one in _borders(lane)})
    if not borders:
        parts = [f"{lane.name}: {_counted(lane.spans[0])}" for lane in derived.split]
        return html.P("; ".join(parts), className="note")
    begin = min(derived.first_at or borders[0] - _BESIDE, borders[0])
    end = max(derived.last_at or borders[-1] + _BESIDE, borders[-1])
    lanes = [_lane(lane, begin, end) for lane in derived.split]
    needed = derived.reach_hours + 24
    embargo = derived.embargo_hours or 0
    lacks = f", {needed:g} h needed" if embargo < needed else ""
    text = f"embargo of {embargo:g} h at {count(len(borders))} borders{lacks}"
    kinds = [legend(f"part-{part}", part) for part in _PARTS]
    said = html.P([*kinds, html.Span(text, className="warned" if lacks else "note")])
    named = aria_label(f"The split on the axis of time: {_told(derived.split)}; {text}")
    axis = [said, *lanes, _years(begin, end)]
    return html.Div(axis, className="split-axis", role="img", **named)


def _borders(lane: Lane) -> list[datetime]:
    return [at for one in lane.spans for at in (one.from_at, one.to_at) if at is not None]


def _counted(span: Span) -> str:
    return span.part if span.cases is None else f"{span.part} {count(span.cases)}"


def _told(lanes: Sequence[Lane]) -> str:
    def span(one: Span) -> str:
        begins = f" from {one.from_at:%Y-%m-%d}" if one.from_at else ""
        return one.part + begins + (f" to {one.to_at:%Y-%m-%d}" if one.to_at else "")

    return "; ".join(f"{lane.name}: {', '.join(map(span, lane.spans))}" for lane in lanes)


def _lane(lane: Lane, begin: datetime, end: datetime) -> Component:
    bars = []
    for span in lane.spans:
        at = span.from_at or begin, span.to_at or end
        left, right = (_share(one, begin, end) for one in at)
        style = {"left": f"{left:.2f}%", "width": f"{max(right - left, 0):.2f}%"}
        is_border = " border" if span.from_at is not None else ""
        text = html.Span(_counted(span))
        bars.append(html.I(text, className=f"part-{span.part}{is_border}", style=style))
    return html.Div([html.Span(lane.name), html.Div(bars)], className="lane")


def _years(begin: datetime, end: datetime) -> Component:
    every = max(1, (end.year - begin.year) // 10 + 1)
    years = [
        html.Span(str(year), style={"left": f"{share:.2f}%"})
        for year in range(begin.year + 1, end.year + 1, every)
        for share in [_share(datetime(year, 1, 1, tzinfo=UTC), begin, end)]
        if share < 97
    ]
    return html.Div([html.Span(""), html.Div(years)], className="lane years")


def _share(at: datetime, begin: datetime, end: datetime) -> float:
    return 100 * min(max((at - begin) / (end - begin or timedelta(1)), 0), 1)


def marks(check: Check, changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what assets/lab_form.js says beside the fields, by their place."""
    return {
        "ok": check.ok,
        "errors": {place_of_fault(one): one.message for one in reversed(check.errors)},
        "uses": bounds(check.errors),
        "had": {place: had for place, had in changed.items() if place},
    }
