"""Actions: the buttons of a page that change something through the API, and what they answer.

A page draws its content into one element. An action that succeeds draws it anew; one that fails
says why beside its button, and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dash
import sqlalchemy as sa
from dash import ALL, MATCH, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from app_dash.frame import routing
from app_dash.frame.page import PageContext
from app_dash.frame.shell import Ids
from app_dash.guard import callback
from app_dash.settings import DashSettings
from app_dash.shared.panels import aria_label
from solar.errors import FlarewatchError, InvalidInputError

_LONGEST_TEXT = 10_000


@dataclass(frozen=True)
class Action:
    """What was pressed, for which object, the values of the inputs by name, and the address."""

    name: str
    of: str
    values: Mapping[str, Any]
    search: str = ""
    pathname: str = ""

    def text(self, name: str, *, longest: int = _LONGEST_TEXT) -> str:
        """Return what was typed, without blanks around it; raises InvalidInputError."""
        return self.secret(name, longest=longest).strip()

    def secret(self, name: str, *, longest: int = _LONGEST_TEXT) -> str:
        """Return what was typed, as it is; raises InvalidInputError."""
        value = self.values.get(name) or ""
        if not isinstance(value, str):
            raise InvalidInputError(f"the field {name} cannot be read; type it again")
        if len(value) > longest:
            raise InvalidInputError(f"the field {name} takes at most {longest:,} characters")
        return value

    def choices(self, name: str) -> list[str]:
        """Return what is ticked."""
        value = self.values.get(name)
        return value if isinstance(value, list) else []


@dataclass(frozen=True)
class ActionResult:
    """What an action achieved: words, what is shown this once, and the address that follows.

    `search` and `path` are None where the page stays.
    """

    text: str
    shown: Component | None = None
    search: str | None = None
    path: str | None = None


@dataclass(frozen=True)
class ActionPage:
    """A page with actions: `perform` does one, `draw` draws the content anew for an address.

    An address is the path and the query behind it; `path` and what begins with it are the page's.
    """

    name: str
    path: str
    permission: str
    perform: Callable[[Action], ActionResult]
    draw: Callable[[PageContext, str, str], Component]


def register(
    app: dash.Dash, engine: sa.Engine, page: ActionPage, *, settings: DashSettings
) -> None:
    """Connect the actions of a page."""
    key = {"action": MATCH, "of": MATCH}

    @callback(
        app,
        page.permission,
        Output({"type": f"{page.name}-message", **key}, "children"),
        Input({"type": f"{page.name}-action", **key}, "n_clicks"),
        State({"type": f"{page.name}-input", "name": ALL}, "value"),
        State(Ids.URL, "pathname"),
        State(Ids.URL, "search"),
        State(Ids.THEME, "data"),
        prevent_initial_call=True,
    )
    def action(
        clicks: int | None,
        _values: list[str | list[str] | None],
        pathname: str | None,
        search: str | None,
        theme: str | None,
    ) -> Any:
        # A button that has just been drawn calls too.
        if not clicks or not isinstance(ctx.triggered_id, dict):
            return no_update
        try:
            done = _performed(page, ctx.triggered_id, pathname or "/", search or "")
        except FlarewatchError as error:
            return str(error)
        _show(done)
        if _is_of(page, pathname or "/") and not _leads_on(done, pathname or "/", search or ""):
            context = routing.read_context(engine, settings=settings, theme=theme)
            drawn = page.draw(context, pathname or "/", search or "")
            dash.set_props(content_id(page.name), {"children": drawn})
        return ""


def _performed(
    page: ActionPage, pressed: Mapping[str, Any], pathname: str, search: str
) -> ActionResult:
    name, of = str(pressed.get("action")), str(pressed.get("of"))
    return page.perform(Action(name, of, _input_values(), search, pathname))


def _is_of(page: ActionPage, pathname: str) -> bool:
    return pathname == page.path or pathname.startswith(f"{page.path}/")


def _show(done: ActionResult) -> None:
    dash.set_props(Ids.LIVE_MESSAGE, {"children": done.text})
    if done.shown is not None:
        dash.set_props(Ids.SHOWN, {"children": done.shown})


def _leads_on(done: ActionResult, pathname: str, search: str) -> bool:
    """Go to the address that follows; its change draws the page."""
    following = (
        pathname if done.path is None else done.path,
        search if done.search is None else done.search,
    )
    if following == (pathname, search):
        return False
    dash.set_props(Ids.URL, dict(zip(("pathname", "search"), following, strict=True)))
    return True


def _input_values() -> dict[str, Any]:
    """Return the values of the page's inputs by name."""
    listed = ctx.states_list[0]
    return {item["id"]["name"]: item.get("value") for item in listed}


def content_id(page: str) -> str:
    """Name the element that a page draws its content into."""
    return f"{page}-content"


def input_id(page: str, name: str) -> dict[str, str]:
    """Name an input whose value goes with every action of the page."""
    return {"type": f"{page}-input", "name": name}


def button(
    page: str,
    action: str,
    label: Component | str,
    *,
    of: str = "",
    kind: str = "button",
    name: str = "",
    **attributes: Any,
) -> Component:
    """Offer an action; why it was refused appears beside it. `name` says more to screen readers."""
    pressed = _button(page, action, label, of=of, kind=kind, name=name, **attributes)
    return html.Span([pressed, _said(page, action, of)], className="acting")


def asked(
    page: str,
    action: str,
    label: str,
    *,
    question: str,
    sure: str,
    of: str = "",
    kind: str = "button",
    name: str = "",
) -> Component:
    """Offer a dangerous action: the button asks once what it says on the second one."""
    named = aria_label(name) if name else {}
    ask = html.Details(
        [
            html.Summary(label, className=kind, **named),
            html.Div([html.P(question), _button(page, action, sure, of=of, kind="button danger")]),
        ],
        className="asking",
    )
    return html.Span([ask, _said(page, action, of)], className="acting")


def _button(
    page: str, action: str, label: Any, *, of: str, kind: str, name: str = "", **attributes: Any
) -> Component:
    named = aria_label(name) if name else {}
    identity = {"type": f"{page}-action", "action": action, "of": of}
    return html.Button(label, id=identity, type="button", className=kind, **named, **attributes)


def _said(page: str, action: str, of: str) -> Component:
    identity = {"type": f"{page}-message", "action": action, "of": of}
    return html.Span(id=identity, className="answer", role="alert")


def text_input(
    page: str, name: str, label: str, *, hint: str = "", value: str = "", **options: Any
) -> Component:
    """Offer a line to type into; `hint` stands below it."""
    given = {"type": "text", "autoComplete": "off", **options}
    entry = dcc.Input(
        id=input_id(page, name), value=value, className="field", debounce=False, **given
    )
    hints = [html.Span(hint, className="hint")] if hint else []
    return html.Div([html.Label([html.Span(label), entry]), *hints], className="form-row")


def shown_once(title: str, secret: str, note: str, *extra: Component) -> Component:
    """Show a secret with a button that copies it; it stays until its reader has finished."""
    copied: dict[str, Any] = {"data-copy": secret}
    finished: dict[str, Any] = {"data-clears": Ids.SHOWN}
    return html.Section(
        [
            html.H2(title),
            html.Div(
                [
                    html.Code(secret),
                    html.Button("Copy", type="button", className="button primary", **copied),
                ],
                className="secret",
            ),
            html.Div(
                [
                    html.Span(note, className="secondary"),
                    *extra,
                    html.Button("Done", type="button", className="link", **finished),
                ],
                className="secret-note",
            ),
        ],
        className="panel shown-once",
    )
