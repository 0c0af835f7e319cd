"""The engine: how every process opens the store, on SQLite and on MySQL or MariaDB alike.

Reads and transactions turn the driver's errors into the project's; a transaction that loses to a
deadlock runs again.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

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
from database.settings import DatabaseSettings
from solar.errors import (
    FlarewatchError,
    InvalidInputError,
    StoreFullError,
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
# A session whose process is silent for so long, inside a transaction, is ended by the server: what
# a hung process has locked is free again. No work between two statements takes as long.
IDLE_SECONDS = 10
# Longer than that, so that whoever waits for a hung process does not fail.
PATIENCE_SECONDS = 12.0
# The most that one query of a page or of the API may take.
READ_SECONDS = 30.0

_MYSQL_TRANSIENT = {1205, 1213, 1020}  # lock wait timeout, deadlock, record changed (MariaDB)
_MYSQL_NO_SCHEMA = {1146}
_MYSQL_DISK_FULL = {1021, 1114}  # the disk, or the table that cannot grow on it
# Where the server or SQLite itself passes on what the system said, in the words of either.
_DISK_FULL_WORDS = ("No space left on device", "disk is full", "quota exceeded")
_MYSQL_TOO_LONG = {1969, 3024}  # over max_statement_time (MariaDB), MAX_EXECUTION_TIME (MySQL)
_MYSQL_CLIENT_ERRORS = range(2000, 3000)  # no connection, or a lost one
# What no waiting mends, by the code of MySQL or a part of SQLite's message.
_WRONG_ACCOUNT = (
    "the store refuses this account; correct user and password in FLARE_DATABASE_URL, or"
    " FLARE_DATABASE_PASSWORD"
)
_MISSING_RIGHT = (
    "the account of FLARE_DATABASE_URL lacks a right on a table; grant it what docs/operations.md"
    " lists"
)
_MYSQL_REFUSALS = {
    1044: "this account may not use the database that FLARE_DATABASE_URL names; correct the name,"
    " or grant it the rights",
    1045: _WRONG_ACCOUNT,
    1049: "the server has no database of the name in FLARE_DATABASE_URL; create it, or correct it",
    1130: "the store takes no connection from this machine; let the account of FLARE_DATABASE_URL"
    " come from here",
    1142: _MISSING_RIGHT,
    1143: _MISSING_RIGHT,
    1227: _MISSING_RIGHT,
    1698: _WRONG_ACCOUNT,
}
_UNWRITABLE = (
    "the file that FLARE_DATABASE_URL names (without it var/flarewatch.db) cannot be opened and"
    " written; make it and its folder writable for this account, or name another"
)
_SQLITE_REFUSALS = {
    "unable to open database file": _UNWRITABLE,
    "readonly database": _UNWRITABLE,
    "is not a database": "the file that FLARE_DATABASE_URL names is no SQLite store; name another",
}
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
    sa.event.listen(engine, "do_execute", send_raw_statement)
    sa.event.listen(engine, "do_execute", send_limited_query)
    sa.event.listen(engine, "handle_error", notice_ended_session)
    sa.event.listen(engine, "handle_error", wrap_error_of_commit)
    return engine


def _limit_session(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    _set_limits(connection, IDLE_SECONDS)


def _set_limits(connection: Any, idle_seconds: int) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(session_limits(connection.server_info, idle_seconds=idle_seconds))


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open one transaction that may write: committed at the end, rolled back on an error."""
    with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        yield connection


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


def _is_disk_full(error: DBAPIError) -> bool:
    reason = str(error.orig)
    return _mysql_code(error) in _MYSQL_DISK_FULL or any(w in reason for w in _DISK_FULL_WORDS)


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
    if _mysql_code(error) in _MYSQL_TOO_LONG or reason == "interrupted":
        return StoreUnavailableError(
            "a query took too long and was ended; ask for a shorter range, or again later"
        )
    if _is_disk_full(error):
        return StoreFullError(
            "the disk of the store, or its temporary folder, is full; free space there, then the"
            " same request succeeds"
        )
    if "disk I/O error" in reason:
        return StoreUnavailableError(
            "the disk of the store fails to read or write; look into the log of its system"
        )
    refusal = _refusal(error)
    if refusal is not None:
        return StoreRefusedError(refusal)
    if _is_transient(error):
        return StoreUnavailableError("the store stays locked; send the same request again")
    if _is_unreachable(error):
        return StoreUnavailableError("the store does not answer; the request can be sent again")
    return FlarewatchError(f"the store refused: {_first_line(error)}")


def _refusal(error: DBAPIError) -> str | None:
    reason = str(error.orig)
    messages = (text for part, text in _SQLITE_REFUSALS.items() if part in reason)
    return _MYSQL_REFUSALS.get(_mysql_code(error) or 0) or next(messages, None)


def _first_line(error: DBAPIError) -> str:
    return next(iter(str(error.orig).splitlines()), type(error.orig).__name__)


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
        return _first_line(error)
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidInputError(
            "FLARE_DATABASE_URL has a parameter behind ? that the driver does not take; leave out"
            " what follows the name of the database"
        ) from error
    return None


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
