"""The named lock of the store: one process at a time, on whatever host, does a piece of work."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from database.engine import IDLE_SECONDS, reading


@contextmanager
def named_lock(engine: sa.Engine, name: str) -> Iterator[bool]:
    """Try to take the lock of this name without waiting; yield whether it was free.

    It ends with the block, with the connection of a process that dies, and IDLE_SECONDS after a
    process has hung. SQLite, the embedded store, has one process, which always gets it.
    """
    if engine.dialect.name == "sqlite":
        yield True
        return
    # The name is one for all databases of a server, and has at most 64 letters.
    full_name = f"{engine.url.database} {name}".encode()
    key = {"key": f"flarewatch {hashlib.blake2b(full_name, digest_size=16).hexdigest()}"}
    with reading(engine) as connection:
        is_free = bool(connection.execute(sa.text("SELECT GET_LOCK(:key, 0)"), key).scalar())
        if not is_free:
            yield False
            return
        with _kept_alive(connection):
            yield True
        connection.execute(sa.text("SELECT RELEASE_LOCK(:key)"), key)


@contextmanager
def _kept_alive(connection: sa.Connection) -> Iterator[None]:
    """Ask on an idle connection now and then; the server ends it when that stops.

    It is closed at the end, with what it locks, and not used for anything else.
    """
    connection.detach()
    connection.exec_driver_sql(f"SET SESSION wait_timeout={IDLE_SECONDS}")
    is_over = threading.Event()

    def ask() -> None:
        # A lost connection is noticed when the block ends.
        with suppress(DBAPIError):
            while not is_over.wait(IDLE_SECONDS / 3):
                connection.execute(sa.select(1))

    asking = threading.Thread(target=ask, name="named lock", daemon=True)
    asking.start()
    try:
        yield
    finally:
        is_over.set()
        asking.join()
