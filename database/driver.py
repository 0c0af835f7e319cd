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


def send_raw_statement(_cursor: Any, statement: str, _parameters: Any, context: Any) -> bool:
    """Send a statement as it is; the cursor would search megabytes for its end."""
    if not context.execution_options.get(RAW_STATEMENT):
        return False
    driver = context.root_connection.connection.driver_connection
    driver.cmd_query(statement)
    if supports_multiple_statements():
        _read_remaining_results(driver)
    return True


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


def _read_remaining_results(driver: Any) -> None:
    """Read the results of all statements of a text but the first."""
    # The module exists only where the driver has its C part.
    from _mysql_connector import MySQLInterfaceError

    try:
        while driver.next_result():
            pass
    except MySQLInterfaceError as error:
        raise get_mysql_exception(error.errno, error.msg, error.sqlstate) from error
