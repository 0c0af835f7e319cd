"""The guard of the dashboard: who asks, and whether they may see the page or run the callback."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import dash
import sqlalchemy as sa
from flask import Flask, Response, g, has_request_context, jsonify, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from app_dash import api_client
from app_dash.settings import DashSettings
from database.engine import reading
from database.people.access import (
    client_address,
    is_from_another_site,
    is_known_host,
    is_on_this_machine,
    proxied_person,
)
from database.people.people import find_person, is_anybody_registered
from database.people.principal import NOBODY, OWNER, PUBLIC, READ, Principal
from database.people.sessions import (
    COOKIE,
    COOKIE_WITH_TLS,
    LONGEST,
    TOUCHED_EVERY,
    hash_token,
    principal_of_session,
)
from solar.errors import FlarewatchError, StoreUnavailableError

SIGN_IN_PATH = "/sign-in"
# Drawing the shell needs the permission to read, but while the store is away, when there is nothing
# to read, everybody sees it say so.
SHELL = "shell"
_CALLBACKS_PATH = "/_dash-update-component"
# What dash serves by itself; its scripts are no secret, but nobody else needs them.
_DASH_ROUTES = {
    "/assets/<path:filename>": PUBLIC,
    "/_favicon.ico": PUBLIC,
    "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>": SHELL,
    "/_dash-layout": SHELL,
    "/_dash-dependencies": SHELL,
    _CALLBACKS_PATH: READ,
    "/_reload-hash": SHELL,
    "/": SHELL,
    "/<path:path>": SHELL,
}
_ANY_HOST = frozenset({"/health", "/ready", "/status"})
_MOST_REMEMBERED = 1_000
_ASKED_AGAIN_SECONDS = 60.0


def permissions(server: Flask) -> dict[str, str]:
    """Return what each route (by its rule) and each callback (by its output) needs."""
    known: dict[str, str] = server.extensions.setdefault("permissions", dict(_DASH_ROUTES))
    return known


def route(
    server: Flask, rule: str, *, permission: str, methods: Iterable[str] = ("GET",)
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Serve a route of the dashboard beside dash's own; as `flask.Flask.route`."""
    permissions(server)[rule] = permission
    return server.route(rule, methods=list(methods))


def callback(
    app: dash.Dash, permission: str, *arguments: Any, **options: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a callback that needs a permission; as `dash.Dash.callback`."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        known = set(app.callback_map)
        registered: Callable[..., Any] = app.callback(*arguments, **options)(function)
        new = set(app.callback_map) - known
        permissions(app.server).update(dict.fromkeys(new, permission))
        return registered

    return register


def refuse_undeclared(app: dash.Dash) -> None:
    """Refuse to start with a route or callback that declares no permission."""
    served = {rule.rule for rule in app.server.url_map.iter_rules()}
    served |= {output for output, entry in app.callback_map.items() if "callback" in entry}
    if undeclared := sorted(served - set(permissions(app.server))):
        raise RuntimeError(f"these declare no permission: {', '.join(undeclared)}")


class Guard:
    """Decides on every request before dash sees it."""

    def __init__(self, server: Flask, engine: sa.Engine, settings: DashSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._permissions = permissions(server)
        # Who had which session when the store last answered: while it does not, they stay.
        self._remembered: OrderedDict[str, Principal] = OrderedDict()
        self._is_registered = settings.api_key is not None or settings.has_proxy
        self._next_touch: dict[str, float] = {}
        server.before_request(self._decide)
        server.after_request(self._keep_session)

    def visitor(self) -> Principal:
        """Return who asks on a public route, where nobody has asked for that yet."""
        return self._identified()

    def is_open(self) -> bool:
        """Tell whether nobody was ever registered, so that this machine's owner needs no name."""
        if not self._is_registered:
            with reading(self._engine) as connection:
                self._is_registered = is_anybody_registered(connection)
        return not self._is_registered and self._settings.is_loopback

    def _decide(self) -> Any:
        settings, headers = self._settings, request.headers
        is_known = request.path in _ANY_HOST or is_known_host(
            settings, headers.get("Host"), bound_to=settings.dash_host
        )
        if not is_known:
            text = "The server is not known by this name; see FLARE_ALLOWED_HOSTS."
            return Response(text, 421, content_type="text/plain")
        if is_from_another_site(settings, request.method, headers):
            text = "The request comes from a page of another site."
            return Response(text, 403, content_type="text/plain")
        permission = self._needed()
        if permission == PUBLIC:
            return None
        try:
            who = self._identified()
        except StoreUnavailableError as error:
            if permission == SHELL:
                return None
            return Response(f"{error}\n", 503, {"Retry-After": "5"}, content_type="text/plain")
        needed = READ if permission == SHELL else permission
        return None if who.may(needed) else self._refuse(who)

    def _needed(self) -> str:
        if request.path == _CALLBACKS_PATH:
            body = request.get_json(silent=True)
            output = body.get("output") if isinstance(body, dict) else None
            return self._permissions.get(output, READ) if isinstance(output, str) else READ
        # What nobody serves needs to be read, too, before it is not found.
        return self._permissions.get(request.url_rule.rule, READ) if request.url_rule else READ

    def _identified(self) -> Principal:
        who = self._by_proxy() or self._by_session(_cookie())
        if who is None:
            who = OWNER if self._is_owner() else NOBODY
        g.principal = who
        return who

    def _is_owner(self) -> bool:
        return is_on_this_machine(request.remote_addr, request.headers) and self.is_open()

    def _by_session(self, token: str | None) -> Principal | None:
        if token is None:
            return None
        digest, now = hash_token(token), datetime.now(UTC)
        try:
            with reading(self._engine) as connection:
                found = principal_of_session(connection, token, now=now)
        except StoreUnavailableError:
            if digest not in self._remembered:
                raise
            g.token = token
            return self._remembered[digest]
        if found is None:
            self._remembered.pop(digest, None)
            return None
        principal, session = found
        g.token, g.session = token, session
        self._remember(digest, principal)
        if now - session.last_seen_at > TOUCHED_EVERY:
            self._touch(digest)
        return principal

    def _remember(self, digest: str, principal: Principal) -> None:
        self._remembered[digest] = principal
        self._remembered.move_to_end(digest)
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    def _touch(self, digest: str) -> None:
        """Have the API note that the session is in use; only it writes."""
        now = time.monotonic()
        if now < self._next_touch.get(digest, now):
            return
        self._next_touch = {d: at for d, at in self._next_touch.items() if at > now}
        self._next_touch[digest] = now + _ASKED_AGAIN_SECONDS
        api = api_client.api_of(self._settings)
        threading.Thread(target=_ask_quietly, args=[api], daemon=True).start()

    def _by_proxy(self) -> Principal | None:
        """Return whom a listed proxy names, with a session that begins at the first request."""
        named = proxied_person(self._settings, request.remote_addr, request.headers)
        if named is None:
            return None
        known = self._by_session(_cookie())
        if known is not None and (self._subject_of(known), known.roles) == named:
            return known
        headers = {
            name: request.headers[name]
            for name in (self._settings.proxy_user_header, self._settings.proxy_groups_header)
            if name and name in request.headers
        }
        try:
            answer = api_client.api_of(self._settings).call(
                "POST", "/api/v1/session/proxy", headers=headers
            )
        except FlarewatchError:
            return None
        g.new_token = answer.json()["token"]
        return self._by_session(g.new_token)

    def _subject_of(self, principal: Principal) -> str | None:
        with reading(self._engine) as connection:
            return find_person(connection, principal.person_id or "").subject

    def _refuse(self, who: Principal) -> Any:
        if not who.is_nobody:
            return Response("Your roles do not allow this.\n", 403, content_type="text/plain")
        is_page = request.method == "GET" and not request.path.startswith("/_")
        if is_page:
            there = request.full_path.rstrip("?")
            return redirect(f"{SIGN_IN_PATH}?next={quote(there, safe='')}", 303)
        response = jsonify(title="Not authenticated", status=401, detail="sign in first")
        response.status_code = 401
        return response

    def _keep_session(self, response: Response) -> Response:
        token = g.get("new_token")
        if token is not None:
            self.set_cookie(response, token)
        return response

    def set_cookie(self, response: BaseResponse, token: str) -> None:
        """Give the browser the token of a session, which no script of a page can read."""
        response.set_cookie(
            self._cookie_name,
            token,
            max_age=LONGEST,
            secure=self._settings.has_tls,
            httponly=True,
            samesite="Lax",
            path="/",
        )

    def enter(self, response: BaseResponse, token: str) -> None:
        """Go on with a new session, in this request and in the browser."""
        self.set_cookie(response, token)
        self._by_session(token)

    def delete_cookie(self, response: BaseResponse) -> None:
        """Take the token from the browser."""
        response.delete_cookie(
            self._cookie_name,
            path="/",
            secure=self._settings.has_tls,
            httponly=True,
            samesite="Lax",
        )

    @property
    def _cookie_name(self) -> str:
        return COOKIE_WITH_TLS if self._settings.has_tls else COOKIE

    def client(self) -> str:
        """Return the address that the current request comes from."""
        return client_address(self._settings, request.remote_addr, request.headers)


def principal() -> Principal:
    """Return who asks with the current request; without one it is the program's own doing."""
    known: Principal = g.get("principal", NOBODY) if has_request_context() else OWNER
    return known


def token() -> str | None:
    """Return the token of the session of the current request."""
    known: str | None = g.get("token") if has_request_context() else None
    return known


def _cookie() -> str | None:
    return request.cookies.get(COOKIE_WITH_TLS) or request.cookies.get(COOKIE)


def _ask_quietly(api: api_client.Api) -> None:
    try:
        api.get("/api/v1/session", {})
    except FlarewatchError:
        # The next request tries again.
        return
