"""Data sets that runs make: each of the outputs of one run, and it names what it was made of."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from database.lab.datasets import (
    MOST_BYTES_OF_NAME,
    DataFile,
    Dataset,
    NewDataset,
    add_dataset,
    as_dataset,
    read_datasets,
)
from database.lab.outputs import list_outputs
from database.lab.ownership import visible_to
from database.lab.runs import SUCCEEDED, Run
from database.people.principal import LAB, LAB_READ, PROGRAM, Principal
from database.schema.lab_tables import LONGEST_NAME, datasets

# Outputs under this folder become a data set.
_MADE = "data/"
_MADE_AS = {"process": "processed", "augment": "augmented"}
# What is added to a name may take so much of it.
_ADDED = 20


def make_child(connection: sa.Connection, run: Run, *, now: datetime) -> None:
    """Make a data set of the files under ``data/`` that a run which succeeded has left, once.

    It belongs to the owner of the run, and has the licence of the data set that it is made of.
    """
    made = [one for one in list_outputs(connection, run.run_id) if one.name.startswith(_MADE)]
    is_its = datasets.c.made_by_run == run.run_id
    is_there = sa.exists(sa.select(datasets.c.dataset_id).where(is_its)).select()
    if run.state != SUCCEEDED or not made or connection.execute(is_there).scalar():
        return
    parent = next(iter(read_datasets(connection, run.dataset_ids[:1])), None)
    files = [DataFile(one.name.removeprefix(_MADE), one.sha256, one.bytes) for one in made]
    new = NewDataset(
        run.parameters.get("name") or _child_name(run, parent),
        files,
        licence="" if parent is None else parent.licence,
        parent=None if parent is None else parent.dataset_id,
        made_by_run=run.run_id,
    )
    add_dataset(connection, _owner_of(run), new, now=now)


def _child_name(run: Run, parent: Dataset | None) -> str:
    if parent is None:
        return f"Store, {run.parameters['from'][:10]} to {run.parameters['to'][:10]}"
    # Shortened, so that what is added fits into a name.
    whole = parent.name.encode()[: MOST_BYTES_OF_NAME - _ADDED].decode(errors="ignore")
    return f"{whole[: LONGEST_NAME - _ADDED]}, {_MADE_AS.get(run.kind, run.kind)}"


def _owner_of(run: Run) -> Principal:
    """Return the principal to whom the objects of a run's owner belong."""
    via, _, name = run.owner.partition(" ")
    rights = frozenset({LAB, LAB_READ})
    if name:
        return Principal(name, via, rights)
    return Principal(PROGRAM.name, PROGRAM.via, rights, person_id=run.owner)


def list_children(
    connection: sa.Connection, who: Principal, dataset_id: str, *, limit: int
) -> list[Dataset]:
    """Return the data sets made of one that somebody may see, the oldest first."""
    is_child = sa.and_(datasets.c.parent == dataset_id, datasets.c.deleted_at.is_(None))
    query = sa.select(datasets).where(is_child, visible_to(datasets, who))
    ordered = query.order_by(datasets.c.dataset_id).limit(limit)
    return [as_dataset(row) for row in connection.execute(ordered)]


def list_parents(connection: sa.Connection, who: Principal, dataset: Dataset) -> list[Dataset]:
    """Return the data set that one is made of, none where somebody may not see it."""
    is_it = sa.and_(datasets.c.dataset_id == dataset.parent, datasets.c.deleted_at.is_(None))
    query = sa.select(datasets).where(is_it, visible_to(datasets, who))
    return [as_dataset(row) for row in connection.execute(query)]
