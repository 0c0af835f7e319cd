"""Data sets: files that people brought or runs made, and how they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.engine import store_time
from database.lab.experiments import ensure_experiment
from database.lab.ownership import (
    PRIVATE,
    VISIBILITIES,
    ListFilter,
    find_visible,
    newest_visible,
    refuse_others,
)
from database.lab.runs import (
    CANCELLED,
    DRAFT,
    SUCCEEDED,
    UNDER_WAY,
    NewRun,
    Run,
    add_run,
    as_run,
    start_run,
)
from database.people.audit import record
from database.people.principal import PROGRAM, Principal
from database.schema.lab_tables import LONGEST_NAME, datasets, experiments, runs
from solar.errors import ConflictError, InvalidInputError
from solar.identifiers import new_id

CHECKING, ASKS, READY, REFUSED = "checking", "asks", "ready", "refused"
DESCRIBE = "describe"
MOST_FILES = 1000
# Where the runs are that look into new data sets.
EXPERIMENT, _ABOUT = "Data sets", "Runs that look into new data sets"
_DESCRIBE_SECONDS = 1800
_LONGEST_REASON = 500
MOST_BYTES_OF_NAME = 200
_NOUN = "data set"
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


@dataclass(frozen=True)
class NewDataset:
    """What a data set is made of; `parent` and `made_by_run` say from what, and by what."""

    name: str
    files: Sequence[DataFile]
    description: str = ""
    licence: str = ""
    parent: str | None = None
    made_by_run: str | None = None


@dataclass(frozen=True)
class DatasetFilter(ListFilter):
    """Which data sets a list shows; empty fields choose all."""

    state: str | None = None


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


def check_dataset_name(name: str) -> str:
    """Return a name without spaces around it; in a run it is the name of a folder.

    Raises
    ------
    InvalidInputError
        When no folder can have it.
    """
    text = name.strip()
    is_short = 0 < len(text) <= LONGEST_NAME and len(text.encode(errors="replace")) <= (
        MOST_BYTES_OF_NAME
    )
    if not is_short or not text.isprintable() or text.startswith(".") or set(text) & set("/\\"):
        raise InvalidInputError(
            f"a data set's name has 1 to {LONGEST_NAME} printable characters, no slash, and no full"
            " stop at its beginning"
        )
    return text


def add_dataset(
    connection: sa.Connection, who: Principal, new: NewDataset, *, now: datetime
) -> Dataset:
    """Store a data set that is to be described, as the next version of its name."""
    dataset_id, name = new_id(now), check_dataset_name(new.name)
    values = vars(new) | {
        "dataset_id": dataset_id,
        "owner": who.owner,
        "name": name,
        "version": 0,
        "visibility": PRIVATE,
        "state": CHECKING,
        "files": json.dumps([asdict(file) for file in new.files]),
        "created_at": now,
    }
    connection.execute(datasets.insert().values(values))
    _set(connection, dataset_id, version=_newest_version(connection, who, name) + 1)
    dataset = _read(connection, dataset_id)
    after = {"name": name, "version": dataset.version, "files": len(dataset.files)}
    record(connection, who, "created", _NOUN, dataset.dataset_id, after=after, now=now)
    _describe(connection, who, dataset, {})
    return dataset


def _newest_version(connection: sa.Connection, who: Principal, name: str) -> int:
    """Return the version of a name that was given last.

    The row of the next one is there already: of two that are made at a time, one waits for the
    other, or is made again.
    """
    is_named = sa.and_(datasets.c.owner == who.owner, datasets.c.name == name)
    query = sa.select(datasets.c.name, datasets.c.version).where(is_named).with_for_update()
    # MySQL takes names for equal that differ in their capitals.
    newest: int = max(version for known, version in connection.execute(query) if known == name)
    return newest


def _read(connection: sa.Connection, dataset_id: str) -> Dataset:
    (dataset,) = read_datasets(connection, [dataset_id])
    return dataset


def _describe(
    connection: sa.Connection, who: Principal, dataset: Dataset, parameters: Mapping[str, Any]
) -> Run:
    """Queue the run that looks into a data set, by the clock by which runs are judged."""
    now = store_time(connection)
    content = [DESCRIBE, [file.sha256 for file in dataset.files], dict(parameters)]
    new = NewRun(
        experiment_id=ensure_experiment(connection, who, EXPERIMENT, description=_ABOUT, now=now),
        kind=DESCRIBE,
        queue="cpu",
        fingerprint=hashlib.sha256(json.dumps(content).encode()).hexdigest(),
        time_limit_s=_DESCRIBE_SECONDS,
        dataset_ids=[dataset.dataset_id],
        parameters=parameters,
        needs=[DESCRIBE],
    )
    return start_run(connection, who, add_run(connection, who, new, now=now).run_id, now=now)


def finish_description(
    connection: sa.Connection, run: Run, result: Mapping[str, Any] | None, *, now: datetime
) -> None:
    """Bring the data set of a describe run into the state that follows from that of the run.

    It is ready, asks, or is refused with a reason: that of `result` (layout, breakdown, question,
    rows, reason), or that of a run which found nothing. Of a run that was queued again it is
    looked into once more.
    """
    if run.kind != DESCRIBE:
        return
    is_its = datasets.c.dataset_id.in_(run.dataset_ids)
    if run.state in UNDER_WAY:
        refused = datasets.update().where(is_its, datasets.c.state == REFUSED)
        connection.execute(refused.values(state=CHECKING, reason=None))
        return
    found = dict(result or {}) if run.state == SUCCEEDED else {}
    reason = found.get("reason")
    if not found:
        is_cancelled = run.state == CANCELLED
        reason = "looking into it was cancelled; look again" if is_cancelled else run.reason
        reason = reason or f"the run that looked into it is {run.state}; look again"
    is_asked = not reason and found.get("question") is not None
    state = REFUSED if reason else ASKS if is_asked else READY
    parts = {name: found.get(name) for name in ("layout", "question", "breakdown")}
    values = {name: None if part is None else json.dumps(part) for name, part in parts.items()}
    values |= {"state": state, "rows": found.get("rows")}
    values["reason"] = (reason or "")[:_LONGEST_REASON] or None
    is_open = datasets.c.state.in_((CHECKING, REFUSED))
    for dataset_id in run.dataset_ids:
        change = datasets.update().where(is_open, datasets.c.dataset_id == dataset_id)
        if connection.execute(change.values(values)).rowcount:
            record(connection, PROGRAM, state, _NOUN, dataset_id, after=reason, now=now)


def find_dataset(connection: sa.Connection, who: Principal, dataset_id: str) -> Dataset:
    """Return a data set that somebody may see; raises NotFoundError."""
    return as_dataset(find_visible(connection, who, datasets, dataset_id, noun=_NOUN))


def list_datasets(
    connection: sa.Connection,
    who: Principal,
    chosen: DatasetFilter,
    *,
    limit: int,
    before: str | None = None,
) -> list[Dataset]:
    """Return data sets that somebody may see, without their break-downs, the newest first."""
    texts = ("name", "description")
    query = newest_visible(datasets, who, chosen, texts, limit=limit, before=before)
    if chosen.state is not None:
        query = query.where(datasets.c.state == chosen.state)
    columns: list[Any] = [column for column in datasets.c if column.name != "breakdown"]
    listed: sa.Select[Any] = query.with_only_columns(*columns, sa.null().label("breakdown"))
    return [as_dataset(row) for row in connection.execute(listed)]


def change_dataset(
    connection: sa.Connection,
    who: Principal,
    dataset_id: str,
    changes: Mapping[str, Any],
    *,
    now: datetime,
) -> Dataset:
    """Change description, licence or visibility; the content of a data set never changes."""
    dataset = _own(connection, who, dataset_id)
    if changes.get("visibility", PRIVATE) not in VISIBILITIES:
        raise InvalidInputError(f"visibility is {' or '.join(VISIBILITIES)}")
    before = {name: getattr(dataset, name) for name in changes}
    if before != dict(changes):
        _set(connection, dataset_id, **changes)
        after = dict(changes)
        record(connection, who, "changed", _NOUN, dataset_id, before=before, after=after, now=now)
    return _read(connection, dataset_id)


def answer_question(
    connection: sa.Connection, who: Principal, dataset_id: str, value: str | None, *, now: datetime
) -> Dataset:
    """Answer what a data set asks; it is described again with the answer.

    None is no answer of those to choose from: the data set is refused.

    Raises
    ------
    ConflictError
        When it asks nothing.
    InvalidInputError
        When the value is none of the answers to choose from.
    """
    dataset = _own(connection, who, dataset_id)
    if dataset.state != ASKS or dataset.question is None:
        raise ConflictError(f"the data set is {dataset.state} and asks nothing")
    known = [str(answer["value"]) for answer in dataset.question["answers"]]
    if value is not None and value not in known:
        raise InvalidInputError(f"no answer {value[:40]!r}; choose from {', '.join(known)}")
    is_still = sa.and_(datasets.c.dataset_id == dataset_id, datasets.c.state == ASKS)
    values = {"state": CHECKING, "answer": value}
    if value is None:
        text, hint = dataset.question["text"], dataset.question.get("message", "")
        reason = f"its owner took none of the answers to: {text}. {hint}"
        values = {"state": REFUSED, "reason": reason[:_LONGEST_REASON]}
    if connection.execute(datasets.update().where(is_still).values(values)).rowcount == 0:
        raise ConflictError("somebody else has just answered; look again")
    record(connection, who, "answered", _NOUN, dataset_id, after=value, now=now)
    if value is not None:
        _describe(connection, who, dataset, {"answer": value})
    return _read(connection, dataset_id)


def delete_dataset(
    connection: sa.Connection, who: Principal, dataset_id: str, *, now: datetime
) -> Dataset:
    """Put a data set into the trash.

    Raises
    ------
    ConflictError
        While runs that have begun name it; the message lists them.
    """
    dataset = _own(connection, who, dataset_id)
    users = _users(connection, who, dataset_id)
    if users:
        raise ConflictError(f"the data set is used by {users}; delete these first")
    _set(connection, dataset_id, deleted_at=now)
    record(connection, who, "deleted", _NOUN, dataset_id, before=dataset.name, now=now)
    return dataset


def _users(connection: sa.Connection, who: Principal, dataset_id: str) -> str:
    """List the runs that read a data set and are no drafts; those of others are counted."""
    query = (
        sa.select(runs, experiments.c.name.label("experiment"))
        .join(experiments, experiments.c.experiment_id == runs.c.experiment_id)
        .where(runs.c.dataset_ids.contains(dataset_id, autoescape=True))
        .where(runs.c.kind != DESCRIBE, runs.c.state != DRAFT, runs.c.deleted_at.is_(None))
    )
    rows = connection.execute(query.order_by(runs.c.run_id)).all()
    own = [row for row in rows if row.owner == who.owner]
    parts = [f"{row.experiment} #{row.number} ({row.kind}, {row.state})" for row in own[:10]]
    more = len(own) - len(parts)
    parts += [f"{more} more of your runs"] if more > 0 else []
    others = len(rows) - len(own)
    parts += [f"{others} run{'s' if others > 1 else ''} of others"] if others else []
    return ", ".join(parts)


def describing_run(connection: sa.Connection, dataset: Dataset) -> Run | None:
    """Return the run that looks, or has looked, into a data set."""
    is_its = runs.c.dataset_ids == json.dumps([dataset.dataset_id])
    query = sa.select(runs).where(is_its, runs.c.owner == dataset.owner, runs.c.kind == DESCRIBE)
    row = connection.execute(query.order_by(runs.c.run_id.desc()).limit(1)).one_or_none()
    return None if row is None else as_run(row)


def _own(connection: sa.Connection, who: Principal, dataset_id: str) -> Dataset:
    dataset = find_dataset(connection, who, dataset_id)
    refuse_others(who, dataset.owner, noun=_NOUN)
    return dataset


def _set(connection: sa.Connection, dataset_id: str, **values: Any) -> None:
    connection.execute(datasets.update().where(datasets.c.dataset_id == dataset_id).values(values))
