"""Keys and scopes: who may call what."""

from __future__ import annotations

import hmac
import threading
import time

import sqlalchemy as sa
from flask import request

from app.contract.openapi import KEY_HEADER
from app.contract.problems import RequestError
from app.settings import ApiSettings
from database.engine import reading
from database.users import SCOPES, hash_key, list_users
from solar.errors import InvalidInputError

_FRESH_SECONDS = 5.0


class Keyring:
    """The keys of the API: the one of the settings, and those of the users' table."""

    def __init__(self, engine: sa.Engine, settings: ApiSettings) -> None:
        self._engine = engine
        self._is_loopback = settings.is_loopback
        key = settings.api_key
        self._master = None if key is None else hash_key(key.get_secret_value())
        self._lock = threading.Lock()
        self._users: dict[str, frozenset[str]] = {}
        self._read_at = -_FRESH_SECONDS

    def check(self, key: str | None, *, scope: str) -> None:
        """Refuse a call whose key is absent, unknown or lacks the scope."""
        scopes = self._scopes(key)
        if scopes is None:
            reason = "is missing" if key is None else "is not known"
            raise RequestError(
                f"the key {reason}; send one in the header {KEY_HEADER}"
                " (flarewatch database users add NAME --scopes read)",
                status=401,
                title="Not authenticated",
            )
        if not scopes & {scope, "admin"}:
            raise RequestError(
                f"this key has no scope {scope}; ask for one that has",
                status=403,
                title="Not allowed",
            )

    def _scopes(self, key: str | None) -> frozenset[str] | None:
        digest = None if key is None else hash_key(key)
        if digest and self._master and hmac.compare_digest(digest, self._master):
            return frozenset(SCOPES)
        users = self._current_users()
        if self._is_open(users):
            return frozenset(SCOPES)
        if digest is None:
            return None
        # Every stored hash is compared, so that the time taken reveals nothing.
        matches = [s for h, s in users.items() if hmac.compare_digest(digest, h)]
        return matches[0] if matches else None

    def _is_open(self, users: dict[str, frozenset[str]]) -> bool:
        return self._is_loopback and self._master is None and not users

    def _current_users(self) -> dict[str, frozenset[str]]:
        with self._lock:
            if time.monotonic() - self._read_at > _FRESH_SECONDS:
                with reading(self._engine) as connection:
                    users = list_users(connection)
                self._users = {user.key_sha256: frozenset(user.scopes) for user in users}
                self._read_at = time.monotonic()
            return self._users

    def refuse_open_door(self) -> None:
        """Refuse to serve other machines while no key exists."""
        if not self._is_loopback and self._master is None and not self._current_users():
            raise InvalidInputError(
                "FLARE_API_HOST lets other machines in, but there is no key: set FLARE_API_KEY"
                " (16 characters or more), or run"
                " `flarewatch database users add NAME --scopes ingest,read`"
            )


def request_key() -> str | None:
    """Return the key of the current request."""
    return request.headers.get(KEY_HEADER)
