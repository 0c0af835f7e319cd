"""Outcomes: what became of the rows of a request, and why rows were rejected."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
import sqlalchemy as sa

from app.contract.problems import Fault, Rejection, printable
from app.contract.schemas import Observation, ObservationsEnvelope, Sender
from app.ingest.batch import Batch
from app.ingest.conflict_resolution import ConflictResolution
from database.delivery.rejections import RejectionCause, record_rejections
from database.delivery.row_outcomes import REJECTED, RowOutcomes
from database.delivery.senders import record_delivery
from solar.columns import Times
from solar.sharp import BY_NAME
from solar.time import to_datetime64

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


def ingest_receipt(
    batch: Batch,
    rejected: Sequence[Rejection],
    resolution: ConflictResolution,
    *,
    region_ids: Sequence[int],
    newest: Mapping[int, datetime],
    now: datetime,
    predictions: int,
    seconds: float,
) -> RowOutcomes:
    """Return the outcomes of a request, row by row in its order.

    Parameters
    ----------
    region_ids : the region of each row of the batch
    newest : the time of the newest record that a region had before; a new region has none
    predictions, seconds : how many forecasts there are, and how long the work took
    """
    n, index = len(batch) + len(rejected), batch.index
    outcomes = np.full(n, REJECTED, np.int8)
    outcomes[index] = resolution.outcomes
    is_late = np.zeros(n, bool)
    is_late[index] = batch.t_rec < _newest_before(region_ids, newest)
    latency = np.full(n, np.nan)
    latency[index] = (to_datetime64(now) - batch.t_rec) / np.timedelta64(1, "s")
    return RowOutcomes(outcomes, is_late, latency, predictions=predictions, seconds=seconds)


def _newest_before(region_ids: Sequence[int], newest: Mapping[int, datetime]) -> Times:
    """Return the time of the newest record of each row's region, NaT without one."""
    distinct, of_row = np.unique(np.array(region_ids, np.int64), return_inverse=True)
    known = [newest.get(region_id) for region_id in distinct.tolist()]
    times = [None if at is None else at.replace(tzinfo=None) for at in known]
    return np.array(times, "datetime64[us]")[of_row]


def record_outcomes(
    connection: sa.Connection,
    receipt: RowOutcomes,
    rejected: Sequence[Rejection],
    sender: Sender,
    now: datetime,
    *,
    in_order: bool = True,
) -> None:
    """Count the outcomes, after all other writes: the requests of one sender wait here."""
    count = {"sequence": sender.sequence, "sent": sender.sent, "spooled": sender.spooled}
    record_delivery(connection, sender.id, receipt, **count, now=now, in_order=in_order)
    record_rejections(connection, causes_of_rows(rejected), sender_id=sender.id, now=now)


def causes_of_rows(rejected: Sequence[Rejection]) -> list[RejectionCause]:
    """Count rejected rows by their first fault, so that the causes add up to the rows.

    A cause leaves out the values that differ from row to row.
    """
    return _counted(rejection.faults[0] for rejection in rejected)


def causes_of_request(detail: str, faults: Sequence[Fault]) -> list[RejectionCause]:
    """Return why a request was refused before its rows were looked at."""
    return _counted(faults[:1] or [Fault(WHOLE, detail)])


def _counted(faults: Iterable[Fault]) -> list[RejectionCause]:
    alike: dict[tuple[str, str], list[Fault]] = defaultdict(list)
    for fault in faults:
        alike[_field(fault.path), _reason(fault.message)].append(fault)
    return [
        RejectionCause(path, reason, len(same), _example(same[-1]))
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
