"""Lists of runs: those that somebody sees and asks for, in an order, page by page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from database.lab.ownership import visible_to
from database.lab.runs import STATES, Run, as_run
from database.people.principal import Principal
from database.schema.lab_tables import datasets, outputs, recipes, runs
from database.schema.people_tables import people

NUMBERS, TEXTS = ("ended", "state", "took", "bss"), ("name", "owner")
# No value lies beyond it: runs without a value stand last in both directions.
_BEYOND = 1e18
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RunFilter:
    """Which runs a list shows; empty fields choose all.

    `text` occurs in note, tags, reason, kind, or the name of recipe or owner; `recipe` in the
    document of the recipe; `least_bss` is an event and its Brier skill score at least.
    """

    experiment_id: str | None = None
    states: Sequence[str] = ()
    kind: str | None = None
    owner: str | None = None
    tag: str | None = None
    text: str = ""
    estimator: str | None = None
    recipe: str = ""
    least_bss: tuple[str, float] | None = None


@dataclass(frozen=True)
class RunOrder:
    """By what a list is sorted: `made`, one of NUMBERS or of TEXTS; `bss` is that of the event."""

    by: str = "made"
    event: str = "M1.0"
    is_up: bool = False


def list_runs(
    connection: sa.Connection, who: Principal, chosen: RunFilter, *, limit: int
) -> list[Run]:
    """Return runs that somebody may see, the newest first."""
    return [run for run, _ in placed_runs(connection, who, chosen, RunOrder(), limit=limit)]


def placed_runs(
    connection: sa.Connection,
    who: Principal,
    chosen: RunFilter,
    order: RunOrder,
    *,
    limit: int,
    after: tuple[Any, ...] | None = None,
) -> list[tuple[Run, tuple[Any, ...]]]:
    """Return runs that somebody may see in an order, each with its place in it.

    `after` is the place at which the page before ended.
    """
    keys: list[sa.ColumnElement[Any]] = [runs.c.run_id]
    if order.by != "made":
        keys.insert(0, _sorted_by(order, connection.dialect.name))
    # The rows are wide: only those of the page are read whole.
    query = (
        sa.select(runs.c.run_id, *keys)
        .where(visible_to(runs, who), runs.c.deleted_at.is_(None), *_conditions(chosen))
        .order_by(*(key.asc() if order.is_up else key.desc() for key in keys))
        .limit(limit)
    )
    if after is not None:
        query = query.where(_is_after(keys, after, is_up=order.is_up))
    places = {row[0]: tuple(row[1:]) for row in connection.execute(query)}
    whole = sa.select(runs).where(runs.c.run_id.in_(list(places)))
    found = {row.run_id: as_run(row) for row in connection.execute(whole)}
    return [(found[run_id], place) for run_id, place in places.items()]


def _is_after(
    keys: Sequence[sa.ColumnElement[Any]], place: Sequence[Any], *, is_up: bool
) -> sa.ColumnElement[bool]:
    """Compare the first key, and the later ones where it is equal."""
    (key, *others), (value, *rest) = keys, place
    is_beyond: sa.ColumnElement[bool] = key > value if is_up else key < value
    if not others:
        return is_beyond
    return sa.or_(is_beyond, sa.and_(key == value, _is_after(others, rest, is_up=is_up)))


def _sorted_by(order: RunOrder, dialect: str) -> sa.ColumnElement[Any]:
    c = runs.c
    if order.by == "name":
        return sa.func.lower(sa.func.coalesce(_recipe(recipes.c.name), c.kind))
    if order.by == "owner":
        return sa.func.lower(_owner_name())
    values: dict[str, sa.ColumnElement[Any]] = {
        "ended": _seconds(sa.literal(_EPOCH, c.ended_at.type), c.ended_at, dialect),
        "took": _seconds(c.started_at, c.ended_at, dialect),
        "state": sa.case({state: i for i, state in enumerate(STATES)}, value=c.state),
        "bss": _bss(order.event),
    }
    missing: sa.ColumnElement[float] = sa.literal(_BEYOND if order.is_up else -_BEYOND, sa.Double())
    return sa.func.coalesce(values[order.by], missing, type_=sa.Double)


def _seconds(
    start: sa.ColumnElement[Any], end: sa.ColumnElement[Any], dialect: str
) -> sa.ColumnElement[Any]:
    """Return the time between two [s], null where one of them is."""
    if dialect == "sqlite":
        return (sa.func.julianday(end) - sa.func.julianday(start)) * 86_400.0
    return sa.func.timestampdiff(sa.text("MICROSECOND"), start, end) / 1e6


def _bss(event: str) -> sa.ColumnElement[Any]:
    """Return the Brier skill score of an event, null where there is none."""
    told = sa.func.json_extract(runs.c.headline, f'$."{event}".bss')
    # MariaDB gives text, of a null too.
    return sa.func.nullif(told, "null", type_=sa.Double) + sa.literal(0.0, sa.Double())


def _recipe(column: sa.ColumnElement[str]) -> sa.ScalarSelect[str]:
    is_its = recipes.c.recipe_id == runs.c.recipe_id
    return sa.select(column).where(is_its).scalar_subquery()


def _owner_name() -> sa.ColumnElement[str]:
    is_its = people.c.person_id == runs.c.owner
    name = sa.select(people.c.display_name).where(is_its).scalar_subquery()
    return sa.func.coalesce(name, runs.c.owner)


def _conditions(chosen: RunFilter) -> list[sa.ColumnElement[bool]]:
    c = runs.c
    given = {name: getattr(chosen, name) for name in ("experiment_id", "kind", "owner")}
    conditions = [c[name] == value for name, value in given.items() if value is not None]
    if chosen.states:
        conditions.append(c.state.in_(list(chosen.states)))
    if chosen.tag is not None:
        conditions.append(c.tags.contains(json.dumps(chosen.tag), autoescape=True))
    if chosen.estimator is not None:
        needed = json.dumps(f"estimator:{chosen.estimator}")
        conditions.append(c.needs.contains(needed, autoescape=True))
    if chosen.text:
        texts = [c.note, c.tags, c.reason, _recipe(recipes.c.name), _owner_name()]
        # MariaDB refuses to compare an identifier, which is ASCII, with anything else.
        texts += [c.kind] if chosen.text.isascii() else []
        # Without the case; SQLite minds that of letters beyond ASCII.
        conditions.append(sa.or_(*(one.contains(chosen.text, autoescape=True) for one in texts)))
    if chosen.recipe:
        # By its bytes: with a collation MariaDB takes several times as long.
        document = sa.cast(_recipe(recipes.c.document), sa.LargeBinary)
        conditions.append(sa.func.instr(document, chosen.recipe.encode()) > 0)
    if chosen.least_bss is not None:
        event, least = chosen.least_bss
        conditions.append(_bss(event) >= least)
    return conditions


def stored_bytes(connection: sa.Connection, run_ids: Iterable[str]) -> dict[str, int]:
    """Return how many bytes the files of runs have; a run without files is left out."""
    query = (
        sa.select(outputs.c.run_id, sa.func.sum(outputs.c.bytes))
        .where(outputs.c.run_id.in_(list(run_ids)))
        .group_by(outputs.c.run_id)
    )
    return {run_id: int(size) for run_id, size in connection.execute(query)}


def first_run(connection: sa.Connection, who: Principal, experiment_id: str) -> Run | None:
    """Return the run of an experiment with the lowest number, of those that somebody may see."""
    is_its = sa.and_(runs.c.experiment_id == experiment_id, runs.c.deleted_at.is_(None))
    query = sa.select(runs).where(is_its, visible_to(runs, who)).order_by(runs.c.number).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else as_run(row)


def dataset_labels(
    connection: sa.Connection, who: Principal, dataset_ids: Iterable[str]
) -> dict[str, str]:
    """Return name and version of data sets, of those that somebody may see."""
    c = datasets.c
    query = sa.select(c.dataset_id, c.name, c.version).where(
        c.dataset_id.in_(list(dataset_ids)), visible_to(datasets, who)
    )
    return {key: f"{name} v{version}" for key, name, version in connection.execute(query)}
