"""The engine: one way to open the store, on SQLite and on MySQL or MariaDB alike."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from database.driver import send_whole, trust_connection, warn_of_slow_driver
from solar.errors import FlarewatchError, InvalidInputError, StoreUnavailableError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

    from database.settings import DatabaseSettings

Result = TypeVar("Result")

ATTEMPTS = 6
# Who waits for a lock gives up before its client does; the default of the server is 50.
LOCK_WAIT_SECONDS = 5
PATIENCE_SECONDS = 10.0

_MYSQL_TRANSIENT = {1205, 1213, 1020}  # lock wait timeout, deadlock, record changed (MariaDB)
_MYSQL_NO_SCHEMA = {1146}
_MYSQL_CLIENT_ERRORS = range(2000, 3000)  # no connection, or a lost one


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
    # A reader that turns writer inside a transaction would fail at once instead of waiting
    # for its turn, so who means to write says so at the beginning.
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
        # Every connection comes back with its transaction ended: one round trip less.
        pool_reset_on_return=None,
        isolation_level="READ COMMITTED",
        connect_args={"init_command": session, "connection_timeout": 5},
    )
    sa.event.listen(engine, "connect", trust_connection)
    sa.event.listen(engine, "do_execute", send_whole)
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
    for attempt in range(ATTEMPTS):
        try:
            with writing(engine) as connection:
                return work(connection)
        except DBAPIError as error:
            is_last = attempt == ATTEMPTS - 1 or time.monotonic() > give_up_at
            if is_last or not _is_transient(error):
                raise as_domain_error(error) from error
            time.sleep(0.02 * 2**attempt)
    raise _locked()


def _locked() -> StoreUnavailableError:
    return StoreUnavailableError("the store stays locked; send the same request again")


def _mysql_code(error: DBAPIError) -> int | None:
    return getattr(error.orig, "errno", None)


def _is_transient(error: DBAPIError) -> bool:
    return _mysql_code(error) in _MYSQL_TRANSIENT or "database is locked" in str(error.orig)


def _is_away(error: DBAPIError) -> bool:
    # The class of the driver's error does not tell: a refused connection comes as any of three.
    lost = (_mysql_code(error) or 0) in _MYSQL_CLIENT_ERRORS or error.connection_invalidated
    return lost or isinstance(error, OperationalError | InterfaceError)


def as_domain_error(error: DBAPIError) -> FlarewatchError:
    """Say in the project's words why the store refused, without its address or its data."""
    reason = str(error.orig)
    if _mysql_code(error) in _MYSQL_NO_SCHEMA or "no such table" in reason:
        return StoreUnavailableError(
            "the store has no tables yet; run `flarewatch database upgrade`"
        )
    if _is_transient(error):
        return _locked()
    if _is_away(error):
        return StoreUnavailableError("the store does not answer; the request can be sent again")
    return FlarewatchError(f"the store refused: {reason.splitlines()[0]}")
