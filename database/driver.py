"""The driver of MySQL: fewer questions to the server, and texts that go there as they are."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import mysql.connector
from mysql.connector.errors import get_mysql_exception

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

_log = logging.getLogger(__name__)

# The option of an execution whose text goes to the server without parameters.
AS_IT_IS = "flarewatch_as_it_is"


@cache
def warn_of_slow_driver() -> None:
    """Say in the log, once, when the driver of the server has lost its faster part."""
    if not mysql.connector.HAVE_CEXT:
        _log.warning(
            "the MySQL driver runs in pure Python, at a fraction of its speed: its C part is not"
            " installed, or pyarrow or onnxruntime were imported before the package `database`"
        )


def takes_several() -> bool:
    """Tell whether a text may hold several statements, which the slower part takes one by one."""
    return bool(mysql.connector.HAVE_CEXT)


def trust_connection(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Take a connection for alive that the driver would ask the server about."""
    # Before each statement the driver would ask the server whether it is still there, one round
    # trip more; the statement finds out by itself, and the pool asks when it lends a connection.
    cast(Any, connection).is_connected = lambda: True


def send_whole(_cursor: Any, statement: str, _parameters: Any, context: Any) -> bool:
    """Send a text as it is; the cursor would search megabytes for where a statement ends."""
    if not context.execution_options.get(AS_IT_IS):
        return False
    driver = context.root_connection.connection.driver_connection
    driver.cmd_query(statement)
    if takes_several():
        _hear_all(driver)
    return True


def _hear_all(driver: Any) -> None:
    """Take the answers to the statements of a text that follow its first."""
    # The module exists only where the driver has its faster part.
    from _mysql_connector import MySQLInterfaceError

    try:
        while driver.next_result():
            pass
    except MySQLInterfaceError as error:
        raise get_mysql_exception(error.errno, error.msg, error.sqlstate) from error
