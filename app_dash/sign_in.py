"""Signing in and out, and joining by an invitation: plain pages that need no script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests
import sqlalchemy as sa
from flask import Flask, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from app_dash import api_client
from app_dash.api_client import RefusedError
from app_dash.guard import SIGN_IN_PATH, Guard, route
from app_dash.settings import DashSettings
from app_dash.shared.url_state import SIGN_OUT_PATH
from database.engine import reading
from database.people.credentials import LONGEST_PASSWORD, SHORTEST_PASSWORD
from database.people.people import is_any_person
from database.people.principal import PUBLIC, SESSION
from solar.errors import FlarewatchError, InvalidInputError, NotFoundError, StoreUnavailableError

JOIN_PATH = "/join"
_SEE_OTHER = 303
# A path of this site: one slash first, and nothing that a browser reads as the name of a host.
_OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def register(server: Flask, engine: sa.Engine, guard: Guard, *, settings: DashSettings) -> None:
    """Serve the pages on the server of the dashboard."""
    pages = SignInPages(engine, guard, settings)
    both = ("GET", "POST")
    route(server, SIGN_IN_PATH, permission=PUBLIC, methods=both)(pages.sign_in)
    route(server, f"{JOIN_PATH}/<invitation>", permission=PUBLIC, methods=both)(pages.join)
    route(server, SIGN_OUT_PATH, permission=PUBLIC, methods=("POST",))(pages.sign_out)


class SignInPages:
    """The pages: the API checks and begins sessions, the browser keeps the token."""

    def __init__(self, engine: sa.Engine, guard: Guard, settings: DashSettings) -> None:
        self._engine = engine
        self._guard = guard
        self._settings = settings

    def sign_in(self) -> BaseResponse:
        """Show the form, or begin a session with what was typed into it."""
        following = own_path(request.values.get("next"))
        if request.method == "GET":
            return self._sign_in_form(following)
        given = {"name": _typed("name"), "password": _typed("password")}
        try:
            answer = self._ask("POST", "/session", given)
        except FlarewatchError as error:
            return self._sign_in_form(following, error)
        return self._signed_in(answer, following)

    def _sign_in_form(self, following: str, error: FlarewatchError | None = None) -> BaseResponse:
        try:
            if error is None and not self._guard.visitor().is_nobody:
                return redirect(following, _SEE_OTHER)
            with reading(self._engine) as connection:
                has_people = is_any_person(connection)
        except StoreUnavailableError:
            has_people = True
        return _page(
            "sign_in.html",
            status=200 if error is None else error.status,
            message=None if error is None else _words(error),
            following=following,
            name=_typed("name"),
            has_people=has_people,
        )

    def join(self, invitation: str) -> BaseResponse:
        """Show whom an invitation is for, or begin their session with the chosen password."""
        path = f"/invitations/{quote(invitation, safe='')}"
        person: dict[str, Any] | None = None
        try:
            person = self._ask("GET", path)
            if request.method == "GET":
                return _page("join.html", person=person)
            answer = self._ask("POST", path, {"password": _new_password()})
        except NotFoundError:
            return _page("join.html", status=404)
        except FlarewatchError as error:
            return _page(
                "join.html", status=error.status, person=person, message=_words(error), is_away=True
            )
        return self._signed_in(answer, "/")

    def sign_out(self) -> BaseResponse:
        """End the session, or with ``?everywhere`` all of the person's."""
        where = "?everywhere=true" if request.args.get("everywhere") else ""
        response = redirect(SIGN_IN_PATH, _SEE_OTHER)
        try:
            if self._guard.visitor().via == SESSION:
                self._ask("DELETE", f"/session{where}")
        except FlarewatchError as error:
            if error.status != requests.codes.unauthorized:
                # The cookie stays: else the session would go on without its owner.
                return _page("signed_in.html", status=error.status, message=_words(error))
        self._guard.delete_cookie(response)
        return response

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Ask the API, and tell it which browser asks: sessions and locks are of one."""
        agent = request.headers.get("User-Agent", "")
        browser = {"X-Forwarded-For": self._guard.client(), "User-Agent": agent}
        return api_client.ask(self._settings, method, path, body, headers=browser)

    def _signed_in(self, answer: Mapping[str, Any], path: str) -> BaseResponse:
        response = redirect(path, _SEE_OTHER)
        self._guard.set_cookie(response, answer["token"])
        return response


def own_path(given: str | None) -> str:
    """Return a path of this site, as it was given if it is one, else that of the first page."""
    return given if given and _OWN_PATH.fullmatch(given) else "/"


def _page(template: str, *, status: int = 200, **values: Any) -> Response:
    page = render_template(template, shortest=SHORTEST_PASSWORD, **values)
    response = Response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _typed(name: str) -> str:
    return request.form.get(name, "")[: LONGEST_PASSWORD + 1]


def _new_password() -> str:
    password = _typed("password")
    if password != _typed("again"):
        raise InvalidInputError("The two passwords differ; type the same one twice.")
    return password


def _words(error: FlarewatchError) -> str:
    """Say what to do, in the words of somebody who only wants to get in."""
    if isinstance(error, RefusedError) and error.status == requests.codes.too_many_requests:
        seconds = error.retry_after or ""
        minutes = max(1, -(-int(seconds) // 60)) if seconds.isdecimal() else 15
        return (
            f"Too many wrong passwords. Try again in {minutes} min, or ask an admin for a new"
            " invitation."
        )
    if error.status == requests.codes.unauthorized:
        return "Name and password do not fit. Try again, or ask an admin for a new invitation."
    text = str(error)
    return text[:1].upper() + text[1:]
