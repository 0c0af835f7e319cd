"""The engine: how every process opens the store, on SQLite and on MySQL or MariaDB alike.

Reads and transactions turn the driver's errors into the project's; a transaction that loses to a
deadlock runs again.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from database.driver import (
    TIME_LIMIT,
    notice_ended_session,
    send_limited_query,
    send_raw_statement,
    session_limits,
    skip_liveness_check,
    warn_of_slow_driver,
    wrap_error_of_commit,
)
from database.driver_errors import as_domain_error, first_line, is_transient
from database.round_trips import deferred_writes, send_waiting, write
from database.settings import DatabaseSettings
from solar.errors import (
    InvalidInputError,
    StoreRefusedError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

Result = TypeVar("Result")

_DRIVERS = (
    "sqlite",
    "sqlite+pysqlite",
    "mysql+mysqlconnector",
    "mariadb+mysqlconnector",
)
ATTEMPTS = 6
# Shorter than a client waits for its answer; the default of the server is 50.
LOCK_WAIT_SECONDS = 5
_LOCK_WAIT = "seconds that this session waits for a lock"
# A session whose process is silent for so long, inside a transaction, is ended by the server: what
# a hung process has locked is free again. No work between two statements takes as long.
IDLE_SECONDS = 10
# Longer than that, so that whoever waits for a hung process does not fail.
PATIENCE_SECONDS = 12.0
# The most that one query of a page or of the API may take.
READ_SECONDS = 30.0

_LARGEST_PORT = 65_535

# How many steps SQLite makes, some milliseconds of work, until it looks at the time again.
_SQLITE_STEPS = 200_000

_LONG_IDLE_SECONDS = 3600
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 10.0

_log = logging.getLogger(__name__)


def create_engine(settings: DatabaseSettings) -> sa.Engine:
    """Open the store that the settings name; nothing is connected before the first query."""
    url = _address(settings.database_url)
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, synchronous=settings.sqlite_synchronous)
    if settings.database_password is not None:
        url = url.set(password=settings.database_password.get_secret_value())
    return _mysql_engine(url, pool_size=settings.database_pool_size)


def _address(text: str) -> sa.URL:
    """Read an address; no message repeats it, as it may contain a password."""
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise _refused("is not a database address") from None
    if url.drivername not in _DRIVERS:
        raise _refused(f"names {url.drivername}, which is not supported")
    if url.get_backend_name() == "sqlite" and url.host:
        raise _refused("has two slashes before the file, where three are needed")
    if url.port is not None and not 0 < url.port <= _LARGEST_PORT:
        raise _refused(f"names the port {url.port}, which is none")
    return url


def _refused(fault: str) -> InvalidInputError:
    return InvalidInputError(
        f"FLARE_DATABASE_URL {fault}; write sqlite:///path/file.db or"
        " mysql+mysqlconnector://user:password@host/database"
    )


def _make_folder_of(file: Path) -> None:
    if file.is_dir():
        raise InvalidInputError(
            f"FLARE_DATABASE_URL names the folder {file}; name a file in it, such as store.db"
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f"the folder {file.parent} cannot be made ({error.strerror}); name a file in another"
            " folder in FLARE_DATABASE_URL"
        ) from error


def _sqlite_engine(url: sa.URL, *, synchronous: str) -> sa.Engine:
    if url.database and url.database != ":memory:":
        _make_folder_of(Path(url.database))
    # Others wait until the server of a hung process has ended it.
    engine = sa.create_engine(url, connect_args={"timeout": 30})
    sa.event.listen(engine, "connect", partial(_configure_sqlite, synchronous=synchronous))
    sa.event.listen(engine, "begin", _begin_sqlite)
    sa.event.listen(engine, "before_cursor_execute", _limit_sqlite_query)
    return engine


def _begin_sqlite(connection: sa.Connection) -> None:
    # A reader that turns writer inside a transaction would fail at once instead of waiting for
    # its turn, so a transaction that writes begins as IMMEDIATE.
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _configure_sqlite(
    connection: DBAPIConnection, _entry: ConnectionPoolEntry, *, synchronous: str
) -> None:
    raw = cast(sqlite3.Connection, connection)
    raw.isolation_level = None
    raw.execute("PRAGMA journal_mode=WAL")
    # An answer promises that the rows survive a power cut. In WAL mode only FULL waits for the disk
    # at each commit; NORMAL does so at checkpoints, and keeps the file whole without the last ones.
    raw.execute(f"PRAGMA synchronous={synchronous}")
    raw.execute("PRAGMA foreign_keys=ON")
    raw.execute("PRAGMA cache_size=-65536")


def _limit_sqlite_query(connection: sa.Connection, *_details: object) -> None:
    raw = cast(sqlite3.Connection, connection.connection.driver_connection)
    seconds = connection.get_execution_options().get(TIME_LIMIT)
    if seconds is None:
        raw.set_progress_handler(None, 0)
        return
    ends_at = time.monotonic() + seconds
    raw.set_progress_handler(lambda: time.monotonic() > ends_at, _SQLITE_STEPS)


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
    sa.event.listen(engine, "connect", _limit_session)
    sa.event.listen(engine, "before_cursor_execute", _send_waiting_first)
    sa.event.listen(engine, "do_execute", send_raw_statement)
    sa.event.listen(engine, "do_execute", send_limited_query)
    sa.event.listen(engine, "handle_error", notice_ended_session)
    sa.event.listen(engine, "handle_error", wrap_error_of_commit)
    return engine


def _send_waiting_first(connection: sa.Connection, *_details: object) -> None:
    """Let a statement find what the transaction has written before."""
    send_waiting(connection)


def _limit_session(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    _set_limits(connection, IDLE_SECONDS)


def _set_limits(connection: Any, idle_seconds: int) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(session_limits(connection.server_info, idle_seconds=idle_seconds))


@contextmanager
def writing(
    engine: sa.Engine, *, lock_wait_seconds: int = LOCK_WAIT_SECONDS
) -> Iterator[sa.Connection]:
    """Open one transaction that may write: committed at the end, rolled back on an error.

    Parameters
    ----------
    lock_wait_seconds : how long a statement waits for a lock; SQLite always takes its own time
    """
    if engine.dialect.name == "sqlite":
        with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
            yield connection
        return
    with engine.begin() as connection, deferred_writes(connection):
        _wait_for_locks(connection, lock_wait_seconds)
        yield connection


def _wait_for_locks(connection: sa.Connection, seconds: int) -> None:
    """Set how long the session waits for a lock, unless it does so already."""
    if connection.info.get(_LOCK_WAIT, LOCK_WAIT_SECONDS) != seconds:
        write(connection, f"SET innodb_lock_wait_timeout={seconds}")
        send_waiting(connection)
        connection.info[_LOCK_WAIT] = seconds


@contextmanager
def reading(engine: sa.Engine, *, seconds: float | None = READ_SECONDS) -> Iterator[sa.Connection]:
    """Open a connection for queries; a store that does not answer raises one clear error.

    Parameters
    ----------
    seconds : the most that one query may take; None for work that grows with the store
    """
    try:
        with engine.connect() as connection:
            yield connection.execution_options(**{TIME_LIMIT: seconds})
    except DBAPIError as error:
        raise as_domain_error(error) from error


def store_time(connection: sa.Connection) -> datetime:
    """Return the time by the clock of the server; a file has that of its one host."""
    if connection.dialect.name == "sqlite":
        text = connection.exec_driver_sql("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')").scalar()
        return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
    moment: datetime = connection.exec_driver_sql("SELECT UTC_TIMESTAMP(6)").scalar_one()
    return moment.replace(tzinfo=UTC)


def allow_idling(connection: sa.Connection) -> None:
    """Let a transaction rest between statements, as a backup to a slow disk or a migration does.

    The session is not used again afterwards.
    """
    if connection.dialect.name != "sqlite":
        connection.detach()
        _set_limits(connection.connection.dbapi_connection, _LONG_IDLE_SECONDS)


def heartbeat(connection: sa.Connection) -> Callable[[], None]:
    """Return a function that a long computation inside a transaction calls between its parts.

    It tells the server, once a second at most, that this process works and does not hang.
    """
    beaten_at = time.monotonic()

    def beat() -> None:
        nonlocal beaten_at
        if time.monotonic() - beaten_at > 1:
            connection.execute(sa.select(1))
            beaten_at = time.monotonic()

    return beat


def transact(
    engine: sa.Engine,
    work: Callable[[sa.Connection], Result],
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    lock_wait_seconds: int = LOCK_WAIT_SECONDS,
) -> Result:
    """Run `work` in one transaction, again after a deadlock, all or nothing.

    Parameters
    ----------
    patience_seconds : no attempt begins later
    lock_wait_seconds : as in `writing`

    Raises
    ------
    StoreLockedError
        When the store stays locked over all attempts.
    StoreUnavailableError
        When it cannot be reached.
    """
    give_up_at = time.monotonic() + patience_seconds
    attempt = 0
    while True:
        try:
            with writing(engine, lock_wait_seconds=lock_wait_seconds) as connection:
                return work(connection)
        except DBAPIError as error:
            attempt += 1
            is_last = attempt == ATTEMPTS or time.monotonic() > give_up_at
            if is_last or not is_transient(error):
                raise as_domain_error(error) from error
            time.sleep(0.01 * 2**attempt)


def wait_for_store(
    engine: sa.Engine,
    *,
    patience_seconds: float = float("inf"),
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once the store answers; log every failed try and why it failed.

    Every process does so at its start instead of dying.

    Raises
    ------
    StoreUnavailableError
        When it does not answer within `patience_seconds`, however long that is by default.
    FlarewatchError
        When waiting does not help: the store refuses its address, its file or the account.
    """
    wait, waited = _FIRST_WAIT_SECONDS, 0.0
    while True:
        reason = _why_away(engine)
        if reason is None:
            return
        wait = min(wait, patience_seconds - waited)
        if wait <= 0:
            raise StoreUnavailableError(
                f"the store does not answer ({reason}); start it, or correct FLARE_DATABASE_URL"
            )
        _log.warning("the store does not answer yet (%s); next try in %.1f s", reason, wait)
        sleep(wait)
        waited += wait
        wait = min(2 * wait, _LONGEST_WAIT_SECONDS)


def refuse_wrong_store(engine: sa.Engine) -> None:
    """Try the store once, for a process that does not wait for it.

    Raises
    ------
    FlarewatchError
        When waiting does not help; a store that does not answer yet is no fault.
    """
    _why_away(engine)


def _why_away(engine: sa.Engine) -> str | None:
    """Return why the store does not answer, in one line, or None when it does."""
    try:
        with engine.connect() as connection:
            connection.execute(sa.select(1))
    except DBAPIError as error:
        fault = as_domain_error(error)
        if isinstance(fault, StoreRefusedError) or not isinstance(fault, StoreUnavailableError):
            raise fault from error
        return first_line(error)
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidInputError(
            "FLARE_DATABASE_URL has a parameter behind ? that the driver does not take; leave out"
            " what follows the name of the database"
        ) from error
    return None
