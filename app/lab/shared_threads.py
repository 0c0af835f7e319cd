"""What the Lab leaves to forecasting: half of the threads, and the machine while rows pour in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from flask import Flask, Response, current_app, g, request

from app.contract.problems import RequestError
from app.settings import LabSettings
from solar.errors import NotFoundError

_MOST_AT_A_TIME = 2
# While rows pour in, a process takes a piece of an upload no more often than this.
_PIECE_SECONDS = 2.0
_LAST_PIECE = "flarewatch last piece"
# One piece rests, with the thread that it has; to refuse each would have all of them sent again.
_resting = threading.Lock()


def install(app: Flask, settings: LabSettings, *, prefixes: tuple[str, ...]) -> None:
    """Bound the requests under some addresses that are answered at a time, or refuse all."""
    threads = threading.BoundedSemaphore(_MOST_AT_A_TIME)

    def take() -> None:
        if not request.path.startswith(prefixes):
            return
        if not settings.has_lab:
            raise NotFoundError("the Lab is closed here: FLARE_LAB is off")
        if not threads.acquire(blocking=False):
            raise _busy()
        g.lab_thread = threads

    def give_back(_error: BaseException | None) -> None:
        taken = g.pop("lab_thread", None)
        if taken is not None:
            taken.release()

    app.before_request(take)
    app.teardown_request(give_back)


def hold(response: Response) -> Response:
    """Keep the thread of the current request until its answer is sent, however long that takes."""
    if "lab_thread" in g:
        taken = [g.pop("lab_thread")]
        # An answer may be closed twice.
        response.call_on_close(lambda: taken.pop().release() if taken else None)
    return response


def rest_while_busy(is_busy: Callable[[], bool]) -> None:
    """Let a piece that follows another one at once wait while ingest is busy.

    Raises
    ------
    RequestError
        While another piece waits; this one comes again.
    """
    wait = current_app.extensions.get(_LAST_PIECE, 0.0) + _PIECE_SECONDS - time.monotonic()
    if wait > 0 and is_busy():
        if not _resting.acquire(blocking=False):
            raise _busy()
        try:
            time.sleep(wait)
        finally:
            _resting.release()
    current_app.extensions[_LAST_PIECE] = time.monotonic()


def _busy() -> RequestError:
    return RequestError(
        "forecasting goes first; ask again", status=503, title="Busy", retry_after=1
    )
