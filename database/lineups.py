"""Line-ups: which models serve, live and in the shadow, since when, and who changed it why.

The newest row is what every process serves. Rows are only added.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from database.clock.clock import read_clock
from database.models import find_model, move, serving
from database.people.principal import Principal
from database.schema.lifecycle_tables import lineups
from solar.errors import ConflictError, InvalidInputError
from solar.stages import Stage, Stages

RETIRED = "retired"
# Of people who change the line-up at the same moment each gets a number within so many tries.
_ATTEMPTS = 20
_LONGEST_WHY, _LONGEST_NAME = 500, 80


@dataclass(frozen=True)
class LineUp:
    """The models that serve since `at`, as ``name@version``.

    Parameters
    ----------
    number : 1 for the first line-up of the store, then rising by one
    by, why : who changed it, and why
    unaudited : model id -> why a model that was made elsewhere serves without a leak audit
    proposal_id : of the proposal that was accepted, None without one
    seed_sha256 : of the stage file, and what it names, that was applied; None for another change
    """

    number: int
    at: datetime
    by: str
    live: str
    shadow: tuple[str, ...]
    unaudited: dict[str, str]
    why: str
    proposal_id: str | None = None
    seed_sha256: str | None = None

    @property
    def stages(self) -> Stages:
        """The stages without who and when."""
        return Stages(live=self.live, shadow=self.shadow, unaudited=self.unaudited)

    @property
    def model_ids(self) -> tuple[str, ...]:
        """All models that serve, the live one first."""
        return (self.live, *self.shadow)


def current_lineup(connection: sa.Connection) -> LineUp | None:
    """Return the line-up that is served, None before the first."""
    newest = list_lineups(connection, limit=1)
    return newest[0] if newest else None


def list_lineups(
    connection: sa.Connection, *, limit: int, before: int | None = None
) -> list[LineUp]:
    """Return line-ups, of all or those before a number, the newest first."""
    query = sa.select(lineups).order_by(lineups.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(lineups.c.number < before)
    return [_line_up(row) for row in connection.execute(query)]


def previous_live(connection: sa.Connection) -> LineUp | None:
    """Return the newest line-up with another live model than the current one has, if any."""
    now = current_lineup(connection)
    if now is None:
        return None
    query = sa.select(lineups).where(lineups.c.live != now.live)
    row = connection.execute(query.order_by(lineups.c.number.desc()).limit(1)).first()
    return None if row is None else _line_up(row)


def change_stage(
    connection: sa.Connection,
    who: Principal,
    model_id: str,
    stage: Stage | str,
    *,
    why: str,
    unaudited: str | None = None,
    proposal_id: str | None = None,
    now: datetime,
) -> LineUp:
    """Move a registered model to live, shadow or retired, and return the new line-up.

    A live model that is replaced becomes a shadow. The line-up, the stages of the models and the
    audit are written in the transaction of `connection`; nothing judges here whether the model is
    good enough.

    Parameters
    ----------
    unaudited : why a model made elsewhere serves without a leak audit

    Raises
    ------
    NotFoundError
        When no such model is registered.
    ConflictError
        When it has that stage already, or is live and would leave nothing live.
    """
    find_model(connection, model_id)

    def moved(stages: Stages) -> Stages:
        _refuse_no_change(stages, model_id, stage)
        if stage == RETIRED:
            return stages.without(model_id)
        to: Stage = "live" if stage == "live" else "shadow"
        return stages.moved(model_id, to, unaudited=unaudited)

    return _change(connection, who, moved, why=why, proposal_id=proposal_id, now=now)


def _refuse_no_change(stages: Stages, model_id: str, stage: str) -> None:
    present = stages.stage_of(model_id)
    if present == stage:
        raise ConflictError(f"{model_id} is {stage} already")
    if present is None and stage == RETIRED:
        raise ConflictError(f"{model_id} does not serve; nothing to retire")
    if present == "live":
        raise ConflictError(f"{model_id} is live; let another model go live first")
    if stages.live is None and stage != "live":
        raise ConflictError(f"nothing is live yet; let {model_id} or another model go live first")


def roll_back(connection: sa.Connection, who: Principal, *, why: str, now: datetime) -> LineUp:
    """Let the model that was live before be live again, and return the new line-up.

    The present live model becomes a shadow. No gate judges, as the model has served before. Done
    twice, it is undone.

    Raises
    ------
    ConflictError
        When no other model was live before.
    """
    before = previous_live(connection)
    if before is None:
        raise ConflictError("no other model was live before; there is nothing to roll back to")
    model_id, reason = before.live, before.unaudited.get(before.live)

    def moved(stages: Stages) -> Stages:
        _refuse_no_change(stages, model_id, "live")
        return stages.moved(model_id, "live", unaudited=reason)

    return _change(connection, who, moved, why=why, now=now)


def apply_stage_file(
    connection: sa.Connection,
    who: Principal,
    stages: Stages,
    *,
    sha256: str,
    why: str,
    now: datetime,
) -> LineUp | None:
    """Let a stage file that no line-up came from be the new line-up; None for a known file.

    The stages of registered models are moved; the caller registers the others.

    Parameters
    ----------
    sha256 : of the file, and of the artefacts that it names

    Raises
    ------
    InvalidInputError
        When it names no live model.
    """
    if stages.live is None:
        raise InvalidInputError("the stage file names no live model; promote one")

    def replaced(_: Stages) -> Stages:
        # Asked at each try: another process may have applied it meanwhile.
        if knows_stage_file(connection, sha256):
            raise _KnownError
        return stages

    try:
        return _change(connection, who, replaced, why=why, seed_sha256=sha256, now=now)
    except _KnownError:
        return None


class _KnownError(Exception):
    """A line-up came from the stage file already."""


def knows_stage_file(connection: sa.Connection, sha256: str) -> bool:
    """Tell whether a line-up came from the stage file with this hash."""
    query = sa.select(lineups.c.number).where(lineups.c.seed_sha256 == sha256).limit(1)
    return connection.execute(query).first() is not None


def _change(
    connection: sa.Connection,
    who: Principal,
    moved: Callable[[Stages], Stages],
    *,
    why: str,
    proposal_id: str | None = None,
    seed_sha256: str | None = None,
    now: datetime,
) -> LineUp:
    line_up = _insert(
        connection,
        who,
        moved,
        why=why[:_LONGEST_WHY],
        proposal_id=proposal_id,
        seed_sha256=seed_sha256,
        now=now,
    )
    stages = line_up.stages
    # A live model leaves its place before another takes it.
    target = dict.fromkeys(serving(connection), RETIRED)
    target |= {model_id: str(stages.stage_of(model_id)) for model_id in line_up.shadow}
    target |= {line_up.live: "live"}
    move(connection, who, target, now=now, staged_at=read_clock(connection).now(now))
    return line_up


def _insert(
    connection: sa.Connection,
    who: Principal,
    moved: Callable[[Stages], Stages],
    **values: Any,
) -> LineUp:
    """Add a row under the next number; of two at once the second is made from the first's."""
    at = values.pop("now")
    for _ in range(_ATTEMPTS):
        before = current_lineup(connection)
        stages = moved(Stages() if before is None else before.stages)
        row = {
            "number": 1 if before is None else before.number + 1,
            "at": at,
            "by": who.name[:_LONGEST_NAME],
            "live": stages.live,
            "shadow": json.dumps(stages.shadow),
            "unaudited": json.dumps(stages.unaudited),
            **values,
        }
        try:
            with connection.begin_nested():
                connection.execute(lineups.insert().values(row))
        except IntegrityError:
            continue
        return _line_up(row)
    raise ConflictError("the line-up is being changed by others all the time; try again")


def _line_up(row: Any) -> LineUp:
    columns = row if isinstance(row, dict) else row._asdict()
    lists = {name: json.loads(columns[name]) for name in ("shadow", "unaudited")}
    return LineUp(**{**columns, "shadow": tuple(lists["shadow"]), "unaudited": lists["unaudited"]})
