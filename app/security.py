"""The guard: who asks, whether they may, and whether the request can be believed."""

from __future__ import annotations

import hmac
import ipaddress
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import Flask, Response, g, request

from app.contract.openapi import KEY_HEADER, holders, operation_of
from app.contract.problems import RequestError
from app.logs import request_id
from app.settings import ApiSettings
from database.engine import reading, transact
from database.people.access import (
    Headers,
    client_address,
    is_from_another_site,
    is_known_host,
    is_on_this_machine,
)
from database.people.credentials import (
    FAILURES_PER_ADDRESS,
    address_bucket,
    locked_for,
    record_failure,
)
from database.people.keys import hash_key, key_principals, scope_permissions, touch_keys
from database.people.people import is_anybody_registered
from database.people.principal import KEY, METRICS, NOBODY, OWNER, PUBLIC, SCOPES, Principal
from database.people.sessions import (
    COOKIE,
    COOKIE_WITH_TLS,
    TOUCHED_EVERY,
    Session,
    principal_of_session,
    touch_session,
)
from solar.errors import InvalidInputError, StoreUnavailableError

_FRESH_SECONDS = 5.0
# So long after somebody was registered the door may still be open to this machine.
_DOOR_SECONDS = 0.5
# Asked by what watches the service, under whatever name it knows it; they reveal nothing.
_ANY_HOST = frozenset({"/health", "/ready", "/status"})
# The page /docs has a style of its own and loads nothing.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
# For browsers, on every answer.
ANSWER_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_MASTER = Principal("FLARE_API_KEY", KEY, scope_permissions(tuple(SCOPES)))


class Keyring:
    """The API keys: the one of the settings, and those of the store, read every few seconds."""

    def __init__(self, engine: sa.Engine, settings: ApiSettings) -> None:
        self._engine = engine
        key = settings.api_key
        self._master = None if key is None else hash_key(key.get_secret_value())
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Principal, datetime | None]] = {}
        self._used: set[str] = set()
        self._read_at = -_FRESH_SECONDS

    @property
    def has_master(self) -> bool:
        """Tell whether the settings hold a key."""
        return self._master is not None

    def principal(self, key: str, *, now: datetime) -> Principal | None:
        """Return who asks with a key, None when it is not or no longer valid."""
        digest = hash_key(key)
        if self._master and hmac.compare_digest(digest, self._master):
            return _MASTER
        # The key of a dictionary is a hash of a hash, so that its time reveals nothing of a key.
        principal, expires_at = self._current(now).get(digest, (None, None))
        if principal is None or (expires_at is not None and expires_at <= now):
            return None
        self._used.add(digest)
        return principal

    def _current(self, now: datetime) -> dict[str, tuple[Principal, datetime | None]]:
        with self._lock:
            if time.monotonic() - self._read_at > _FRESH_SECONDS:
                with reading(self._engine) as connection:
                    self._known = key_principals(connection)
                self._read_at = time.monotonic()
                self._note_use(now)
            return self._known

    def _note_use(self, now: datetime) -> None:
        used, self._used = self._used, set()
        # Whether it is noted now or in five seconds matters to no request.
        with suppress(StoreUnavailableError):
            if used:
                transact(self._engine, lambda connection: touch_keys(connection, used, now=now))


class Guard:
    """Decides on every request, before its view runs."""

    def __init__(
        self, engine: sa.Engine, settings: ApiSettings, clock: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock
        self._keyring = Keyring(engine, settings)
        # Once somebody was registered the door stays locked, so this is asked no more.
        self._is_registered = self._keyring.has_master or settings.has_proxy
        self._asked_at = -_DOOR_SECONDS

    def install(self, app: Flask) -> None:
        """Refuse strangers before any view of `app`; browsers are to take no answer for a page."""
        app.before_request(self._refuse_strangers)
        app.after_request(_add_headers)

    def check(self, permission: str) -> None:
        """Refuse whoever asks when they lack the permission."""
        # Of what is for everybody, the answer comes even while the store is away.
        if permission == PUBLIC or (permission == METRICS and self._may_measure()):
            return
        who = self.principal()
        if who.may(permission):
            return
        if who.is_nobody:
            raise self._unknown()
        raise RequestError(
            f"{who.name} may not do this; it needs the permission {permission!r}:"
            f" {holders(permission)}",
            status=403,
            title="Not allowed",
        )

    def principal(self) -> Principal:
        """Return who asks with the current request."""
        if "principal" not in g:
            g.principal = replace(self._identified(), request_id=request_id())
        known: Principal = g.principal
        return known

    def session(self) -> Session | None:
        """Return the session of the current request."""
        self.principal()
        session: Session | None = g.get("session")
        return session

    def client(self) -> str:
        """Return the address that the current request comes from."""
        return client_address(
            self._settings,
            request.remote_addr,
            request.headers,
            is_believed=self._key_principal() is not None,
        )

    def _identified(self) -> Principal:
        token = _token()
        # Whoever forwards a session that has ended gets nothing by a key of their own.
        named = self._key_principal() if token is None else self._session_principal(token)
        return named or self._owner(request.remote_addr, request.headers) or NOBODY

    def _session_principal(self, token: str) -> Principal | None:
        now = self._clock()
        with reading(self._engine) as connection:
            found = principal_of_session(connection, token, now=now)
        if found is None:
            return None
        principal, g.session = found
        self._touch(g.session, now)
        return principal

    def _touch(self, session: Session, now: datetime) -> None:
        if now - session.last_seen_at > TOUCHED_EVERY:
            transact(self._engine, lambda connection: touch_session(connection, session, now=now))

    def _key_principal(self) -> Principal | None:
        if "key_principal" not in g:
            g.key_principal = self._holder(request.headers)
        known: Principal | None = g.key_principal
        return known

    def _holder(self, headers: Headers) -> Principal | None:
        """Return whose key a request brings."""
        key = headers.get(KEY_HEADER)
        return None if key is None else self._keyring.principal(key, now=self._clock())

    def plain_principal(self, peer: str, headers: Headers) -> Principal | None:
        """Return who asks with a request that has neither a session nor comes from a browser.

        None where it has to be refused, for the view to say why.
        """
        holder = self._holder(headers)
        if holder is None and not self._is_known(headers):
            return None
        return holder or self._owner(peer, headers)

    def _is_known(self, headers: Headers) -> bool:
        """Tell whether the server is known by the name under which it is asked."""
        settings = self._settings
        return is_known_host(settings, headers.get("Host"), bound_to=settings.api_host)

    def _owner(self, peer: str | None, headers: Headers) -> Principal | None:
        """Return the owner of this machine where nobody was ever registered."""
        if not is_on_this_machine(peer, headers):
            return None
        is_open = self._settings.is_loopback and not self.is_registered()
        return OWNER if is_open else None

    def is_registered(self) -> bool:
        """Tell whether there is, or ever was, a person or a key."""
        if not self._is_registered and time.monotonic() - self._asked_at > _DOOR_SECONDS:
            with reading(self._engine) as connection:
                self._is_registered = is_anybody_registered(connection)
            self._asked_at = time.monotonic()
        return self._is_registered

    def _may_measure(self) -> bool:
        if is_on_this_machine(request.remote_addr, request.headers):
            return True
        try:
            client = ipaddress.ip_address(self.client())
        except ValueError:
            return False
        return any(client in network for network in self._settings.metrics_networks)

    def _unknown(self) -> RequestError:
        if request.headers.get(KEY_HEADER) is None:
            return RequestError(
                f"the key is missing; send one in the header {KEY_HEADER}"
                " (flarewatch database users add NAME --scopes read), or sign in",
                status=401,
                title="Not authenticated",
            )
        return self._wrong_key()

    def _wrong_key(self) -> RequestError:
        now, bucket = self._clock(), address_bucket(self.client())
        with reading(self._engine) as connection:
            wait = locked_for(connection, bucket, FAILURES_PER_ADDRESS, now=now)
        if wait:
            return too_many_failures(wait)
        transact(self._engine, lambda connection: record_failure(connection, bucket, now=now))
        return RequestError(
            f"the key is not known; send a valid one in the header {KEY_HEADER}"
            " (flarewatch database users add NAME --scopes read)",
            status=401,
            title="Not authenticated",
        )

    def _refuse_strangers(self) -> None:
        settings, headers = self._settings, request.headers
        # For the log; whether a key vouches for it is not asked before every answer.
        g.client = client_address(settings, request.remote_addr, headers)
        is_known = request.path in _ANY_HOST or self._is_known(headers)
        # Containers and Prometheus know other names, and have a key.
        if not is_known and self._key_principal() is None:
            raise RequestError(
                "the server is not known by this name; send a valid key, or add the name to"
                " FLARE_ALLOWED_HOSTS",
                status=421,
                title="Unknown host",
            )
        if is_from_another_site(settings, request.method, headers):
            raise RequestError(
                "the request comes from a page of another site", status=403, title="Not allowed"
            )

    def refuse_open_door(self) -> None:
        """Refuse to serve other machines while there is nobody who could sign in, and no key."""
        settings = self._settings
        if not (settings.is_loopback or settings.has_proxy or self.is_registered()):
            raise InvalidInputError(
                "FLARE_API_HOST lets other machines in, but there is no key and no person: set"
                " FLARE_API_KEY (16 characters or more), or run"
                " `flarewatch database users add NAME --role admin --invite`"
            )


def _add_headers(response: Response) -> Response:
    response.headers.update(ANSWER_HEADERS)
    return response


def refuse_undeclared(app: Flask) -> None:
    """Refuse to start with a route that declares no permission."""
    for rule in app.url_map.iter_rules():
        if operation_of(app.view_functions[rule.endpoint]) is None:
            raise RuntimeError(f"the route {rule.rule} declares no permission")


def too_many_failures(wait: timedelta) -> RequestError:
    """Return the refusal of a name or address that has failed too often."""
    minutes = -(-wait // timedelta(minutes=1))
    return RequestError(
        f"too many failures; try again in {minutes} min, or ask an admin for a new invitation",
        status=429,
        title="Too many failures",
        retry_after=max(1, int(wait.total_seconds())),
    )


def _token() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    if "Cookie" not in request.headers:
        return None
    return request.cookies.get(COOKIE_WITH_TLS) or request.cookies.get(COOKIE)
