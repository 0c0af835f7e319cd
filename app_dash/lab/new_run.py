"""The form of a new run: experiment, kind, data sets, recipe with its check, and the start."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dash
from dash import ClientsideFunction, Input, Output, dcc, html, no_update
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.frame.actions import Action
from app_dash.frame.key_form import choice_row
from app_dash.guard import callback
from app_dash.lab.answers import Check, Dataset, Experiment, Lab, Recipe
from app_dash.lab.marks import DATA_PATH, PAGE, state_mark, tags_of
from app_dash.lab.query import NewRunQuery
from app_dash.settings import DashSettings
from app_dash.shared.numbers import count
from app_dash.shared.panels import panel
from database.people.principal import LAB
from solar.errors import FlarewatchError, InvalidInputError

EXPERIMENT, NEW_EXPERIMENT, KIND, DATASETS = "experiment", "new-name", "kind", "datasets"
RECIPE, KEPT, QUEUE, TAGS, NOTE = "recipe", "kept", "queue", "tags", "note"
PARAMETERS, TO_CHECK, VERDICT = "lab-parameters", "lab-to-check", "lab-verdict"
# A recipe that names every file of a large data set.
LONGEST_RECIPE = 500_000
KINDS = {
    "train": "fit the estimator, score it on the test, make a report",
    "evaluate": "score what a run has trained, on other cases",
    "augment": "make synthetic cases, and measure what they are worth",
    "network": "join samples to a functional network",
    "audit": "look for leaks between training and test",
}
# Of each kind the fields of its parameters: name, label, hint, what it begins with.
_FIELDS: Mapping[str, Sequence[tuple[str, str, str, str]]] = {
    "evaluate": (
        ("run_id", "Trained run", "the last part of the address of its page", ""),
        ("on", "Cases", "test or validation", "test"),
    ),
    "network": (
        ("event", "Event", "C1.0, M1.0, M5.0 or X1.0", "M1.0"),
        ("threshold", "Threshold", "of the correlation, 0 to 1", "0.5"),
        ("max_neighbours", "Neighbours", "of a sample at most", "8"),
        ("most", "Samples", "at most", "2000"),
    ),
}
_WHOLE = ("max_neighbours", "most")


@dataclass(frozen=True)
class NewRunData:
    """What the form offers."""

    experiments: Sequence[Experiment]
    datasets: Sequence[Dataset]
    recipes: Sequence[Recipe]
    document: str = ""


def read_new_run(lab: Lab, query: NewRunQuery) -> NewRunData:
    """Ask the API for what the form offers; raises what the API refuses."""
    document = lab.recipe(query.recipe).document if query.recipe else ""
    return NewRunData(lab.experiments(owner="me"), lab.datasets(), lab.recipes(), document)


def new_run_page(data: NewRunData, query: NewRunQuery) -> Component:
    """Draw the form; the key of its buttons makes two clicks one run."""
    key = uuid.uuid4().hex
    buttons = [
        actions.button(PAGE, "new-run", "Start", of=f"start {key}", kind="button primary"),
        actions.button(PAGE, "new-run", "Keep as draft", of=f"draft {key}"),
    ]
    begin = html.Div(buttons, className="new-buttons")
    return html.Div(
        [
            html.Div(
                [_what_panel(data, query), _where_panel(), begin],
                className="stack span-5",
            ),
            html.Div([_recipe_panel(data, query), _verdict_panel()], className="stack span-7"),
            dcc.Store(id=TO_CHECK, data=data.document),
        ],
        className="grid new-run",
    )


def _what_panel(data: NewRunData, query: NewRunQuery) -> Component:
    experiments = {one.experiment_id: one.name for one in data.experiments}
    ready = {one.dataset_id: _dataset_label(one) for one in data.datasets if one.state == "ready"}
    kinds = dcc.RadioItems(
        id=actions.input_id(PAGE, KIND),
        options=[
            {"label": html.Span([name, html.Span(f" {text}", className="hint")]), "value": name}
            for name, text in KINDS.items()
        ],
        value="train",
        className="choices",
    )
    chosen = [query.dataset] if query.dataset in ready else []
    datasets = dcc.Checklist(id=actions.input_id(PAGE, DATASETS), value=chosen, **_options(ready))
    nothing: list[Component | str] = [] if ready else ["none is ready yet: ", _data_link()]
    rows = [
        _select(EXPERIMENT, "Experiment", experiments, value=query.experiment or None),
        actions.text_input(PAGE, NEW_EXPERIMENT, "or a new one", hint="its name", maxLength=80),
        choice_row("Kind", kinds),
        html.Div(id=PARAMETERS, className="form parameters"),
        choice_row("Data sets", html.Div([datasets, html.Span(nothing, className="hint")])),
    ]
    return panel("What", html.Div(rows, className="form note-fields"))


def _data_link() -> Component:
    return dcc.Link("send one", href=DATA_PATH, className="link")


def _dataset_label(one: Dataset) -> str:
    rows = f", {count(one.rows)} rows" if one.rows is not None else ""
    return f"{one.label}{rows}"


def _where_panel() -> Component:
    queues = {"cpu": "processor", "gpu": "any graphics processor"}
    queue = dcc.RadioItems(
        id=actions.input_id(PAGE, QUEUE),
        options=[{"label": label, "value": value} for value, label in queues.items()],
        value="cpu",
        className="choices inline",
    )
    rows = [
        choice_row("Where", queue),
        actions.text_input(PAGE, TAGS, "Tags", hint="with commas between"),
        actions.text_input(PAGE, NOTE, "Note", maxLength=2000),
    ]
    return panel("Where, and words of yours", html.Div(rows, className="form note-fields"))


def _recipe_panel(data: NewRunData, query: NewRunQuery) -> Component:
    kept = {one.recipe_id: one.name for one in data.recipes}
    text = dcc.Textarea(
        id=actions.input_id(PAGE, RECIPE),
        value=data.document,
        className="field area toml-field",
        spellCheck=False,
        maxLength=LONGEST_RECIPE,
        title="Recipe as TOML",
    )
    # assets/lab_form.js reads the file into the field; so does dropping one there.
    reads: dict[str, Any] = {"data-reads": "lab-recipe"}
    file = html.Button("From a file …", type="button", className="button", **reads)
    named = html.Label([html.Span("TOML", className="visually-hidden"), text], id="lab-recipe")
    select = [_select(KEPT, "Begin with", kept, value=query.recipe or None)] if kept else []
    return panel("Recipe", *select, named, actions=[file], class_name="recipe-panel")


def _verdict_panel() -> Component:
    return panel("Check", html.Div(id=VERDICT, role="status", className="recipe-check"))


def _select(
    name: str, label: str, choices: Mapping[str, str], *, value: str | None, hint: str = ""
) -> Component:
    """Offer to choose one; a long list scrolls."""
    entry = dcc.RadioItems(id=actions.input_id(PAGE, name), value=value, **_options(choices))
    return choice_row(label, html.Div([entry, html.Span(hint, className="hint")]))


def _options(choices: Mapping[str, str]) -> dict[str, Any]:
    listed = [{"label": text, "value": one} for one, text in choices.items()]
    return {"options": listed, "className": "choices listing"}


def parameter_fields(kind: str) -> list[Component]:
    """Offer the parameters of a kind of run."""
    return [
        actions.text_input(PAGE, f"parameter {name}", label, hint=hint, value=value)
        for name, label, hint, value in _FIELDS.get(kind, ())
    ]


def checked(lab: Lab, document: str) -> Component | str:
    """Have a recipe checked, and say how it is."""
    if not document.strip():
        return "Write or choose a recipe; it is checked while you type."
    try:
        return verdict(lab.check(document[:LONGEST_RECIPE]))
    except FlarewatchError as error:
        return html.P(str(error), className="error-text")


def verdict(check: Check) -> Component:
    """Say whether a recipe can be used, and if not, each fault with its place."""
    if check.ok:
        needs = ", ".join(check.needs)
        return html.P([state_mark("ready"), f" This recipe can be used. It needs: {needs}."])
    faults = [html.Li([html.Code(fault.path or "/"), " ", fault.message]) for fault in check.errors]
    return html.Div(
        [html.P([state_mark("refused"), f" {count(len(faults))} to correct"]), html.Ul(faults)]
    )


def body_of(action: Action, experiment_id: str) -> dict[str, Any]:
    """Return the body of the request for a new run; raises InvalidInputError."""
    kind = action.text(KIND)
    if kind not in KINDS:
        raise InvalidInputError("Choose a kind.")
    body = {
        "experiment_id": experiment_id,
        "kind": kind,
        "dataset_ids": action.choices(DATASETS),
        "parameters": _parameters(action, kind),
        "queue": action.text(QUEUE) or "cpu",
        "tags": tags_of(action.text(TAGS)),
        "note": action.text(NOTE),
        "start": action.of.startswith("start "),
    }
    recipe = action.secret(RECIPE, longest=LONGEST_RECIPE)
    # What is scored without a recipe has that of the trained run.
    return body | ({"recipe": recipe} if recipe.strip() else {})


def _parameters(action: Action, kind: str) -> dict[str, Any]:
    given = {name: action.text(f"parameter {name}") for name, *_ in _FIELDS.get(kind, ())}
    return {name: _number(name, text) for name, text in given.items() if text}


def _number(name: str, text: str) -> Any:
    if name not in (*_WHOLE, "threshold"):
        return text
    try:
        return int(text) if name in _WHOLE else float(text)
    except ValueError as error:
        raise InvalidInputError(f"{name}: {text[:40]!r} is no number") from error


def register(app: Any, settings: DashSettings) -> None:
    """Connect the form: the check while one types, the parameters of a kind, recipes to begin."""
    recipe, lab = actions.input_id(PAGE, RECIPE), Lab(settings)
    app.clientside_callback(
        ClientsideFunction("lab", "later"),
        Output(TO_CHECK, "data"),
        Input(recipe, "value"),
        prevent_initial_call=True,
    )

    @callback(app, LAB, Output(VERDICT, "children"), Input(TO_CHECK, "data"))
    def check(document: str | None) -> Any:
        return checked(lab, document or "")

    @callback(
        app, LAB, Output(PARAMETERS, "children"), Input(actions.input_id(PAGE, KIND), "value")
    )
    def offer(kind: str | None) -> Any:
        return parameter_fields(kind or "")

    @callback(
        app,
        LAB,
        Output(recipe, "value"),
        Input(actions.input_id(PAGE, KEPT), "value"),
        prevent_initial_call=True,
    )
    def begin(recipe_id: str | None) -> Any:
        try:
            return lab.recipe(recipe_id).document if recipe_id else no_update
        except FlarewatchError as error:
            dash.set_props(VERDICT, {"children": html.P(str(error), className="error-text")})
            return no_update
