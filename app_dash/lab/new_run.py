"""The form of a new run: experiment, kind, data sets, recipe with its check, and the start."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dash
from dash import ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.frame.actions import Action
from app_dash.frame.key_form import choice_row
from app_dash.guard import callback
from app_dash.lab.answers import Check, Dataset, Experiment, Recipe, Schemas
from app_dash.lab.client import Lab
from app_dash.lab.data_answers import FoundAnswer, FullDataset
from app_dash.lab.marks import DATA_PATH, PAGE, tags_of
from app_dash.lab.query import NewRunQuery
from app_dash.lab.recipe_form import (
    Section,
    parameter_rows,
    recipe_sections,
    section_panel,
    use_button,
)
from app_dash.lab.recipe_values import root
from app_dash.lab.recipe_verdict import contents, marks, split_axis, toml_pane, verdict
from app_dash.lab.typed_recipe import (
    PARAMETERS,
    Edits,
    Typed,
    known_names,
    queue_choices,
    read_found,
    read_typed,
    starting_recipe,
)
from app_dash.settings import DashSettings
from app_dash.shared.numbers import count
from app_dash.shared.panels import panel, script_button
from database.people.principal import LAB
from solar.errors import FlarewatchError, InvalidInputError
from solar.toml import write_toml

EXPERIMENT, NEW_EXPERIMENT, KIND, DATASETS = "experiment", "new-name", "kind", "datasets"
RECIPE, KEPT, QUEUE, TAGS, NOTE = "recipe", "kept", "queue", "tags", "note"
FROM = "from"
EDITS, FORM, CONTENTS, VERDICT = "lab-edits", "lab-form", "lab-contents", "lab-verdict"
PANE, MARKS, AXIS = "lab-toml", "lab-marks", "lab-split"
# What assets/lab_form.js has taken up; nothing reads it.
PAINTED, BEGUN = "lab-painted", "lab-begun"
# A recipe that names every file of a large data set.
LONGEST_RECIPE = 500_000
KINDS = {
    "train": "fit the estimator, score it on the test, make a report",
    "evaluate": "score what a run has trained, on other cases",
    "augment": "make synthetic cases, and measure what they are worth",
    "network": "join samples to a functional network",
    "audit": "look for leaks between training and test",
    "process": "make a data set of the inputs as the recipe prepares them",
    "snapshot": "make a data set of what the store holds between two times",
    "cluster": "group cases by their inputs",
    "forecast": "forecast keywords, beside persistence",
}


@dataclass(frozen=True)
class NewRunData:
    """What the form offers and begins with."""

    experiments: Sequence[Experiment]
    datasets: Sequence[Dataset]
    recipes: Sequence[Recipe]
    schemas: Schemas
    document: str = ""
    chosen: Mapping[str, Any] = field(default_factory=dict)


def read_new_run(lab: Lab, query: NewRunQuery) -> NewRunData:
    """Ask the API for what the form offers; raises what the API refuses."""
    chosen: dict[str, Any] = {EXPERIMENT: query.experiment, KIND: query.kind, KEPT: query.recipe}
    chosen[DATASETS] = [query.dataset] if query.dataset else []
    document = lab.recipe(query.recipe).document if query.recipe else ""
    if query.run:
        run = lab.run(query.run)
        document = lab.recipe(run.recipe_id).document if run.recipe_id else ""
        chosen |= {EXPERIMENT: run.experiment_id, KIND: run.kind, DATASETS: run.datasets}
        chosen |= {QUEUE: run.queue, TAGS: ", ".join(run.tags), PARAMETERS: run.parameters}
        chosen[FROM] = f"{run.kind} {run.run_id}"
    elif not document:
        document = starting_text(lab, query.dataset)
    experiments = lab.experiments(owner="me")
    datasets = [one for one in lab.datasets() if one.state == "ready"]
    return NewRunData(experiments, datasets, lab.recipes(), lab.schemas(), document, chosen)


def starting_text(lab: Lab, dataset_id: str) -> str:
    """Return the recipe that a form begins with, of a data set or none."""
    found = read_found(lab, dataset_id) if dataset_id else (None, None)
    return write_toml(starting_recipe(*found))


def new_run_page(data: NewRunData) -> Component:
    """Draw the form; the key of its buttons makes two clicks one run."""
    key = uuid.uuid4().hex
    given = data.chosen.get(PARAMETERS, {})
    edits = Edits(key=key, origin=data.document, base=data.document, parameters=given)
    edits.follows = not (data.chosen.get(FROM) or data.chosen.get(KEPT))
    middle = [_run_panel(data), html.Section(id=FORM, className="panel flush recipe-form")]
    parts = [
        panel("Recipe", html.Nav(id=CONTENTS), class_name="span-2 flush recipe-contents"),
        html.Div(middle, className="stack span-6"),
        html.Div([_verdict_panel(key, data), _toml_panel(data)], className="stack span-4"),
        dcc.Store(id=EDITS, data=edits.model_dump()),
        *(dcc.Store(id=one) for one in (MARKS, PAINTED, BEGUN)),
        _hidden(PARAMETERS, json.dumps(given)),
        _hidden(FROM, data.chosen.get(FROM, "")),
    ]
    return html.Div(parts, className="grid new-run")


def _hidden(name: str, value: str) -> Component:
    return dcc.Input(id=actions.input_id(PAGE, name), type="hidden", value=value)


def _run_panel(data: NewRunData) -> Component:
    chosen, offers = data.chosen, data.schemas.offers
    experiments = {one.experiment_id: one.name for one in data.experiments}
    ready = {one.dataset_id: _dataset_label(one) for one in data.datasets}
    kept = {one.recipe_id: one.name for one in data.recipes}
    datasets = dcc.Checklist(
        id=actions.input_id(PAGE, DATASETS),
        value=[one for one in chosen[DATASETS] if one in ready],
        **_options(ready),
    )
    send = dcc.Link("send one", href=DATA_PATH, className="link")
    nothing: list[Component | str] = [] if ready else ["none is ready yet: ", send]
    another = "or a new one" if experiments else "A new experiment"
    tags = chosen.get(TAGS, "")
    rows = [
        _select(EXPERIMENT, "Experiment", experiments, value=chosen.get(EXPERIMENT) or None),
        actions.text_input(PAGE, NEW_EXPERIMENT, another, hint="its name", maxLength=80),
        _select(KIND, "Kind", _kinds(data.schemas), value=chosen.get(KIND) or "train"),
        choice_row("Data sets", html.Div([datasets, html.Span(nothing, className="hint")])),
        *([_select(KEPT, "Begin with", kept, value=chosen[KEPT] or None)] if kept else []),
        _select(QUEUE, "Where", queue_choices(offers), value=chosen.get(QUEUE) or "cpu"),
        actions.text_input(PAGE, TAGS, "Tags", hint="with commas between", value=tags),
        actions.text_input(PAGE, NOTE, "Note", maxLength=2000),
    ]
    begun = f"from {chosen[FROM].partition(' ')[0]} run" if FROM in chosen else ""
    back = script_button("Reset", {"data-resets": "yes"}) if begun else None
    form = html.Div(rows, className="form note-fields")
    return panel("Conditions", form, subtitle=begun, actions=back)


def _kinds(schemas: Schemas) -> dict[str, str]:
    told = {kind: schema.get("description", "") for kind, schema in schemas.parameters.items()}
    return {kind: f"{kind}: {KINDS.get(kind) or text}" for kind, text in told.items()}


def _dataset_label(one: Dataset) -> str:
    rows = f", {count(one.rows)} rows" if one.rows is not None else ""
    return f"{one.label}{rows}"


def _select(name: str, label: str, choices: Mapping[str, str], *, value: str | None) -> Component:
    """Offer to choose one; a long list scrolls."""
    entry = dcc.RadioItems(id=actions.input_id(PAGE, name), value=value, **_options(choices))
    # The field is there all the same: what is pressed sends it.
    return choice_row(label, entry) if choices else html.Div(entry, hidden=True)


def _options(choices: Mapping[str, str]) -> dict[str, Any]:
    listed = [{"label": text, "value": one} for one, text in choices.items()]
    return {"options": listed, "className": "choices listing"}


def _verdict_panel(key: str, data: NewRunData) -> Component:
    kind = data.chosen.get(KIND) or "train"
    call = f"flarewatch {kind} recipe.toml --data FOLDER"
    buttons = [
        actions.button(PAGE, "new-run", "Start", of=f"start {key}", kind="button primary"),
        actions.button(PAGE, "new-run", "Save draft", of=f"draft {key}"),
        script_button("Copy CLI call", {"data-copy": call}),
    ]
    told = html.Div(id=VERDICT, role="status", className="recipe-check")
    return panel("Check", told, html.Div(buttons, className="new-buttons"))


def _toml_panel(data: NewRunData) -> Component:
    text = dcc.Textarea(
        id=actions.input_id(PAGE, RECIPE),
        value=data.document,
        className="field area toml-field",
        spellCheck=False,
        maxLength=LONGEST_RECIPE,
        title="Recipe as TOML",
    )
    # assets/lab_form.js reads the file into the field; so does dropping one there.
    buttons = [
        script_button("From a file …", {"data-reads": "lab-recipe"}),
        script_button("Download", {"data-saves": "recipe.toml"}),
    ]
    named = html.Label([html.Span("TOML", className="visually-hidden"), text], id="lab-recipe")
    edit = html.Details([html.Summary("Paste or edit the text"), named], className="toml-edit")
    return panel(
        "As it will run",
        edit,
        html.Div(id=PANE),
        subtitle="recipe.toml",
        actions=buttons,
        class_name="flush recipe-panel",
    )


@dataclass(frozen=True)
class Drawing:
    """The form as it is to be drawn."""

    typed: Typed
    sections: Sequence[Section]
    check: Check

    @property
    def form(self) -> list[Component]:
        """The sections, or why there are none."""
        if self.typed.values is None:
            text = "The text is no TOML: put it right under “Paste or edit the text”."
            return [html.P(text, className="empty")]
        return [section_panel(one) for one in self.sections]


def read_drawing(lab: Lab, edits: Edits, run: Mapping[str, Any]) -> Drawing:
    """Have what was typed checked for a run, and draw it; raises what the API refuses."""
    schemas, kind = lab.schemas(), str(run["kind"])
    typed = read_typed(schemas, edits, kind)
    needs_recipe = kind not in schemas.without_recipe
    document = typed.document[:LONGEST_RECIPE] if needs_recipe else ""
    check = lab.check(document, parameters=typed.parameters, **run)
    found = [read_found(lab, one) for one in run["dataset_ids"]] if edits.redraws else []
    known = known_names(schemas, found, typed.values or {})
    node = root(schemas.parameters.get(kind, {}))
    rows = parameter_rows(node, typed.parameters, known)
    sections = [Section("Parameters", (PARAMETERS,), rows)] if rows else []
    if needs_recipe and typed.values is not None:
        sections += recipe_sections(root(schemas.recipe), typed.values, known)
        sections = [_with_more(one, found, check) for one in sections]
    return Drawing(typed, sections, check)


def _with_more(
    section: Section, found: Sequence[tuple[FullDataset, FoundAnswer]], check: Check
) -> Section:
    """Put the layouts of the data sets and the picture of the split into their sections."""
    if section.title == "Split":
        axis = html.Div(split_axis(check.derived), id=AXIS)
        return replace(section, rows=[*section.rows, axis])
    if section.title != "Data":
        return section
    offered = [
        use_button("/data", one.layout, f"As {one.label} is laid out")
        for one, _ in found
        if one.layout
    ]
    return replace(section, rows=[*offered, *section.rows])


def body_of(action: Action, experiment_id: str, without_recipe: Sequence[str]) -> dict[str, Any]:
    """Return the body of the request for a new run; raises InvalidInputError."""
    kind = action.text(KIND)
    if not kind:
        raise InvalidInputError("Choose a kind.")
    body = {
        "experiment_id": experiment_id,
        "kind": kind,
        "dataset_ids": action.choices(DATASETS),
        "parameters": _parameters(action.text(PARAMETERS)),
        "queue": action.text(QUEUE) or "cpu",
        "tags": tags_of(action.text(TAGS)),
        "note": action.text(NOTE),
        "start": action.of.startswith("start "),
    }
    recipe = action.secret(RECIPE, longest=LONGEST_RECIPE)
    return body | ({"recipe": recipe} if recipe.strip() and kind not in without_recipe else {})


def _followed(lab: Lab, edits: Edits, datasets: list[str] | str | None) -> Any:
    """Begin the form anew with the first data set that is ticked, where nothing was typed yet."""
    if not (edits.follows and edits.is_untouched and datasets and isinstance(datasets, list)):
        return no_update
    text = starting_text(lab, datasets[0])
    return _begun(text, follows=True) if text != edits.base else no_update


def _begun(text: str, *, follows: bool = False) -> dict[str, Any]:
    """Begin the form anew with a text."""
    key = uuid.uuid4().hex
    return Edits(key=key, origin=text, base=text, writes=True, follows=follows).model_dump()


def _parameters(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise InvalidInputError("the parameters cannot be read; load the page again")
    return given


def register(app: Any, settings: DashSettings) -> None:
    """Connect the form: what is typed is checked and drawn; what it begins with may be chosen."""
    lab = Lab(settings)

    def chosen(name: str) -> dict[str, str]:
        return actions.input_id(PAGE, name)

    paint, adopt = ClientsideFunction("lab", "paint"), ClientsideFunction("lab", "adopt")
    app.clientside_callback(paint, Output(PAINTED, "data"), Input(MARKS, "data"))
    app.clientside_callback(adopt, Output(BEGUN, "data"), Input(EDITS, "data"))

    @callback(
        app,
        LAB,
        Output(FORM, "children"),
        Output(CONTENTS, "children"),
        Output(VERDICT, "children"),
        Output(PANE, "children"),
        Output(MARKS, "data"),
        Output(chosen(RECIPE), "value"),
        Output(chosen(PARAMETERS), "value"),
        Input(EDITS, "data"),
        Input(chosen(KIND), "value"),
        Input(chosen(DATASETS), "value"),
        Input(chosen(QUEUE), "value"),
    )
    def draw(
        edits: Edits | None, kind: str | None, datasets: list[str] | str | None, queue: str | None
    ) -> Any:
        given = edits or Edits()
        is_typed = ctx.triggered_id == EDITS and not given.redraws
        queue, chosen_sets = queue or "cpu", datasets if isinstance(datasets, list) else []
        run = {"kind": kind or "train", "dataset_ids": chosen_sets, "queue": queue}
        try:
            drawing = read_drawing(lab, given.model_copy(update={"redraws": not is_typed}), run)
        except FlarewatchError as error:
            refused = html.P(str(error), className="error-text")
            kept = no_update
            return kept, kept, refused, kept, {"seq": given.seq}, kept, kept
        typed, check, sections = drawing.typed, drawing.check, drawing.sections
        if is_typed:
            dash.set_props(AXIS, {"children": split_axis(check.derived)})
        # The text that is being typed is not written over.
        is_own = not given.edits and not given.writes
        return (
            no_update if is_typed else drawing.form,
            contents(sections, check, typed.changed),
            verdict(check, queue=queue),
            toml_pane(typed.document, sections, check, typed.changed),
            marks(check, typed.changed) | {"seq": given.seq},
            no_update if is_own else typed.document,
            json.dumps(typed.parameters, default=str),
        )

    @callback(
        app,
        LAB,
        Output(EDITS, "data"),
        Input(chosen(KEPT), "value"),
        Input(chosen(DATASETS), "value"),
        State(EDITS, "data"),
        prevent_initial_call=True,
    )
    def begin(recipe_id: str | None, datasets: list[str] | str | None, edits: Edits | None) -> Any:
        try:
            if ctx.triggered_id == chosen(KEPT):
                return _begun(lab.recipe(recipe_id).document) if recipe_id else no_update
            return _followed(lab, edits or Edits(), datasets)
        except FlarewatchError as error:
            dash.set_props(VERDICT, {"children": html.P(str(error), className="error-text")})
            return no_update
