"""Sole work: what only one of several processes does at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from database.engine import reading


@contextmanager
def alone(engine: sa.Engine, name: str) -> Iterator[bool]:
    """Tell whether nobody else is at the work of this name, and keep the others from it.

    Nobody waits. A process that dies lets go of it with its connection. An embedded store has
    but one process, which is always alone.
    """
    if engine.dialect.name == "sqlite":
        yield True
        return
    # A server knows the name in all its databases, and takes 64 letters.
    whole = f"{engine.url.database} {name}".encode()
    key = {"key": f"flarewatch {hashlib.blake2b(whole, digest_size=16).hexdigest()}"}
    with reading(engine) as connection:
        is_alone = bool(connection.execute(sa.text("SELECT GET_LOCK(:key, 0)"), key).scalar())
        try:
            yield is_alone
        finally:
            if is_alone:
                connection.execute(sa.text("SELECT RELEASE_LOCK(:key)"), key)
