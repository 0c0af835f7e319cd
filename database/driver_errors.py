"""The errors of the drivers, turned into the project's: what is the matter, and what to do."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from solar.errors import (
    FlarewatchError,
    StoreFullError,
    StoreLockedError,
    StoreRefusedError,
    StoreUnavailableError,
)

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


def _mysql_code(error: DBAPIError) -> int | None:
    return getattr(error.orig, "errno", None)


def is_transient(error: DBAPIError) -> bool:
    """Tell whether the same transaction may succeed at once: a deadlock, or a lock's time."""
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
    if is_transient(error):
        return StoreLockedError("the store stays locked; send the same request again")
    if _is_unreachable(error):
        return StoreUnavailableError("the store does not answer; the request can be sent again")
    return FlarewatchError(f"the store refused: {first_line(error)}")


def _refusal(error: DBAPIError) -> str | None:
    reason = str(error.orig)
    messages = (text for part, text in _SQLITE_REFUSALS.items() if part in reason)
    return _MYSQL_REFUSALS.get(_mysql_code(error) or 0) or next(messages, None)


def first_line(error: DBAPIError) -> str:
    """Return what the driver says, in one line."""
    return next(iter(str(error.orig).splitlines()), type(error.orig).__name__)
