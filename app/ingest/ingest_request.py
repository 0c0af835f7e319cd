"""An ingest request: what one post brings, read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.contract.bodies import parse_json, read_model, take_rows
from app.contract.problems import Rejection
from app.contract.queries import IngestQuery
from app.contract.schemas import UNNAMED_SENDER, ObservationsEnvelope, Sender
from app.ingest import arrow_rows, json_rows
from app.ingest.batch import Batch
from app.ingest.validation import validate


@dataclass(frozen=True)
class IngestRequest:
    """One request: its rows that may be stored, those that may not, and what its sender says.

    `began` is when it came, on the clock of `time.perf_counter`.
    """

    batch: Batch
    rejected: Sequence[Rejection]
    sender: Sender
    began: float

    def __len__(self) -> int:
        return len(self.batch) + len(self.rejected)


def read_request(
    media_type: str, body: bytes, query: IngestQuery, *, now: datetime, began: float
) -> IngestRequest:
    """Read a body, which is an Arrow stream or else JSON; rows that may not be stored are rejected.

    Raises
    ------
    RequestError
        When nothing of it can be read.
    """
    if media_type == arrow_rows.MEDIA_TYPE:
        batch, rejected = arrow_rows.read_stream(body)
        sender = _sender_of(query)
    else:
        content = parse_json(body)
        rows = take_rows(content, json_rows.NAME)
        sender = read_model(ObservationsEnvelope, content).sender
        batch, rejected = json_rows.read_rows(rows)
    batch, refused = validate(batch, now=now)
    return IngestRequest(batch, [*rejected, *refused], sender, began)


def _sender_of(query: IngestQuery) -> Sender:
    sender_id = query.sender or UNNAMED_SENDER.id
    return Sender(id=sender_id, sequence=query.sequence, sent=query.sent, spooled=query.spooled)
