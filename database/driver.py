"""The driver of MySQL: fewer round trips, and statements that go to the server as they are."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import mysql.connector
from mysql.connector.errors import get_mysql_exception
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
    from sqlalchemy.pool import ConnectionPoolEntry

_log = logging.getLogger(__name__)

# The execution option of a statement that goes to the server without parameters.
RAW_STATEMENT = "flarewatch_raw_statement"
# The execution option that names the list to which the rows of each of its queries are added.
RESULTS = "flarewatch_results"
# The execution option of a connection of which no query may take longer [s].
TIME_LIMIT = "flarewatch_time_limit"

_NETWORK_LIMITS = ("net_read_timeout", "net_write_timeout")
# MariaDB ends a session that idles in a transaction, whether it has written yet or only locked.
_MARIADB_LIMITS = (*_NETWORK_LIMITS, "idle_transaction_timeout")
# MySQL ends any session that idles; the pool opens another one.
_MYSQL_LIMITS = (*_NETWORK_LIMITS, "wait_timeout")
_ENDED_BY_THE_SERVER = {1927, 4031}  # connection killed (MariaDB), ended as idle (MySQL)


@cache
def warn_of_slow_driver() -> None:
    """Log a warning, once, when the driver runs without its C part."""
    if not mysql.connector.HAVE_CEXT:
        _log.warning(
            "the MySQL driver runs in pure Python, at a fraction of its speed: its C part is not"
            " installed, or pyarrow or onnxruntime were imported before the package `database`"
        )


def supports_multiple_statements() -> bool:
    """Tell whether one text may hold several statements, which only the C part accepts."""
    return bool(mysql.connector.HAVE_CEXT)


def skip_liveness_check(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Make the driver skip its check that the connection is alive."""
    # Before each statement the driver would ping the server, one round trip more. The statement
    # itself fails on a lost connection, and the pool pings when it lends one.
    cast(Any, connection).is_connected = lambda: True


def is_mariadb(server_version: str) -> bool:
    """Tell MariaDB, which names itself in its version, from MySQL."""
    return "mariadb" in server_version.lower()


def session_limits(server_version: str, *, idle_seconds: int) -> str:
    """Return the statement after which the server ends this session when its process hangs."""
    names = _MARIADB_LIMITS if is_mariadb(server_version) else _MYSQL_LIMITS
    return "SET SESSION " + ", ".join(f"{name}={idle_seconds}" for name in names)


def limited_query(statement: str, *, is_mariadb: bool, seconds: float) -> str:
    """Return a query that the server ends after some time; other statements stay as they are."""
    if is_mariadb and statement.startswith(("SELECT", "WITH", "(")):
        return f"SET STATEMENT max_statement_time={seconds} FOR {statement}"
    if not is_mariadb and statement.startswith("SELECT"):
        hint = f"/*+ MAX_EXECUTION_TIME({seconds * 1000:.0f}) */"
        return statement.replace("SELECT", f"SELECT {hint}", 1)
    return statement


def send_limited_query(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
    """Send a query of a connection with the option TIME_LIMIT; observers see it without limit."""
    seconds = context.execution_options.get(TIME_LIMIT)
    if seconds is None:
        return False
    limited = limited_query(statement, is_mariadb=context.dialect.is_mariadb, seconds=seconds)
    cursor.execute(limited, parameters)
    return True


def send_raw_statement(_cursor: Any, statement: str, _parameters: Any, context: Any) -> bool:
    """Send a statement as it is; the cursor would search megabytes for its end."""
    if not context.execution_options.get(RAW_STATEMENT):
        return False
    driver = context.root_connection.connection.driver_connection
    driver.cmd_query(statement)
    results: list[Any] = context.execution_options.get(RESULTS, [])
    while True:
        if driver.unread_result:
            # `get_rows` would look through the columns of every row for vectors.
            results.append(list(iter(driver._cmysql.fetch_row, None)))
        if not (supports_multiple_statements() and _has_next_result(driver)):
            return True


def notice_ended_session(context: ExceptionContext) -> None:
    """Drop a connection that the server has ended; SQLAlchemy does not know all of its words."""
    if getattr(context.original_exception, "errno", None) in _ENDED_BY_THE_SERVER:
        context.is_disconnect = True


def wrap_error_of_commit(context: ExceptionContext) -> None:
    """Raise an error of COMMIT or ROLLBACK as any other of the driver, and drop its connection."""
    # There alone the driver lets the error of its C part through, which SQLAlchemy does not know.
    error: Any = context.original_exception
    base = context.dialect.loaded_dbapi.Error
    if isinstance(error, base) or not hasattr(error, "sqlstate"):
        return
    context.is_disconnect = True
    known = get_mysql_exception(error.errno, error.msg, error.sqlstate)
    raise DBAPIError.instance(None, None, known, base, connection_invalidated=True) from error


def _has_next_result(driver: Any) -> bool:
    """Go to the result of the next statement of a text; False after the last."""
    # The module exists only where the driver has its C part.
    from _mysql_connector import MySQLInterfaceError

    try:
        return bool(driver.next_result())
    except MySQLInterfaceError as error:
        raise get_mysql_exception(error.errno, error.msg, error.sqlstate) from error
