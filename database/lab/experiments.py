"""Experiments: named groups of runs, open or archived."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.lab.ownership import (
    PRIVATE,
    ListFilter,
    find_visible,
    newest_visible,
    refuse_others,
    visible_to,
)
from database.lab.runs import UNDER_WAY
from database.people.audit import record
from database.people.principal import Principal
from database.schema.lab_tables import experiments, outputs, runs
from solar.errors import ConflictError
from solar.identifiers import new_id

_NOUN = "experiment"


@dataclass(frozen=True)
class Experiment:
    """An experiment as the store has it."""

    experiment_id: str
    owner: str
    name: str
    description: str
    tags: list[str]
    visibility: str
    created_at: datetime
    archived_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True)
class ExperimentFilter(ListFilter):
    """Which experiments a list shows; None chooses all."""

    is_archived: bool | None = None


def add_experiment(
    connection: sa.Connection,
    who: Principal,
    name: str,
    *,
    description: str = "",
    tags: Sequence[str] = (),
    visibility: str = PRIVATE,
    now: datetime,
) -> Experiment:
    """Store an experiment without runs."""
    row = Experiment(
        new_id(now), who.owner, name, description, list(tags), visibility, now, None, None
    )
    connection.execute(experiments.insert().values(vars(row) | {"tags": json.dumps(row.tags)}))
    record(connection, who, "created", _NOUN, row.experiment_id, after=name, now=now)
    return row


def ensure_experiment(
    connection: sa.Connection, who: Principal, name: str, *, description: str, now: datetime
) -> str:
    """Return the id of somebody's experiment of this name, made if there is none."""
    c = experiments.c
    is_it = sa.and_(c.owner == who.owner, c.name == name, c.deleted_at.is_(None))
    query = sa.select(c.experiment_id).where(is_it).with_for_update()
    known: str | None = connection.execute(query).scalars().first()
    if known is not None:
        return known
    return add_experiment(connection, who, name, description=description, now=now).experiment_id


def find_experiment(connection: sa.Connection, who: Principal, experiment_id: str) -> Experiment:
    """Return an experiment that somebody may see; raises NotFoundError."""
    return _as_experiment(find_visible(connection, who, experiments, experiment_id, noun=_NOUN))


def own_experiment(connection: sa.Connection, who: Principal, experiment_id: str) -> Experiment:
    """Return an experiment that somebody may change, which is locked until the transaction ends.

    Raises
    ------
    NotFoundError
        When there is none that they may see.
    NotAllowedError
        When it is shared with them for reading.
    """
    experiment = find_experiment(connection, who, experiment_id)
    refuse_others(who, experiment.owner, noun=_NOUN)
    is_it = experiments.c.experiment_id == experiment_id
    connection.execute(sa.select(experiments.c.name).where(is_it).with_for_update())
    return experiment


def list_experiments(
    connection: sa.Connection,
    who: Principal,
    chosen: ExperimentFilter,
    *,
    limit: int,
    before: str | None = None,
) -> list[Experiment]:
    """Return experiments that somebody may see, the newest first, made before `before`."""
    texts = ("name", "description", "tags")
    query = newest_visible(experiments, who, chosen, texts, limit=limit, before=before)
    if chosen.is_archived is not None:
        query = query.where(experiments.c.archived_at.is_not(None) == chosen.is_archived)
    return [_as_experiment(row) for row in connection.execute(query)]


def count_runs(
    connection: sa.Connection, who: Principal, experiment_ids: Iterable[str]
) -> dict[str, Counter[str]]:
    """Return for each experiment how many runs, of those that somebody may see, are in a state."""
    group = (runs.c.experiment_id, runs.c.state)
    is_theirs = runs.c.experiment_id.in_(list(experiment_ids))
    query = sa.select(*group, sa.func.count()).group_by(*group)
    query = query.where(is_theirs, runs.c.deleted_at.is_(None), visible_to(runs, who))
    counted: dict[str, Counter[str]] = {}
    for experiment_id, state, n in connection.execute(query):
        counted.setdefault(experiment_id, Counter())[state] = n
    return counted


def experiment_bytes(connection: sa.Connection, who: Principal, experiment_id: str) -> int:
    """Return the bytes of the files of an experiment's runs, of those that somebody may see.

    Raises NotFoundError for an experiment that somebody may not see.
    """
    experiment = find_experiment(connection, who, experiment_id)
    is_its = sa.and_(runs.c.experiment_id == experiment.experiment_id, runs.c.deleted_at.is_(None))
    query = sa.select(sa.func.sum(outputs.c.bytes)).join(runs, runs.c.run_id == outputs.c.run_id)
    return int(connection.execute(query.where(is_its, visible_to(runs, who))).scalar() or 0)


def change_experiment(
    connection: sa.Connection,
    who: Principal,
    experiment_id: str,
    changes: Mapping[str, Any],
    *,
    now: datetime,
) -> Experiment:
    """Change name, description, tags or visibility, or archive it (`is_archived`)."""
    experiment = own_experiment(connection, who, experiment_id)
    values = dict(changes)
    if "is_archived" in values:
        values["archived_at"] = (experiment.archived_at or now) if values["is_archived"] else None
        del values["is_archived"]
    before = {name: getattr(experiment, name) for name in values}
    if "tags" in values:
        values["tags"] = json.dumps(list(values["tags"]))
    if values:
        is_it = experiments.c.experiment_id == experiment_id
        connection.execute(experiments.update().where(is_it).values(values))
        after = dict(changes)
        record(
            connection, who, "changed", _NOUN, experiment_id, before=before, after=after, now=now
        )
    return find_experiment(connection, who, experiment_id)


def delete_experiment(
    connection: sa.Connection, who: Principal, experiment_id: str, *, now: datetime
) -> None:
    """Put an experiment and its runs into the trash, unless one of them is under way."""
    experiment = own_experiment(connection, who, experiment_id)
    is_its = sa.and_(runs.c.experiment_id == experiment_id, runs.c.deleted_at.is_(None))
    busy = sa.select(runs.c.number).where(is_its, runs.c.state.in_(UNDER_WAY))
    if numbers := sorted(connection.execute(busy).scalars()):
        named = ", ".join(str(number) for number in numbers[:10])
        raise ConflictError(f"runs of the experiment are under way: {named}; stop them first")
    connection.execute(runs.update().where(is_its).values(deleted_at=now))
    is_it = experiments.c.experiment_id == experiment_id
    connection.execute(experiments.update().where(is_it).values(deleted_at=now))
    record(connection, who, "deleted", _NOUN, experiment_id, before=experiment.name, now=now)


def _as_experiment(row: sa.Row[Any]) -> Experiment:
    values = dict(row._mapping)
    return Experiment(**values | {"tags": json.loads(values["tags"])})
