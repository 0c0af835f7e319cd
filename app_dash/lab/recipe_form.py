"""The form of a recipe, drawn from its JSON Schema: a row for each option, with unit and range."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.lab.recipe_values import Node, in_form, shown
from app_dash.shared.panels import aria_label, script_button
from solar.flares import EVENTS

# So many choices of so many letters stand beside each other; more are in a list to open.
_MOST_SEGMENTS, _WIDEST_SEGMENTS = 5, 48
_PATHS = ("rows", "flares", "harps", "file", "folder")
_FIRST = {"Model": ("name", "version", "description", "seed"), "Inputs": ("keywords", "history")}
_LAST = "Decisions"
_LIMITS = {"minimum": "from", "exclusiveMinimum": "over"}
_LIMITS |= {"maximum": "to", "exclusiveMaximum": "under"}
# Tables of an estimator that stand as sections of their own.
_APART = ("preparation", "augmentation")
_FOLDED = ("Data", "Hiding", "Preparation", "Augmentation", _LAST)


@dataclass(frozen=True)
class Known:
    """What the form knows besides the schema: names of files and inputs, and what workers lack.

    `inputs` are names to choose from by the name of the option; `lacks` says of a form of the
    estimator why no worker executes it.
    """

    files: Sequence[str] = ()
    inputs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """A part of the form: the JSON pointers that it holds, and its rows."""

    title: str
    places: tuple[str, ...]
    rows: Sequence[Component]
    note: str = ""

    @property
    def name(self) -> str:
        """The name by which the contents and the lines of the TOML find it."""
        return re.sub(r"\W+", "-", self.title.lower())

    def holds(self, place: str) -> bool:
        """Tell whether a JSON pointer is one of its options."""
        return any(place == one or place.startswith(f"{one}/") for one in self.places)


def recipe_sections(node: Node, values: Mapping[str, Any], known: Known) -> list[Section]:
    """Draw the options of a recipe as sections, in its order; preparation before its estimator."""
    options = node.options(values)
    plain = [name for name, option in options.items() if not option.is_table]
    first = [name for names in _FIRST.values() for name in names]
    sections = [
        _scalars(title, [n for n in names if n in options], options, values, known)
        for title, names in _FIRST.items()
    ]
    for name, option in options.items():
        # One run of the Lab is one run: nothing is repeated there, but what a text asks for.
        if option.is_table and (name != "repeat" or name in values):
            sections += _table_sections(name, option, values.get(name), known)
    rest = [name for name in plain if name not in first]
    return [*sections, _scalars(_LAST, rest, options, values, known)]


def parameter_rows(node: Node, values: Mapping[str, Any], known: Known) -> list[Component]:
    """Draw the parameters of a kind of run."""
    return [
        row
        for name, option in node.options(values).items()
        for row in draw(option, f"parameters/{name}", values, known)
    ]


def _scalars(
    title: str,
    names: Iterable[str],
    options: Mapping[str, Node],
    values: Mapping[str, Any],
    known: Known,
) -> Section:
    names = list(names)
    rows = [row for name in names for row in draw(options[name], f"/{name}", values, known)]
    return Section(title, tuple(f"/{name}" for name in names), rows)


def _table_sections(name: str, node: Node, value: Any, known: Known) -> list[Section]:
    at, around = f"/{name}", {name: value}
    form = node.form_of(value)
    inner = f"{at}@{form}" if form else at
    options = node.options(value)
    apart = {one: options[one] for one in _APART if one in options}
    sections = {
        one: Section(
            _titled(one),
            (f"{at}/{one}",),
            draw(option, f"{inner}/{one}", value, known, is_section=True),
            _first_sentence(option),
        )
        for one, option in apart.items()
    }
    rows = draw(node, at, around, known, is_section=True, but=_APART)
    own = Section(_titled(name), (at,), rows, _first_sentence(node.forms.get(form or "", node)))
    before = [sections[one] for one in _APART[:1] if one in sections]
    return [*before, own, *(sections[one] for one in _APART[1:] if one in sections)]


def _first_sentence(node: Node) -> str:
    text = str(node.schema.get("description", "")).replace("\n", " ")
    return text.split(". ")[0].rstrip(".")


def _titled(name: str) -> str:
    return name.replace("_", " ").capitalize()


def draw(
    node: Node,
    at: str,
    around: Any,
    known: Known,
    *,
    is_section: bool = False,
    but: Sequence[str] = (),
) -> list[Component]:
    """Draw an option at a place; `around` is the table or list that holds its value.

    A table is drawn with all its options, without those named in `but`.
    """
    name = at.rpartition("/")[2]
    value = _value(around, name)
    if node.is_list_of_tables:
        return _members(node, at, value if isinstance(value, list) else [], known)
    if not node.is_table:
        return [_row(node, at, name, value, known)]
    form = node.form_of(value)
    rows = [] if not (node.forms or node.is_optional) else [_form_row(node, at, value, known)]
    is_there = isinstance(value, Mapping) or not (node.is_optional or node.forms)
    if is_there:
        inner = f"{at}@{form}" if form else at
        rows += [
            row
            for one, option in node.options(value).items()
            if one not in but
            for row in draw(option, f"{inner}/{one}", value, known)
        ]
    if is_section:
        return rows
    legend = [html.Legend(_titled(name))] if is_there else []
    return [html.Fieldset([*legend, *rows], className="sub-form")]


def _value(around: Any, name: str) -> Any:
    if isinstance(around, Mapping):
        return around.get(name)
    return around[int(name)] if isinstance(around, list) else None


def _members(node: Node, at: str, members: Sequence[Any], known: Known) -> list[Component]:
    """Draw the tables of a list, each of which may be taken away, and one more be added."""
    drawn = []
    for number in range(len(members)):
        others = [*members[:number], *members[number + 1 :]]
        rows = draw(node.items, f"{at}/{number}", members, known)
        drawn.append([*rows, use_button(at, others, f"Remove {number + 1}")])
    new = in_form(node.items, next(iter(node.items.forms)))
    drawn.append([use_button(at, [*members, new], "Add one")])
    return [html.Div(one, className="member") for one in drawn]


def use_button(at: str, value: Any, label: str) -> Component:
    """Offer a value for a place, which assets/lab_form.js puts there."""
    return script_button(label, {"data-use": json.dumps(value, default=str), "data-use-at": at})


def _form_row(node: Node, at: str, value: Any, known: Known) -> Component:
    """Offer the forms that a table may have, and none where it may be left out."""
    forms = list(node.forms) or ["given"]
    form = node.form_of(value) or ("given" if isinstance(value, Mapping) else "")
    choices = {one: one for one in forms}
    if at.startswith("/estimator"):
        choices |= {one: f"{one}: {known.lacks[one]}" for one in forms if one in known.lacks}
    none = {"": "none"} if node.is_optional or not form else {}
    chosen = _choice(at.rpartition("/")[2], none | choices, form)
    label = "Kind" if node.forms else _titled(at.rpartition("/")[2])
    help_text = _first_sentence(node.forms.get(form, node))
    return _laid_out(label, chosen, help_text, f"={at}", "choice", is_group=True)


def _row(node: Node, at: str, name: str, value: Any, known: Known) -> Component:
    schema = node.schema
    kind, label = schema.get("type"), _titled(name)
    is_default = value is None
    value = schema.get("default") if is_default else value
    choices = _choices(node, name, value, known)
    is_group = True
    if kind == "boolean":
        options: list[Any] = [{"label": html.Span("yes"), "value": "yes"}]
        given = ["yes"] if value is True else []
        control: Component = dcc.Checklist(options, given, className="choices")
        kind = "flag"
    elif kind == "array" and "type" in node.items.schema and not node.items.is_table:
        control, kind = _chips(node, label, value, choices), "list"
    elif choices:
        control, kind = _choice(name, choices, "" if value is None else shown(value)), "choice"
    else:
        control, kind, is_group = _line(schema, value, is_default=is_default), "line", False
    name = "default" if is_default else ""
    return _laid_out(label, control, _help(schema), at, kind, is_group=is_group, class_name=name)


def _laid_out(
    label: str,
    control: Component,
    help_text: str,
    at: str,
    kind: str,
    *,
    is_group: bool,
    class_name: str = "",
) -> Component:
    """Set a label, a control and its help in a row, with room for what the check says."""
    named = html.Span(label, className="row-label")
    labelled = [named, control] if is_group else [html.Label([named, control])]
    group: dict[str, Any] = {"role": "group", **aria_label(label)} if is_group else {}
    data: dict[str, Any] = {"data-at": at, "data-kind": kind}
    return html.Div(
        [*labelled, html.Span(help_text, className="help"), html.Span(className="said")],
        className=f"recipe-row {class_name}".strip(),
        **group,
        **data,
    )


def _help(schema: Mapping[str, Any]) -> str:
    text = str(schema.get("description", "")).replace("\n", " ")
    limits = [f"{word} {_number(schema[key])}" for key, word in _LIMITS.items() if key in schema]
    span = " ".join(limits)
    return "; ".join(part for part in (text, span) if part)


def _number(limit: float) -> str:
    return f"{limit:,}" if isinstance(limit, int) else shown(limit)


def _line(schema: Mapping[str, Any], value: Any, *, is_default: bool) -> Component:
    """Draw a field to type into, with its unit in it; what is grey is taken where it is empty."""
    is_number = schema.get("type") in ("integer", "number")
    text = "" if value is None else shown(value)
    entry = dcc.Input(
        type="text",
        value="" if is_default else text,
        placeholder=("none" if value is None else text) if "default" in schema else "",
        className="field number" if is_number else "field",
        inputMode="numeric" if schema.get("type") == "integer" else None,
        autoComplete="off",
    )
    unit = [html.Span(schema["unit"], className="unit")] if schema.get("unit") else []
    return html.Span([entry, *unit], className="line")


def _choices(node: Node, name: str, value: Any, known: Known) -> dict[str, str]:
    """Return what there is to choose from: value -> text."""
    schema = node.items.schema if node.schema.get("type") == "array" else node.schema
    offered = [shown(one) for one in schema.get("enum", ())]
    offered = offered or list(known.inputs.get(name, ()))
    if name in ("event", "events"):
        offered = [event.name for event in EVENTS]
    if name in _PATHS and known.files:
        folders = sorted({file.rpartition("/")[0] or "." for file in known.files})
        offered = folders if name == "folder" else list(known.files)
    if offered and node.schema.get("type") != "array" and value is not None:
        offered = list(dict.fromkeys([*offered, shown(value)]))
    none = {"": "none"} if offered and (node.is_optional or value is None) else {}
    return none | {one: one for one in offered}


def _choice(name: str, choices: Mapping[str, str], value: str) -> Component:
    if len(choices) <= _MOST_SEGMENTS and len("".join(choices.values())) <= _WIDEST_SEGMENTS:
        options: list[Any] = [{"label": text, "value": one} for one, text in choices.items()]
        return dcc.RadioItems(options, value, className="choices segments-row")
    return html.Select(
        [html.Option(text, value=one, selected=one == value) for one, text in choices.items()],
        className="field",
        **aria_label(_titled(name)),
    )


def _chips(node: Node, label: str, value: Any, choices: Mapping[str, str]) -> Component:
    """Offer the items of a list: those that it has first, then the others, then one more."""
    chosen = [shown(one) for one in value] if isinstance(value, list) else []
    names = list(dict.fromkeys([*chosen, *(one for one in choices if one)]))
    options: list[Any] = [{"label": name, "value": name} for name in names]
    chips = dcc.Checklist(options, chosen, className="choices name-chips")
    if "enum" in node.items.schema:
        return chips
    more = dcc.Input(
        type="text", placeholder="+ another", className="field add", autoComplete="off"
    )
    hidden = html.Span(f"{label}: another", className="visually-hidden")
    return html.Div([chips, html.Label([hidden, more])], className="chip-field")


def section_panel(section: Section) -> Component:
    """Draw a section that can be folded."""
    data: dict[str, Any] = {"data-section": section.name}
    summary = html.Summary(
        [html.H3(section.title), html.Span(section.note, className="note")],
        className="section-head",
    )
    return html.Details(
        [summary, html.Div(section.rows, className="recipe-rows")],
        open=section.title not in _FOLDED,
        className="recipe-section",
        **data,
    )
