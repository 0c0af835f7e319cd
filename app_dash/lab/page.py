"""The pages of the Lab: which of them an address shows, how they stay current, what they do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import dash
import sqlalchemy as sa
from dash import ALL, MATCH, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from pydantic import BaseModel

from app_dash.api_client import ApiUnavailableError
from app_dash.frame import actions, delta, routing
from app_dash.frame.actions import ActionPage
from app_dash.frame.page import PageContext
from app_dash.frame.shell import Ids
from app_dash.frame.typed_fields import parse_leniently
from app_dash.guard import callback
from app_dash.lab import comparison, downloads, network_explorer, new_run
from app_dash.lab.analysis import KINDS
from app_dash.lab.client import Lab
from app_dash.lab.compare import compare_page
from app_dash.lab.data import data_page, read_data
from app_dash.lab.dataset import dataset_page, read_dataset
from app_dash.lab.experiments import experiment_page, experiments_page
from app_dash.lab.home import home, read_home
from app_dash.lab.lab_actions import LabActions
from app_dash.lab.machines import machines_page, read_machines
from app_dash.lab.marks import (
    ANALYSIS_PATH,
    COMPARE_PATH,
    DATA_PATH,
    EXPERIMENTS_PATH,
    NEW_PATH,
    PAGE,
    RUNS_PATH,
    state_word,
)
from app_dash.lab.new_run import new_run_page, read_new_run
from app_dash.lab.query import (
    CompareQuery,
    DataQuery,
    DatasetQuery,
    ExperimentsQuery,
    MachinesQuery,
    NewRunQuery,
    RunQuery,
    RunsQuery,
)
from app_dash.lab.run import read_run, run_page
from app_dash.lab.runs import RunsTable, picks_of, runs_page
from app_dash.settings import DashSettings
from app_dash.shared.panels import aria_label, empty_message, error_message, segmented
from app_dash.shared.url_state import LAB_PATH, MACHINES_PATH
from database.people.principal import LAB, LAB_READ
from solar.errors import FlarewatchError, NotFoundError, StoreUnavailableError

LIVE, DRAWN, TICK, NOTE = "lab-live", "lab-drawn", "lab-tick", "lab-note"
# How often a page asks: while something goes on, and while nothing does.
_BUSY_MS, _IDLE_MS = 2_000, 15_000
_ROWS = "100"
_LINKS = (
    ("Home", LAB_PATH),
    ("Data", DATA_PATH),
    ("Runs", RUNS_PATH),
    ("Experiments", EXPERIMENTS_PATH),
    ("Analysis", ANALYSIS_PATH),
)
_LAST_KNOWN = "What is shown is the last that was known."
_OFF = "The Lab is switched off on this installation: FLARE_LAB is off."
_NO_LAB = "The API has no Lab: it is older than this dashboard, or its FLARE_LAB is off."


class Drawn(BaseModel):
    """What the browser shows: the fingerprints of the parts, and the state of each run by name."""

    marks: list[str] = []
    states: dict[str, str] = {}


@dataclass(frozen=True)
class View:
    """A drawn page; `states` are those of its runs by name, a change of which is said aloud."""

    component: Component
    is_busy: bool = False
    states: Mapping[str, str] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return what the browser keeps of it."""
        marks = delta.fingerprints(self.component)
        return Drawn(marks=marks, states=dict(self.states)).model_dump()


@dataclass(frozen=True)
class Asked:
    """What an address asks for: whose page, the object in the path, the query; `picked` runs."""

    context: PageContext
    identity: str
    search: str
    picked: Collection[str]

    @property
    def lab(self) -> Lab:
        """The Lab, in the name of whoever asks."""
        return Lab(self.context.settings)


def layout(context: PageContext, pathname: str, search: str) -> Component:
    """Draw the page of an address, which then refreshes itself."""
    content = html.Div(draw(context, pathname, search), id=actions.content_id(PAGE))
    links = _links(pathname, may_begin=context.who.may(LAB))
    tick = dcc.Interval(id=_id(TICK, pathname + search), interval=_BUSY_MS)
    note = html.P("", id=_id(NOTE, pathname + search), className="lab-note", role="status")
    return html.Div([links, tick, note, content], className="lab-page")


def draw(context: PageContext, pathname: str, search: str) -> Component:
    """Draw what an action draws anew: the content, with what tells it from the next drawing."""
    try:
        view = _view(context, pathname, search, ())
    except FlarewatchError as error:
        view = _failed(pathname, search, error)
    told = dcc.Store(id=_id(DRAWN, pathname + search), data=view.told())
    live = html.Div(view.component, id=_id(LIVE, pathname + search), className="lab-live")
    return html.Div([told, live])


def _draw_after_action(context: PageContext, pathname: str, search: str) -> Component:
    """Draw a page on which something was done, and ask soon what became of it."""
    dash.set_props(_id(TICK, pathname + search), {"interval": _BUSY_MS})
    return draw(context, pathname, search)


def _id(kind: str, at: Any) -> dict[str, Any]:
    """Name a part of the page of an address, so that no late answer changes another page."""
    return {"type": kind, "at": at}


def _links(pathname: str, *, may_begin: bool) -> Component:
    """Link the pages of the Lab; at the end stands what begins something."""
    links = [
        dcc.Link(label, href=path, className="active" if _is_in(pathname, path) else "")
        for label, path in _LINKS
    ]
    experiment = pathname.removeprefix(f"{EXPERIMENTS_PATH}/")
    search = NewRunQuery(experiment=experiment).search() if experiment.isalnum() else ""
    begin = [dcc.Link("New run", href=NEW_PATH + search, className="button primary")]
    begin = begin if may_begin and pathname != NEW_PATH else []
    nav = html.Nav(links, **aria_label("Lab"))
    return html.Div([nav, html.Span(begin, className="second-buttons")], className="second-row")


def _is_in(pathname: str, path: str) -> bool:
    return pathname == path or (path != LAB_PATH and pathname.startswith(f"{path}/"))


def _view(context: PageContext, pathname: str, search: str, picked: Collection[str]) -> View:
    """Draw the page of an address; `picked` are the runs that are ticked in its table."""
    if context.settings.lab == "off":
        return View(html.Section(empty_message(_OFF), className="panel"))
    kind, _, identity = pathname.removeprefix(LAB_PATH).strip("/").partition("/")
    if (kind, bool(identity)) not in _VIEWS:
        raise NotFoundError(f"there is no page {pathname}")
    return _VIEWS[kind, bool(identity)](Asked(context, identity, search, picked))


def _home(asked: Asked) -> View:
    data, context = read_home(asked.lab), asked.context
    states = {run.label: run.state for run in (*data.live, *data.ended)}
    component = home(data, context.who, context.now)
    return View(component, bool(data.under_way or data.line), states)


def _data(asked: Asked) -> View:
    query, message = parse_leniently(DataQuery, asked.search)
    may_send = asked.context.who.may(LAB)
    data = read_data(asked.lab, query, may_send=may_send, limit=_ROWS)
    states = {one.label: one.state for one in data.datasets}
    component = data_page(data, query, asked.context, message)
    return View(component, "checking" in states.values(), states)


def _dataset(asked: Asked) -> View:
    query, _ = parse_leniently(DatasetQuery, asked.search)
    data = read_dataset(asked.lab, asked.identity)
    one, component = data.dataset, dataset_page(data, asked.context, query)
    return View(component, one.state == "checking", {one.label: one.state})


def _run(asked: Asked) -> View:
    query, _ = parse_leniently(RunQuery, asked.search)
    data = read_run(asked.lab, asked.identity, query)
    component = run_page(data, query, asked.context)
    return View(component, data.run.is_under_way, {data.run.label: data.run.state})


def _runs(asked: Asked) -> View:
    query, message = parse_leniently(RunsQuery, asked.search)
    listing = asked.lab.runs(limit=_ROWS, **query.filters())
    table = RunsTable(listing, query, asked.context, RUNS_PATH, asked.picked)
    return View(runs_page(table, message), table.is_busy)


def _analyses(asked: Asked) -> View:
    """List the runs of one kind of analysis, with a way to begin one."""
    query, message = parse_leniently(RunsQuery, asked.search)
    kind = query.kind or "cluster"
    listing = asked.lab.runs(kind=kind, limit=_ROWS, **query.filters())
    choices = [
        (name, ANALYSIS_PATH + RunsQuery(kind=one).search(), one == kind)
        for one, name in KINDS.items()
    ]
    address = NEW_PATH + NewRunQuery(kind=kind).search()
    begin = [dcc.Link("Begin one", href=address, className="button")]
    kinds = [segmented("Kind of analysis", choices), *(begin if asked.context.who.may(LAB) else [])]
    table = RunsTable(listing, query, asked.context, ANALYSIS_PATH, asked.picked)
    parts = [html.Div(kinds, className="filters"), runs_page(table, message)]
    return View(html.Div(parts, className="stack"), table.is_busy)


def _experiments(asked: Asked) -> View:
    query, message = parse_leniently(ExperimentsQuery, asked.search)
    listed, picked = asked.lab.experiments(**query.filters()), asked.picked
    return View(experiments_page(listed, query, asked.context, message=message, picked=picked))


def _experiment(asked: Asked) -> View:
    query, message = parse_leniently(RunsQuery, asked.search)
    experiment = asked.lab.experiment(asked.identity)
    listing = asked.lab.runs(experiment=asked.identity, limit=_ROWS, **query.filters())
    path = f"{EXPERIMENTS_PATH}/{asked.identity}"
    table = RunsTable(listing, query, asked.context, path, asked.picked)
    return View(experiment_page(experiment, table, message), table.is_busy)


def _new(asked: Asked) -> View:
    query, _ = parse_leniently(NewRunQuery, asked.search)
    return View(new_run_page(read_new_run(asked.lab, query)))


def _machines(asked: Asked) -> View:
    query, _ = parse_leniently(MachinesQuery, asked.search)
    data, context = read_machines(asked.lab, query), asked.context
    return View(machines_page(data, query, context), is_busy=any(one.runs for one in data.workers))


def _compare(asked: Asked) -> View:
    query, _ = parse_leniently(CompareQuery, asked.search)
    return View(compare_page(asked.lab, query, asked.context))


# By what an address begins with, and whether it names one object.
_VIEWS: Mapping[tuple[str, bool], Callable[[Asked], View]] = {
    ("", False): _home,
    ("new", False): _new,
    ("compare", False): _compare,
    ("machines", False): _machines,
    ("data", False): _data,
    ("data", True): _dataset,
    ("runs", False): _runs,
    ("runs", True): _run,
    ("analysis", False): _analyses,
    ("experiments", False): _experiments,
    ("experiments", True): _experiment,
}


def _failed(pathname: str, search: str, error: FlarewatchError) -> View:
    """Say why a page cannot be drawn."""
    if isinstance(error, NotFoundError):
        return View(_not_found(pathname, error))
    return View(error_message(f"{error.title}: {error}", retry=pathname + search))


def _not_found(pathname: str, error: NotFoundError) -> Component:
    """Say that an object is not there; a listing that is not is the whole Lab."""
    is_listing = pathname in (NEW_PATH, MACHINES_PATH, *(path for _, path in _LINKS))
    text = _NO_LAB if is_listing else f"{str(error).capitalize()}, or it is not shared with you."
    back = [] if is_listing else [dcc.Link("To the Lab", href=LAB_PATH, className="button")]
    return html.Section(empty_message(text, *back), className="panel")


def register(app: dash.Dash, engine: sa.Engine, *, settings: DashSettings) -> None:
    """Connect the actions, which the API does in the session of who asks, and the refreshing."""
    downloads.register(app.server, settings=settings)
    comparison.register(app.server, settings=settings)
    new_run.register(app, settings)
    network_explorer.register(app, settings)
    perform = LabActions(Lab(settings)).do
    page = ActionPage(PAGE, LAB_PATH, LAB_READ, perform, _draw_after_action)
    actions.register(app, engine, page, settings=settings)

    @callback(
        app,
        LAB_READ,
        Output(_id(LIVE, MATCH), "children"),
        Output(_id(DRAWN, MATCH), "data"),
        Output(_id(NOTE, MATCH), "children"),
        Output(_id(TICK, MATCH), "interval"),
        Input(_id(TICK, MATCH), "n_intervals"),
        State(Ids.THEME, "data"),
        State(_id(DRAWN, MATCH), "data"),
        State({"type": f"{PAGE}-input", "name": ALL}, "value"),
        prevent_initial_call=True,
    )
    def refresh(
        _tick: int | None,
        theme: str | None,
        drawn: Drawn | None,
        _values: list[str | list[str] | None],
    ) -> Any:
        pathname, search = _address()
        if _is_still(pathname, search, drawn):
            return no_update, no_update, "", _IDLE_MS
        try:
            context = routing.read_context(engine, settings=settings, theme=theme)
            view = _view(context, pathname, search, picks_of(_input_values()))
        except (ApiUnavailableError, StoreUnavailableError) as error:
            return no_update, no_update, f"{error}. {_LAST_KNOWN}", _IDLE_MS
        except FlarewatchError as error:
            # Such as a run that is deleted meanwhile.
            view = _failed(pathname, search, error)
        return _refreshed(view, drawn or Drawn())


def _is_still(pathname: str, search: str, drawn: Drawn | None) -> bool:
    """Tell whether nothing on a page changes by itself, or what is typed there is to stay."""
    if pathname.startswith(f"{RUNS_PATH}/") and drawn is not None:
        tab = parse_leniently(RunQuery, search)[0].tab
        return tab in ("result", "outputs") and set(drawn.states.values()) == {"succeeded"}
    return pathname in (NEW_PATH, COMPARE_PATH)


def _address() -> tuple[str, str]:
    """Return the path and the query that the page which asks was drawn for."""
    asks = ctx.triggered_id
    pathname, mark, query = str(asks["at"] if isinstance(asks, dict) else "").partition("?")
    return pathname, mark + query


def _input_values() -> dict[str, Any]:
    return {item["id"]["name"]: item.get("value") for item in ctx.states_list[-1]}


def _refreshed(view: View, drawn: Drawn) -> tuple[Any, Any, str, int]:
    """Return the parts that differ from what the browser shows, and say which runs changed."""
    told = view.told()
    changed = [
        f"{name}: {state_word(state)}"
        for name, state in view.states.items()
        if drawn.states.get(name, state) != state
    ]
    if changed:
        dash.set_props(Ids.LIVE_MESSAGE, {"children": "; ".join(changed)})
    parts = delta.apply(delta.changes(view.component, drawn.marks, told["marks"]))
    is_same = told == drawn.model_dump()
    interval = _BUSY_MS if view.is_busy else _IDLE_MS
    return parts, no_update if is_same else told, "", interval
