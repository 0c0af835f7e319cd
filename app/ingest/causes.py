"""Causes: why rows of a request were refused, without the values that differ from row to row."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

from app.contract.problems import Fault, printable
from app.contract.schemas import Envelope, Observation
from app.ingest.batch import Rejection
from database.delivery.rejections import RejectionCause
from solar.sharp import BY_NAME

WHOLE = "(whole request)"
UNKNOWN = "(unknown field)"

_LONGEST_REASON = 160
_LONGEST_EXAMPLE = 255
_INDEX = re.compile(r"\[\d+\]")
_VALUE = re.compile(r"'[^']*'|\"[^\"]*\"|0x[0-9a-f]+|[-+]?\d[\d.,e+:TZ-]*")
_PATHS = frozenset(
    (*Observation.model_fields, *Envelope.model_fields, "observations", "sequence",
     *(f"sender.{name}" for name in ("id", "sequence", "sent", "spooled")),
     *(f"keywords.{name}" for name in BY_NAME))
)  # fmt: skip


def causes_of_rows(rejected: Sequence[Rejection]) -> list[RejectionCause]:
    """Sum up refused rows by the first fault of each, so that the causes add up to the rows."""
    return _summed(rejection.faults[0] for rejection in rejected)


def causes_of_request(detail: str, faults: Sequence[Fault]) -> list[RejectionCause]:
    """Say why a request was refused before its rows were looked at."""
    return _summed(faults[:1] or [Fault(WHOLE, detail)])


def _summed(faults: Iterable[Fault]) -> list[RejectionCause]:
    alike: dict[tuple[str, str], list[Fault]] = defaultdict(list)
    for fault in faults:
        alike[_place(fault.path), _reason(fault.message)].append(fault)
    return [
        RejectionCause(path, reason, len(found), _example(found[-1]))
        for (path, reason), found in alike.items()
    ]


def _place(path: str) -> str:
    """Leave the index of the row out; a name that a sender made up is no place of its own."""
    place = _INDEX.sub("", path).removeprefix("observations.")
    return place if place in _PATHS or place == WHOLE else UNKNOWN if place else WHOLE


def _reason(message: str) -> str:
    # The unit G² m⁻¹ is written G2 m-1; the column compares by bytes and holds nothing else.
    plain = unicodedata.normalize("NFKD", _VALUE.sub("~", message))
    return plain.encode("ascii", "ignore").decode()[:_LONGEST_REASON]


def _example(fault: Fault) -> str:
    return printable(f"{fault.path}: {fault.message}" if fault.path else fault.message)[
        :_LONGEST_EXAMPLE
    ]
