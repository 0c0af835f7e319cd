"""What the settings of every process share: faults in one line, and what a server must have."""

from __future__ import annotations

import errno
import os
import re
import socket
import tempfile
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from solar.errors import InvalidInputError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PREFIX = "FLARE_"
_HINT = ".env.example explains every setting"


class Settings(BaseSettings):
    """Settings read from the environment with the prefix ``FLARE_``; an empty one is the default.

    Raises
    ------
    InvalidInputError
        When a value cannot be used: one line with the names of the variables and no value, which
        may be a password.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore"
    )

    def __init__(self, **values: Any) -> None:
        # Not chained: a traceback of the original error would show the values.
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise InvalidInputError(f"{_faults(error)}; {_HINT}") from None
        except SettingsError as error:
            reason = f"{self._unreadable(error)} is not JSON ({error.__cause__})"
            raise InvalidInputError(f'{reason}; write it like {{"name": "value"}}') from None

    @classmethod
    def _unreadable(cls, error: SettingsError) -> str:
        # The error names the field in its text only.
        fields = (name for name in cls.model_fields if f'"{name}"' in str(error))
        return _variable(next(fields, "?"))


def _variable(field: object) -> str:
    return f"{PREFIX}{field}".upper()


def _faults(error: ValidationError) -> str:
    # A value that is none of several types has a fault for each of them; the first will do.
    faults = {fault["loc"][:1]: fault for fault in reversed(error.errors(include_input=False))}
    return "; ".join(
        f"{': '.join([_variable(field) for field in place])}: {_reason(fault)}"
        for place, fault in reversed(faults.items())
    )


def _reason(fault: ErrorDetails) -> str:
    if fault["type"] == "too_short":
        return f"needs at least {fault['ctx']['min_length']} characters"
    # Behind the field stands the name inside a JSON object, and then the type that it is not.
    inside = f"{fault['loc'][1]}: " if len(fault["loc"]) > 1 else ""
    return inside + fault["msg"].removeprefix("Value error, ")


def without_password(address: str) -> str:
    """Return an address as messages show it: without the user and password before its last @."""
    return re.sub(r"//.*@", "//", address)


def require_address(host: str, port: int, *, service: str) -> None:
    """Check that a server can listen on `port` of `host`.

    Parameters
    ----------
    service : as in the settings ``FLARE_<service>_HOST`` and ``FLARE_<service>_PORT``

    Raises
    ------
    InvalidInputError
        When another process has the port, or it or the host is not for this process to use.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            # As the server does: connections that have just ended do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no host name"
        if getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES):
            raise InvalidInputError(
                f"port {port} cannot be used ({reason}); stop what uses it, or choose another,"
                f" such as {PREFIX}{service}_PORT=9000"
            ) from error
        raise InvalidInputError(
            f"{PREFIX}{service}_HOST={host} is no address of this machine ({reason});"
            " 127.0.0.1 is for this machine alone, 0.0.0.0 for all its networks"
        ) from error


def require_temporary_folder() -> None:
    """Check that files can be made in the temporary folder.

    Raises
    ------
    InvalidInputError
        When ``TMPDIR`` cannot be used, or without it no folder of the system.
    """
    given = os.environ.get("TMPDIR") or None
    try:
        with tempfile.TemporaryFile(dir=given):
            pass
    except OSError as error:
        raise InvalidInputError(
            f"no file can be made in the temporary folder, TMPDIR={given or ''} ({error.strerror});"
            " set TMPDIR to a folder that this account may write to"
        ) from error
