"""The clock over HTTP: what time it is for the Sun, and the acts that set it in a replay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, request

from app.contract.answers import ClockAnswer
from app.contract.bodies import read_json, read_model
from app.contract.responses import json_response
from app.contract.schemas import ClockBody, ReplayBody
from app.routes.operation import operation
from app.services import services
from database.clock.clock import (
    Replayed,
    begin_replay,
    newest_record,
    read_clock,
    set_clock,
    usual_step,
)
from database.delivery.senders import record_heartbeat
from database.engine import reading, store_time, transact
from database.people.principal import INGEST, OPERATE, PUBLIC
from solar.clock import Reading
from solar.time import isoformat

blueprint = Blueprint("clock", __name__)


@blueprint.get("/clock")
@operation("What time it is for the Sun", permission=PUBLIC, answer=ClockAnswer)
def get_clock() -> Response:
    # The version alone decides, so that a client that follows it costs one read of one row.
    with reading(services().engine) as connection:
        clock = read_clock(connection)
        response = _answer(connection, clock)
    response.set_etag(str(clock.version))
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


@blueprint.put("/clock")
@operation(
    "Play, pause, change the speed of a replay, or jump forward in it",
    permission=OPERATE,
    body=ClockBody,
    answer=ClockAnswer,
    refusals={"409": "The store has no replay.", "412": "The clock has another version."},
)
def put_clock() -> Response:
    body = read_model(ClockBody, read_json())
    given = body.model_dump(exclude={"next"}) | {"next_event": body.next}
    return _set(partial(set_clock, who=services().guard.principal(), **given))


@blueprint.post("/clock")
@operation(
    "Begin or resume a replay; the first one sets the clock to its time and speed",
    permission=INGEST,
    body=ReplayBody,
    answer=ClockAnswer,
    refusals={"409": "The store has forecast the present in the last days."},
)
def post_clock() -> Response:
    body = read_model(ReplayBody, read_json())
    replayed = Replayed(body.sender, body.starts, body.ends, body.speed, body.next or body.starts)
    who = services().guard.principal()

    def begin(connection: sa.Connection) -> Reading:
        begun = begin_replay(connection, who, replayed)
        at = store_time(connection)
        record_heartbeat(connection, body.sender, is_finished=False, now=at)
        return begun

    return _set(begin)


def _set(act: Callable[[sa.Connection], Reading]) -> Response:
    running = services()

    def work(connection: sa.Connection) -> Response:
        return _answer(connection, act(connection))

    response = transact(running.engine, work)
    running.sun_clock.forget()
    return response


def _answer(connection: sa.Connection, clock: Reading) -> Response:
    now = clock.now(store_time(connection))
    newest = newest_record(connection, clock, now) if clock.is_replay else clock.newest
    step = None if newest is None else usual_step(connection, newest).total_seconds()
    return json_response(
        {
            "mode": clock.mode,
            "now": isoformat(now),
            "speed": clock.speed,
            "state": "paused" if clock.is_paused else "playing",
            "version": clock.version,
            "newest": _text(newest),
            "usual_step_s": step,
            "starts": _text(clock.starts_at),
            "ends": _text(clock.ends_at),
        }
    )


def _text(at: datetime | None) -> Any:
    return None if at is None else isoformat(at)
