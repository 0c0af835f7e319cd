"""Senders over HTTP: their rows, the flow of rows over time, and the shards that they lease."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response

from app.contract.answers import FlowAnswer, HeartbeatAnswer, LeaseAnswer
from app.contract.bodies import read_json, read_model
from app.contract.pages import SendersPage
from app.contract.problems import Fault, RequestError
from app.contract.queries import FlowQuery, PageQuery
from app.contract.responses import cut_page, json_response, page, read_cursor
from app.contract.schemas import HeartbeatBody, LeaseBody
from app.routes.operation import operation
from app.services import services
from database.clock.clock import end_replay
from database.delivery.flow import FLOW_COUNTERS, Flow, flow
from database.delivery.leases import Lease, LeaseRequest, Progress, renew
from database.delivery.rejections import top_rejections
from database.delivery.row_outcomes import OUTCOMES
from database.delivery.senders import (
    list_senders,
    lost_rows,
    record_heartbeat,
    sender_count,
    sender_state,
)
from database.engine import reading, transact
from database.people.principal import INGEST, READ
from solar.columns import Floats
from solar.durations import LATENCY, PROCESSING
from solar.time import to_datetime

PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
MOST_REFUSALS = 50

blueprint = Blueprint("senders", __name__)


@blueprint.get("/senders")
@operation(
    "Senders and what became of their rows",
    permission=READ,
    query=PageQuery,
    answer=SendersPage,
)
def get_senders(query: PageQuery) -> Response:
    after = read_cursor(query.cursor, str)
    with reading(services().engine) as connection:
        rows = list_senders(connection, limit=query.limit + 1, after=after[0] if after else None)
    rows, cursor = cut_page(rows, query.limit, lambda row: (row["sender_id"],))
    now = services().clock()
    return page([_sender(row, now) for row in rows], next_cursor=cursor)


def _sender(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    times = ("first_seen_at", "last_seen_at", "finished_at")
    names = (*times, "taken_over_by", "last_sequence", "sent", *OUTCOMES, "late", "spooled")
    item = {name: row[name] for name in names}
    state = sender_state(row, now)
    return {"sender": row["sender_id"], "state": state, **item, "lost": lost_rows(row)}


@blueprint.post("/senders")
@operation(
    "Say that a sender is there, or that it has finished",
    permission=INGEST,
    body=HeartbeatBody,
    answer=HeartbeatAnswer,
)
def post_senders() -> Response:
    body, running = read_model(HeartbeatBody, read_json()), services()
    who, now = running.guard.principal(), running.clock()

    def work(connection: sa.Connection) -> None:
        record_heartbeat(connection, body.sender, is_finished=body.finished, now=now)
        if body.finished:
            end_replay(connection, who, body.sender)

    transact(running.engine, work)
    if body.finished:
        running.sun_clock.forget()
    return json_response({"sender": body.sender, "last_seen_at": now})


@blueprint.get("/flow")
@operation(
    "What came in over time, and how long it took",
    permission=READ,
    query=FlowQuery,
    answer=FlowAnswer,
)
def get_flow(query: FlowQuery) -> Response:
    window = query.window(services().clock())
    with reading(services().engine) as connection:
        measured = flow(connection, window)
        refusals = top_rejections(connection, window, limit=MOST_REFUSALS)
    return json_response(
        {
            "bucket_seconds": measured.bucket_seconds,
            "points": _points(measured),
            "senders": {name: rows.tolist() for name, rows in measured.rows_by_sender.items()},
            "rejections": [asdict(refusal) for refusal in refusals],
        }
    )


def _points(measured: Flow) -> list[dict[str, Any]]:
    shares = list(PERCENTILES.values())
    processing = PROCESSING.quantiles(measured.processing, shares) * 1000
    latency = LATENCY.quantiles(measured.latency, shares)
    return [
        {
            "at": to_datetime(at),
            **{name: int(measured.counts[name][place]) for name in FLOW_COUNTERS},
            "processing_ms": _percentiles(processing[place]),
            "latency_s": _percentiles(latency[place]),
        }
        for place, at in enumerate(measured.start_at)
    ]


def _percentiles(values: Floats) -> dict[str, float | None]:
    return {
        name: round(value, 3) if math.isfinite(value) else None
        for name, value in zip(PERCENTILES, values.tolist(), strict=True)
    }


@blueprint.post("/leases")
@operation(
    "Share a source among replicas: join, stay, report progress, or leave",
    permission=INGEST,
    body=LeaseBody,
    answer=LeaseAnswer,
)
def post_leases() -> Response:
    asked = _lease_request(read_model(LeaseBody, read_json()))
    lasts = timedelta(seconds=services().settings.lease_seconds)

    def work(connection: sa.Connection) -> tuple[Lease, tuple[int, int]]:
        lease = renew(connection, asked, lasts=lasts)
        return lease, sender_count(connection, asked.member)

    lease, (sent, sequence) = transact(services().engine, work)
    return json_response(
        {
            "generation": lease.generation,
            "starts_at": lease.starts_at,
            "event_at": lease.event_at,
            "elapsed_seconds": lease.elapsed_seconds,
            "granted": [_granted(number, shard) for number, shard in lease.granted.items()],
            "unfinished": lease.unfinished,
            "members": lease.members,
            "expires_in_seconds": lasts.total_seconds(),
            "sent": sent,
            "sequence": sequence,
        }
    )


def _lease_request(body: LeaseBody) -> LeaseRequest:
    held = {
        int(number): Progress(shard.delivered, shard.through, shard.finished)
        for number, shard in body.held.items()
    }
    if held and max(held) >= body.shards:
        fault = Fault(f"held.{max(held)}", f"is no shard; there are 0 to {body.shards - 1}")
        raise RequestError("the body cannot be used; see errors", faults=[fault])
    return LeaseRequest(
        body.source,
        body.sender,
        body.shards,
        body.starts_at,
        generation=body.generation,
        held=held,
        stays=body.wants,
        restarts=body.restart,
    )


def _granted(number: int, shard: Progress) -> dict[str, Any]:
    return {"shard": number, "delivered": shard.delivered, "through": shard.through}
