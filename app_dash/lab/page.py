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
    NewRunQuery,
    RunQuery,
    RunsQuery,
)
from app_dash.lab.run import read_run, run_page
from app_dash.lab.runs import picks_of, runs_page
from app_dash.settings import DashSettings
from app_dash.shared.panels import aria_label, empty_message, error_message, segmented
from app_dash.shared.url_state import LAB_PATH
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
        return Drawn(
            marks=delta.fingerprints(self.component), states=dict(self.states)
        ).model_dump()


def layout(context: PageContext, pathname: str, search: str) -> Component:
    """Draw the page of an address, which then refreshes itself."""
    content = html.Div(draw(context, pathname, search), id=actions.content_id(PAGE))
    return html.Div(
        [
            _links(pathname, may_begin=context.who.may(LAB)),
            dcc.Interval(id=_id(TICK, pathname + search), interval=_BUSY_MS),
            html.P("", id=_id(NOTE, pathname + search), className="lab-note", role="status"),
            content,
        ],
        className="lab-page",
    )


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
    is_new = pathname == NEW_PATH
    return html.Div(
        [
            html.Nav(links, **aria_label("Lab")),
            html.Span(begin if may_begin and not is_new else [], className="second-buttons"),
        ],
        className="second-row",
    )


def _is_in(pathname: str, path: str) -> bool:
    return pathname == path or (path != LAB_PATH and pathname.startswith(f"{path}/"))


def _view(context: PageContext, pathname: str, search: str, picked: Collection[str]) -> View:
    """Draw the page of an address; `picked` are the runs that are ticked in its table."""
    if context.settings.lab == "off":
        return View(html.Section(empty_message(_OFF), className="panel"))
    kind, _, identity = pathname.removeprefix(LAB_PATH).strip("/").partition("/")
    views: Mapping[tuple[str, bool], Callable[[], View]] = {
        ("", False): lambda: _home(context),
        ("new", False): lambda: _new(context, search),
        ("compare", False): lambda: _compare(context, search),
        ("data", False): lambda: _data(context, search),
        ("data", True): lambda: _dataset(context, identity, search),
        ("runs", False): lambda: _runs(context, search, picked),
        ("runs", True): lambda: _run(context, identity, search),
        ("analysis", False): lambda: _analyses(context, search, picked),
        ("experiments", False): lambda: _experiments(context, search, picked),
        ("experiments", True): lambda: _experiment(context, identity, search, picked),
    }
    if (kind, bool(identity)) not in views:
        raise NotFoundError(f"there is no page {pathname}")
    return views[kind, bool(identity)]()


def _home(context: PageContext) -> View:
    data = read_home(Lab(context.settings))
    states = {run.label: run.state for run in (*data.live, *data.ended)}
    component = home(data, context.who, context.now)
    return View(component, bool(data.under_way or data.line), states)


def _data(context: PageContext, search: str) -> View:
    query, message = parse_leniently(DataQuery, search)
    data = read_data(Lab(context.settings), query, may_send=context.who.may(LAB), limit=_ROWS)
    states = {one.label: one.state for one in data.datasets}
    return View(data_page(data, query, context, message), "checking" in states.values(), states)


def _dataset(context: PageContext, dataset_id: str, search: str) -> View:
    query, _ = parse_leniently(DatasetQuery, search)
    data = read_dataset(Lab(context.settings), dataset_id)
    one = data.dataset
    return View(dataset_page(data, context, query), one.state == "checking", {one.label: one.state})


def _run(context: PageContext, run_id: str, search: str) -> View:
    query, _ = parse_leniently(RunQuery, search)
    data = read_run(Lab(context.settings), run_id, query)
    component = run_page(data, query, context)
    return View(component, data.run.is_under_way, {data.run.label: data.run.state})


def _runs(context: PageContext, search: str, picked: Collection[str]) -> View:
    query, message = parse_leniently(RunsQuery, search)
    listing = Lab(context.settings).runs(limit=_ROWS, **query.filters())
    component = runs_page(listing, query, context, path=RUNS_PATH, message=message, picked=picked)
    return View(component, any(run.is_under_way for run in listing.runs))


def _analyses(context: PageContext, search: str, picked: Collection[str]) -> View:
    """List the runs of one kind of analysis, with a way to begin one."""
    query, message = parse_leniently(RunsQuery, search)
    kind = query.kind or "cluster"
    listing = Lab(context.settings).runs(kind=kind, limit=_ROWS, **query.filters())
    choices = [
        (name, ANALYSIS_PATH + RunsQuery(kind=one).search(), one == kind)
        for one, name in KINDS.items()
    ]
    begin = dcc.Link(
        "Begin one", href=NEW_PATH + NewRunQuery(kind=kind).search(), className="button"
    )
    head = html.Div(
        [segmented("Kind of analysis", choices), *([begin] if context.who.may(LAB) else [])],
        className="filters",
    )
    listed = runs_page(listing, query, context, path=ANALYSIS_PATH, message=message, picked=picked)
    return View(
        html.Div([head, listed], className="stack"), any(run.is_under_way for run in listing.runs)
    )


def _experiments(context: PageContext, search: str, picked: Collection[str]) -> View:
    query, message = parse_leniently(ExperimentsQuery, search)
    listed = Lab(context.settings).experiments(**query.filters())
    return View(experiments_page(listed, query, context, message=message, picked=picked))


def _experiment(
    context: PageContext, experiment_id: str, search: str, picked: Collection[str]
) -> View:
    query, message = parse_leniently(RunsQuery, search)
    lab = Lab(context.settings)
    experiment = lab.experiment(experiment_id)
    listing = lab.runs(experiment=experiment_id, limit=_ROWS, **query.filters())
    path = f"{EXPERIMENTS_PATH}/{experiment_id}"
    component = experiment_page(
        experiment, listing, query, context, path=path, message=message, picked=picked
    )
    return View(component, any(run.is_under_way for run in listing.runs))


def _new(context: PageContext, search: str) -> View:
    query, _ = parse_leniently(NewRunQuery, search)
    return View(new_run_page(read_new_run(Lab(context.settings), query), query))


def _compare(context: PageContext, search: str) -> View:
    query, _ = parse_leniently(CompareQuery, search)
    return View(compare_page(Lab(context.settings), query, context))


def _failed(pathname: str, search: str, error: FlarewatchError) -> View:
    """Say why a page cannot be drawn."""
    if isinstance(error, NotFoundError):
        return View(_not_found(pathname, error))
    return View(error_message(f"{error.title}: {error}", retry=pathname + search))


def _not_found(pathname: str, error: NotFoundError) -> Component:
    """Say that an object is not there; a listing that is not is the whole Lab."""
    is_listing = pathname in (
        LAB_PATH,
        DATA_PATH,
        RUNS_PATH,
        EXPERIMENTS_PATH,
        ANALYSIS_PATH,
        NEW_PATH,
    )
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
    parts = delta.changes(view.component, drawn.marks, told["marks"])
    is_same = told == drawn.model_dump()
    interval = _BUSY_MS if view.is_busy else _IDLE_MS
    return parts, no_update if is_same else told, "", interval
