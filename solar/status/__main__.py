"""The command ``flarewatch status``: asks the API how it is, and prints the answer as a table."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from solar.errors import FlarewatchError, InvalidInputError
from solar.settings import Settings, without_password
from solar.status.checks import OK, Status, read_document
from solar.status.page import machine_line, text_table

EVERY_SECONDS = 5.0
TIMEOUT_SECONDS = 5.0
_MOST_BYTES = 1 << 20
_ALL_WELL, _SOMETHING_WRONG, _UNKNOWN = 0, 1, 2
_TO_THE_TOP = "\033[H\033[J"
_DESCRIPTION = """\
Print whether the sources are fresh, and how API, store, model and notifications are, as the API at
FLARE_API_URL (default http://127.0.0.1:8000) knows it. NO_COLOR=1 leaves out the colours. --watch
shows the machines of the Lab too, where the API shows them to FLARE_API_KEY.

exit status: 0 all is well, 1 something is late or does not work, 2 the API cannot be reached or
gives no status, so that nothing is known
"""


class StatusSettings(Settings):
    """Where the API is, read from the environment with the prefix ``FLARE_``."""

    api_url: str = "http://127.0.0.1:8000"
    api_key: str = ""


class _UnknownError(FlarewatchError):
    """The API gives no status."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        "flarewatch status",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--watch",
        action="store_true",
        help=f"again every {EVERY_SECONDS:.0f} s until Ctrl-C, with the machines of the Lab",
    )
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parser().parse_args(arguments)
    try:
        settings = StatusSettings()
        address = _address(settings.api_url)
    except FlarewatchError as error:
        sys.stderr.write(f"flarewatch status: {error}\n")
        return _UNKNOWN
    code = _show(address, clears=False) if not options.watch else _UNKNOWN
    try:
        while options.watch:
            code = _show(address, clears=sys.stdout.isatty())
            sys.stdout.write(_machines(settings))
            sys.stdout.flush()
            time.sleep(EVERY_SECONDS)
    except KeyboardInterrupt:
        pass
    return code


def _address(api_url: str) -> str:
    if not api_url.startswith(("http://", "https://")):
        shown = without_password(api_url)
        raise InvalidInputError(f"FLARE_API_URL is {shown!r}; write http://host:port")
    return f"{api_url.rstrip('/')}/status?format=json"


def _show(address: str, *, clears: bool) -> int:
    """Print the status once; returns the exit code that it means."""
    try:
        status = _ask(address)
    except FlarewatchError as error:
        text, code = f"We do not know: {error}\n", _UNKNOWN
    else:
        is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        text = text_table(status, is_coloured=is_coloured)
        code = _ALL_WELL if status.state == OK else _SOMETHING_WRONG
    sys.stdout.write(f"{_TO_THE_TOP if clears else ''}{text}")
    sys.stdout.flush()
    return code


def _machines(settings: StatusSettings) -> str:
    """Return a line for each machine of the Lab; nothing where the API shows none to this key."""
    address = f"{settings.api_url.rstrip('/')}/api/v1/lab/machines"
    headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
    try:
        # The scheme was checked above.
        request = Request(address, headers=headers)  # noqa: S310
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            found = json.loads(answer.read(_MOST_BYTES))["items"]
        return "".join(f"{machine_line(one)}\n" for one in found)
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return ""


def _ask(address: str) -> Status:
    shown = without_password(address.partition("?")[0])
    try:
        # The scheme was checked above.
        request = Request(address, headers={"Accept": "application/json"})  # noqa: S310
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return read_document(json.loads(answer.read(_MOST_BYTES)))
    except HTTPError as error:
        raise _UnknownError(
            f"{shown} answered {error.code}; see that FLARE_API_URL names a Flarewatch API"
        ) from error
    except (URLError, OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise _UnknownError(
            f"{shown} cannot be reached ({reason}); see that the API runs"
            " (`flarewatch api serve`) and that FLARE_API_URL names it"
        ) from error
    except ValueError as error:
        raise _UnknownError(
            f"{shown} gave something else than a status; see that FLARE_API_URL names a"
            " Flarewatch API"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
