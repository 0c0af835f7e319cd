"""Shared threads: requests of the Lab and its workers leave half of the threads to forecasting."""

from __future__ import annotations

import threading

from flask import Flask, Response, g, request

from app.contract.problems import RequestError
from app.settings import LabSettings
from solar.errors import NotFoundError

_MOST_AT_A_TIME = 2


def install(app: Flask, settings: LabSettings, *, prefixes: tuple[str, ...]) -> None:
    """Bound the requests under some addresses that are answered at a time, or refuse all."""
    threads = threading.BoundedSemaphore(_MOST_AT_A_TIME)

    def take() -> None:
        if not request.path.startswith(prefixes):
            return
        if not settings.has_lab:
            raise NotFoundError("the Lab is closed here: FLARE_LAB is off")
        if not threads.acquire(blocking=False):
            raise RequestError(
                "forecasting goes first; ask again", status=503, title="Busy", retry_after=1
            )
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
