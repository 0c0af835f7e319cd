"""The engine: how every process opens the store, on SQLite and on MySQL or MariaDB alike.

Reads and transactions turn the driver's errors into the project's; a transaction that loses to a
deadlock runs again.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from database.driver import (
    send_raw_statement,
    skip_liveness_check,
    warn_of_slow_driver,
    wrap_error_of_commit,
)
from database.settings import DatabaseSettings
from solar.errors import FlarewatchError, InvalidInputError, StoreUnavailableError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

Result = TypeVar("Result")

ATTEMPTS = 6
# Shorter than a client waits for its answer; the default of the server is 50.
LOCK_WAIT_SECONDS = 5
PATIENCE_SECONDS = 10.0

_MYSQL_TRANSIENT = {1205, 1213, 1020}  # lock wait timeout, deadlock, record changed (MariaDB)
_MYSQL_NO_SCHEMA = {1146}
_MYSQL_CLIENT_ERRORS = range(2000, 3000)  # no connection, or a lost one

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 10.0

_log = logging.getLogger(__name__)


def create_engine(settings: DatabaseSettings) -> sa.Engine:
    """Open the store that the settings name; nothing is connected before the first query."""
    try:
        url = sa.make_url(settings.database_url)
    except sa.exc.ArgumentError as error:
        raise InvalidInputError(
            "FLARE_DATABASE_URL is not a database address; write sqlite:///path/file.db or"
            " mysql+mysqlconnector://user:password@host/database"
        ) from error
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    if url.get_backend_name() in ("mysql", "mariadb"):
        if settings.database_password is not None:
            url = url.set(password=settings.database_password.get_secret_value())
        return _mysql_engine(url, pool_size=settings.database_pool_size)
    raise InvalidInputError(
        f"FLARE_DATABASE_URL names {url.get_backend_name()}; supported are sqlite and mysql"
    )


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30})
    sa.event.listen(engine, "connect", _configure_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: sa.Connection) -> None:
    # A reader that turns writer inside a transaction would fail at once instead of waiting for
    # its turn, so a transaction that writes begins as IMMEDIATE.
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _configure_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    raw = cast(sqlite3.Connection, connection)
    raw.isolation_level = None
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("PRAGMA synchronous=NORMAL")
    raw.execute("PRAGMA foreign_keys=ON")
    raw.execute("PRAGMA cache_size=-65536")


def _mysql_engine(url: sa.URL, *, pool_size: int) -> sa.Engine:
    warn_of_slow_driver()
    query = {"charset": "utf8mb4", "collation": "utf8mb4_unicode_ci", **url.query}
    session = f"SET time_zone='+00:00', innodb_lock_wait_timeout={LOCK_WAIT_SECONDS}"
    engine = sa.create_engine(
        url.set(query=query),
        pool_size=pool_size,
        pool_pre_ping=True,
        pool_recycle=1800,
        # Every connection is returned with its transaction ended: one round trip less.
        pool_reset_on_return=None,
        isolation_level="READ COMMITTED",
        connect_args={"init_command": session, "connection_timeout": 5},
    )
    sa.event.listen(engine, "connect", skip_liveness_check)
    sa.event.listen(engine, "do_execute", send_raw_statement)
    sa.event.listen(engine, "handle_error", wrap_error_of_commit)
    return engine


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open one transaction that may write: committed at the end, rolled back on an error."""
    with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a connection for queries; a store that does not answer raises one clear error."""
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise as_domain_error(error) from error


def transact(engine: sa.Engine, work: Callable[[sa.Connection], Result]) -> Result:
    """Run `work` in one transaction, again after a deadlock, all or nothing.

    Raises
    ------
    StoreUnavailableError
        When the store cannot be reached, or stays locked over all attempts.
    """
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    attempt = 0
    while True:
        try:
            with writing(engine) as connection:
                return work(connection)
        except DBAPIError as error:
            attempt += 1
            is_last = attempt == ATTEMPTS or time.monotonic() > give_up_at
            if is_last or not _is_transient(error):
                raise as_domain_error(error) from error
            time.sleep(0.01 * 2**attempt)


def _mysql_code(error: DBAPIError) -> int | None:
    return getattr(error.orig, "errno", None)


def _is_transient(error: DBAPIError) -> bool:
    return _mysql_code(error) in _MYSQL_TRANSIENT or "database is locked" in str(error.orig)


def _is_unreachable(error: DBAPIError) -> bool:
    # The class of the driver's error is no help: a refused connection comes as any of three.
    lost = (_mysql_code(error) or 0) in _MYSQL_CLIENT_ERRORS or error.connection_invalidated
    return lost or isinstance(error, OperationalError | InterfaceError)


def as_domain_error(error: DBAPIError) -> FlarewatchError:
    """Turn a driver's error into the project's, without the address or the data of the store."""
    reason = str(error.orig)
    if _mysql_code(error) in _MYSQL_NO_SCHEMA or "no such table" in reason:
        return StoreUnavailableError(
            "the store has no tables yet; run `flarewatch database upgrade`"
        )
    if _is_transient(error):
        return StoreUnavailableError("the store stays locked; send the same request again")
    if _is_unreachable(error):
        return StoreUnavailableError("the store does not answer; the request can be sent again")
    return FlarewatchError(f"the store refused: {reason.splitlines()[0]}")


def wait_for_store(
    engine: sa.Engine,
    *,
    patience_seconds: float = float("inf"),
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once the store answers; log every failed try.

    Every process does so at its start instead of dying.

    Raises
    ------
    StoreUnavailableError
        When it does not answer within `patience_seconds`, however long that is by default.
    """
    wait, waited = _FIRST_WAIT_SECONDS, 0.0
    while True:
        try:
            with reading(engine) as connection:
                connection.execute(sa.select(1))
        except StoreUnavailableError:
            wait = min(wait, patience_seconds - waited)
            if wait <= 0:
                raise
            _log.warning("the store does not answer yet; next try in %.1f s", wait)
            sleep(wait)
            waited += wait
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
        else:
            return


@contextmanager
def named_lock(engine: sa.Engine, name: str) -> Iterator[bool]:
    """Try to take the lock of this name without waiting; yield whether it was free.

    It ends with the block, and with the connection of a process that dies. SQLite, the embedded
    store, has one process, which always gets it.
    """
    if engine.dialect.name == "sqlite":
        yield True
        return
    # The name is one for all databases of a server, and has at most 64 letters.
    full_name = f"{engine.url.database} {name}".encode()
    key = {"key": f"flarewatch {hashlib.blake2b(full_name, digest_size=16).hexdigest()}"}
    with reading(engine) as connection:
        is_free = bool(connection.execute(sa.text("SELECT GET_LOCK(:key, 0)"), key).scalar())
        try:
            yield is_free
        finally:
            if is_free:
                connection.execute(sa.text("SELECT RELEASE_LOCK(:key)"), key)
