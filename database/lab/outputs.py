"""Outputs: the files that a run made, by name, with their content's hash."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from database.schema.lab_tables import LONGEST_FILE_NAME, outputs
from solar.errors import InvalidInputError, NotFoundError

# Of an output that another run reads, and of one that only another attempt needs.
MODEL, CHECKPOINT = "model", "checkpoint"
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_NAME = re.compile(rf"{_PART}(/{_PART})*")
_KIND = re.compile(r"[a-z]{1,16}")


@dataclass(frozen=True)
class Output:
    """A file that a run made."""

    run_id: str
    name: str
    kind: str
    sha256: str
    bytes: int
    attempt: int
    created_at: datetime


def check_output_name(name: str, kind: str) -> None:
    """Refuse a name that is no relative path of plain letters, or that leads out of the run."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST_FILE_NAME or not _KIND.fullmatch(kind):
        raise InvalidInputError(
            f"an output is named like report.html or checkpoints/final.pt, with at most"
            f" {LONGEST_FILE_NAME} letters, digits and ._-"
        )


def put_output(connection: sa.Connection, output: Output) -> None:
    """Store an output, in place of an earlier one of its name."""
    is_it = sa.and_(outputs.c.run_id == output.run_id, outputs.c.name == output.name)
    connection.execute(outputs.delete().where(is_it))
    connection.execute(outputs.insert().values(vars(output)))


def list_outputs(
    connection: sa.Connection, run_id: str, *, kind: str | None = None
) -> list[Output]:
    """Return the outputs of a run by name, of one kind or all but checkpoints."""
    query = sa.select(outputs).where(outputs.c.run_id == run_id).order_by(outputs.c.name)
    is_shown = outputs.c.kind != CHECKPOINT if kind is None else outputs.c.kind == kind
    return [Output(**row._mapping) for row in connection.execute(query.where(is_shown))]


def find_output(connection: sa.Connection, run_id: str, name: str) -> Output:
    """Return an output of a run; raises NotFoundError."""
    is_it = sa.and_(outputs.c.run_id == run_id, outputs.c.name == name)
    row = connection.execute(sa.select(outputs).where(is_it)).one_or_none()
    if row is None:
        raise NotFoundError("the run has no such output")
    return Output(**row._mapping)
