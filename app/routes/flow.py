"""The flow over HTTP: what came in over time, how long it took, and why rows were refused."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response
from numpy.typing import NDArray

from app.contract.flow_answers import FlowAnswer
from app.contract.operations import operation
from app.contract.queries import FlowQuery
from app.contract.responses import json_response
from app.services import services
from database.delivery.flow import FLOW_COUNTERS, Flow, flow
from database.delivery.rejections import top_rejections
from database.engine import reading
from solar.durations import LATENCY, PROCESSING
from solar.time import to_datetime

blueprint = Blueprint("flow", __name__)

PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
MOST_REFUSALS = 50


@blueprint.get("/flow")
@operation("What came in over time, and how long it took", scope="read", query=FlowQuery,
           answer=FlowAnswer)  # fmt: skip
def get_flow(query: FlowQuery) -> Response:
    window = query.window(services().clock())
    with reading(services().engine) as connection:
        found = flow(connection, window)
        refusals = top_rejections(connection, window, limit=MOST_REFUSALS)
    return json_response(
        {
            "bucket_seconds": found.bucket_seconds,
            "points": _points(found),
            "senders": {name: rows.tolist() for name, rows in found.rows_by_sender.items()},
            "rejections": [asdict(refusal) for refusal in refusals],
        }
    )


def _points(found: Flow) -> list[dict[str, Any]]:
    shares = list(PERCENTILES.values())
    processing = PROCESSING.quantiles(found.processing, shares) * 1000
    latency = LATENCY.quantiles(found.latency, shares)
    return [
        {
            "at": to_datetime(at),
            **{name: int(found.counts[name][place]) for name in FLOW_COUNTERS},
            "processing_ms": _percentiles(processing[place]),
            "latency_s": _percentiles(latency[place]),
        }
        for place, at in enumerate(found.start_at)
    ]


def _percentiles(values: NDArray[Any]) -> dict[str, float | None]:
    return {
        name: round(value, 3) if math.isfinite(value) else None
        for name, value in zip(PERCENTILES, values.tolist(), strict=True)
    }
