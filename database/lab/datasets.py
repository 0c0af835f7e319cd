"""Data sets: files that people brought or runs made, and how they are read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.schema.lab_tables import datasets

_JSON = ("files", "layout", "question", "breakdown")


@dataclass(frozen=True)
class DataFile:
    """A file of a data set: its name, and the hash and size of its content."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Dataset:
    """A data set as the store has it."""

    dataset_id: str
    owner: str
    name: str
    version: int
    visibility: str
    state: str
    description: str
    licence: str
    files: tuple[DataFile, ...]
    layout: dict[str, Any] | None
    question: dict[str, Any] | None
    answer: str | None
    breakdown: dict[str, Any] | None
    reason: str | None
    parent: str | None
    made_by_run: str | None
    rows: int | None
    created_at: datetime
    deleted_at: datetime | None


def as_dataset(row: sa.Row[Any]) -> Dataset:
    """Return a data set from its row."""
    values = dict(row._mapping)
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    values["files"] = tuple(DataFile(**file) for file in values["files"])
    return Dataset(**values)


def read_datasets(connection: sa.Connection, dataset_ids: Sequence[str]) -> list[Dataset]:
    """Return data sets for the program itself, in the order of the ids."""
    query = sa.select(datasets).where(datasets.c.dataset_id.in_(list(dataset_ids)))
    found = {row.dataset_id: as_dataset(row) for row in connection.execute(query)}
    return [found[one] for one in dataset_ids if one in found]
