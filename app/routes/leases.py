"""Leases over HTTP: replicas of a sender learn which part of a source is theirs for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response

from app.contract.lease_terms import LeaseAnswer, LeaseBody
from app.contract.operations import operation
from app.contract.problems import Fault, RequestError
from app.contract.responses import json_response
from app.ingest.bodies import read_json, read_model
from app.services import services
from database.delivery.leases import Lease, LeaseRequest, Progress, renew
from database.delivery.senders import sender_count
from database.engine import transact

blueprint = Blueprint("leases", __name__)


@blueprint.post("/leases")
@operation("Share a source among replicas: join, stay, tell the progress, or leave",
           scope="ingest", body=LeaseBody, answer=LeaseAnswer)  # fmt: skip
def post_leases() -> Response:
    word = _word(read_model(LeaseBody, read_json()))
    lasts = timedelta(seconds=services().settings.lease_seconds)
    now = services().clock()

    def say(connection: sa.Connection) -> tuple[Lease, tuple[int, int]]:
        return renew(connection, word, lasts=lasts, now=now), sender_count(connection, word.member)

    lease, (sent, sequence) = transact(services().engine, say)
    return json_response(
        {
            "generation": lease.generation,
            "starts_at": lease.starts_at,
            "event_at": lease.event_at,
            "elapsed_seconds": (now - lease.began_at).total_seconds(),
            "granted": [_granted(number, shard) for number, shard in lease.granted.items()],
            "unfinished": lease.unfinished,
            "members": lease.members,
            "expires_in_seconds": lasts.total_seconds(),
            "sent": sent,
            "sequence": sequence,
        }
    )


def _word(body: LeaseBody) -> LeaseRequest:
    held = {
        int(number): Progress(told.delivered, told.through, told.finished)
        for number, told in body.held.items()
    }
    if held and max(held) >= body.shards:
        fault = Fault(f"held.{max(held)}", f"is no shard; there are 0 to {body.shards - 1}")
        raise RequestError("the body cannot be used; see errors", faults=[fault])
    return LeaseRequest(
        body.source, body.sender, body.shards, body.starts_at,
        generation=body.generation, held=held, stays=body.wants, restarts=body.restart,
    )  # fmt: skip


def _granted(number: int, shard: Progress) -> dict[str, Any]:
    return {"shard": number, "delivered": shard.delivered, "through": shard.through}
