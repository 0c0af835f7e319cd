"""The files that the Lab's rows name: copied to another place by their hash, and checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection

import sqlalchemy as sa

from database.lab.file_store import FileStore
from database.schema.lab_tables import datasets, outputs, runs
from solar.errors import InvalidInputError, NotFoundError

_SHOWN = 3


def named_files(connection: sa.Connection) -> set[str]:
    """Return the hashes of the files of all data sets and runs that are not in the trash."""
    lists = sa.select(datasets.c.files).where(datasets.c.deleted_at.is_(None))
    made = (
        sa.select(outputs.c.sha256)
        .join(runs, runs.c.run_id == outputs.c.run_id)
        .where(runs.c.deleted_at.is_(None))
    )
    brought = connection.execute(lists).scalars().all()
    return {file["sha256"] for files in brought for file in json.loads(files)} | set(
        connection.execute(made).scalars()
    )


def copy_files(named: Collection[str], source: FileStore, target: FileStore) -> str:
    """Copy the files that `target` lacks, and say how many these were.

    Raises
    ------
    InvalidInputError
        When `source` lacks some, or has others under their names; the rest is copied.
    StoreFullError
        When `target` takes no more.
    """
    lacking = [sha256 for sha256 in named if not target.has(sha256)]
    copied = _each(lacking, lambda sha256: target.write(sha256, source.pieces(sha256)), "copied")
    return f"{copied}; {len(named) - len(lacking)} were there already"


def check_files(named: Collection[str], store: FileStore) -> str:
    """Read all files and compare each with its hash; raises InvalidInputError as `copy_files`."""
    return _each(named, store.check, "are whole")


def _each(named: Collection[str], work: Callable[[str], int], done: str) -> str:
    files = size = 0
    faults = []
    for sha256 in sorted(named):
        try:
            size += work(sha256)
            files += 1
        except (InvalidInputError, NotFoundError) as error:
            # One file that is lost holds up none of the others.
            faults.append(f"{sha256}: {error}")
    told = f"{files} files {done}, {size:,} bytes"
    if faults:
        shown = "; ".join(faults[:_SHOWN]) + ("; …" if len(faults) > _SHOWN else "")
        raise InvalidInputError(f"{told}; {len(faults)} are lost: {shown}")
    return told
