"""Outcomes: what became of the rows of a request, and why rows were rejected."""

from __future__ import annotations

import re
import time
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
import sqlalchemy as sa

from app.contract.problems import Fault, Rejection, printable
from app.contract.schemas import Observation, ObservationsEnvelope
from app.ingest.conflict_resolution import ConflictResolution
from app.ingest.ingest_request import IngestRequest
from database.delivery.rejections import RejectionCause, record_rejections
from database.delivery.row_outcomes import REJECTED, RowOutcomes
from database.delivery.senders import Delivery, record_deliveries
from solar.columns import Integers, Times
from solar.sharp import BY_NAME

WHOLE = "(whole request)"
UNKNOWN = "(unknown field)"

_LONGEST_REASON = 160
_LONGEST_EXAMPLE = 255
_INDEX = re.compile(r"\[\d+\]")
_VALUE = re.compile(r"'[^']*'|\"[^\"]*\"|0x[0-9a-f]+|[-+]?\d[\d.,e+:TZ-]*")
_PATHS = frozenset(
    (
        *Observation.model_fields,
        *ObservationsEnvelope.model_fields,
        "observations",
        "sequence",
        *(f"sender.{name}" for name in ("id", "sequence", "sent", "spooled")),
        *(f"keywords.{name}" for name in BY_NAME),
    )
)


def outcomes_by_request(
    requests: Sequence[IngestRequest],
    resolution: ConflictResolution,
    *,
    times: Times,
    newest_before: Times,
    issued_at: Times,
    predictions: Sequence[int],
) -> list[RowOutcomes]:
    """Return the outcomes of each request, row by row in its order.

    Parameters
    ----------
    times : (n,) of the rows of all batches, one after the other
    newest_before : (n,) the newest record that the region of each row had before, NaT without one
    issued_at : (n,) when the forecast of each row was issued, or would be
    predictions : how many forecasts there are for each request
    """
    is_late = times < newest_before
    latency = (issued_at - times) / np.timedelta64(1, "s")
    found, start, ended = [], 0, time.perf_counter()
    for request, issued in zip(requests, predictions, strict=True):
        rows, index = slice(start, start + len(request.batch)), request.batch.index
        outcomes = np.full(len(request), REJECTED, np.int8)
        outcomes[index] = resolution.outcomes[rows]
        late, latencies = np.zeros(len(request), bool), np.full(len(request), np.nan)
        late[index], latencies[index] = is_late[rows], latency[rows]
        seconds = ended - request.began
        found.append(RowOutcomes(outcomes, late, latencies, predictions=issued, seconds=seconds))
        start = rows.stop
    return found


def newest_of_rows(region_ids: Integers, newest: Mapping[int, datetime]) -> Times:
    """Return the time of the newest record of each row's region, NaT without one."""
    distinct, of_row = np.unique(region_ids, return_inverse=True)
    known = [newest.get(region_id) for region_id in distinct.tolist()]
    times = [None if at is None else at.replace(tzinfo=None) for at in known]
    return np.array(times, "datetime64[us]")[of_row]


def record_outcomes(
    connection: sa.Connection,
    requests: Sequence[IngestRequest],
    outcomes: Sequence[RowOutcomes],
    *,
    now: datetime,
    in_order: bool = True,
) -> None:
    """Count the outcomes, after all other writes: the requests of one sender wait here."""
    deliveries = [
        Delivery(
            request.sender.id,
            of_request,
            sequence=request.sender.sequence,
            sent=request.sender.sent,
            spooled=request.sender.spooled,
        )
        for request, of_request in zip(requests, outcomes, strict=True)
    ]
    record_deliveries(connection, deliveries, now=now, in_order=in_order)
    causes = [
        cause
        for request in requests
        if request.rejected
        for cause in causes_of_rows(request.rejected, request.sender.id)
    ]
    record_rejections(connection, causes, now=now)


def causes_of_rows(rejected: Sequence[Rejection], sender_id: str) -> list[RejectionCause]:
    """Count rejected rows by their first fault, so that the causes add up to the rows.

    A cause leaves out the values that differ from row to row.
    """
    return _counted((rejection.faults[0] for rejection in rejected), sender_id)


def causes_of_request(detail: str, faults: Sequence[Fault], sender_id: str) -> list[RejectionCause]:
    """Return why a request was refused before its rows were looked at."""
    return _counted(faults[:1] or [Fault(WHOLE, detail)], sender_id)


def _counted(faults: Iterable[Fault], sender_id: str) -> list[RejectionCause]:
    alike: dict[tuple[str, str], list[Fault]] = defaultdict(list)
    for fault in faults:
        alike[_field(fault.path), _reason(fault.message)].append(fault)
    return [
        RejectionCause(path, reason, len(same), _example(same[-1]), sender_id)
        for (path, reason), same in alike.items()
    ]


def _field(path: str) -> str:
    """Leave out the index of the row; all names that senders make up are one unknown field."""
    field = _INDEX.sub("", path).removeprefix("observations.")
    return field if field in _PATHS or field == WHOLE else UNKNOWN if field else WHOLE


def _reason(message: str) -> str:
    # The unit G² m⁻¹ is written G2 m-1; the column compares by bytes and holds nothing else.
    plain = unicodedata.normalize("NFKD", _VALUE.sub("~", message))
    return plain.encode("ascii", "ignore").decode()[:_LONGEST_REASON]


def _example(fault: Fault) -> str:
    text = printable(f"{fault.path}: {fault.message}" if fault.path else fault.message)
    return text[:_LONGEST_EXAMPLE]
