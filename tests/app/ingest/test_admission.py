"""What a worker has in work at a time is bounded, and bulk gives way to live records."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.ingest.admission import (
    MOST_BULK_REQUESTS,
    SMALL_BYTES,
    AdmissionControl,
    BusyError,
)
from app.services import Services

URL = "/api/v1/observations"
BULK = SMALL_BYTES + 1


def test_one_large_request_too_many_is_refused_until_another_has_left() -> None:
    admission = AdmissionControl(most_requests=2)
    with admission.entered(BULK):
        with admission.entered(BULK), pytest.raises(BusyError), admission.entered(BULK):
            pass
        with admission.entered(BULK):
            pass


def test_small_requests_pass_a_full_gate() -> None:
    admission = AdmissionControl(most_requests=1)
    with admission.entered(BULK), admission.entered(SMALL_BYTES):
        pass


def test_the_bytes_in_work_are_bounded_but_for_one_that_comes_alone() -> None:
    admission = AdmissionControl(most_bytes=1_000_000)
    with admission.entered(2_000_000), pytest.raises(BusyError), admission.entered(BULK):
        pass
    with admission.entered(500_000), admission.entered(500_000):
        pass


def test_a_request_of_unknown_length_counts_as_the_largest() -> None:
    admission = AdmissionControl()
    with admission.entered(None), pytest.raises(BusyError), admission.entered(None):
        pass


def test_a_failure_gives_the_place_back() -> None:
    admission = AdmissionControl(most_requests=1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), admission.entered(BULK):
            raise ZeroDivisionError


def test_bulk_goes_on_when_the_small_request_beside_it_is_done() -> None:
    admission = AdmissionControl(patience_seconds=60)
    small, went_on = ExitStack(), threading.Event()

    def bulk() -> None:
        with admission.entered(BULK) as yield_to_live:
            yield_to_live()
        went_on.set()

    with small:
        small.enter_context(admission.entered(SMALL_BYTES))
        thread = threading.Thread(target=bulk)
        thread.start()
        assert not went_on.wait(0.2)
    assert went_on.wait(30)
    thread.join()


def test_bulk_gives_way_no_longer_than_its_patience_and_a_small_request_never() -> None:
    admission = AdmissionControl(patience_seconds=0.01)
    with (
        admission.entered(SMALL_BYTES) as small,
        admission.entered(SMALL_BYTES),
        admission.entered(BULK) as bulk,
    ):
        small()
        bulk()


def test_a_busy_worker_answers_at_once_when_to_come_again(
    engine_sqlite: sa.Engine, make_app: Callable[..., Flask], row: Callable[..., dict[str, Any]]
) -> None:
    app = make_app(engine_sqlite)
    services: Services = app.extensions["flarewatch"]
    times = [f"2014-03-01T{hour:02d}:{minute:02d}:00Z" for hour in range(4) for minute in range(60)]
    body = {"observations": [row(t_rec=t_rec) for t_rec in times]}
    client = app.test_client()
    with ExitStack() as others:
        for _ in range(MOST_BULK_REQUESTS):
            others.enter_context(services.admission.entered(BULK))
        busy = client.post(URL, json=body)
        live = client.post(URL, json={"observations": [row()]})
    later = client.post(URL, json=body)

    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "1")
    assert busy.get_json()["title"] == "Too busy"
    assert (live.status_code, later.status_code) == (200, 200)
    assert later.get_json()["accepted"] == len(times) - 1
