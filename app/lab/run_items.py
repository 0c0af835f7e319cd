"""Runs as the API shows them: what of a run somebody sees, may do, and what it waits for."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.contract.lab_answers import RunItem
from database.lab.attempts import used_by
from database.lab.ownership import SHARED
from database.lab.recipes import recipe_names
from database.lab.run_lists import stored_bytes
from database.lab.runs import DRAFT, LOST, QUEUED, RESTARTABLE, UNDER_WAY, Run, runs_like
from database.lab.workers import (
    AWAY,
    CPU,
    READY,
    Worker,
    list_workers,
    places,
    runs_in_slots,
    waiting_runs,
)
from database.people.people import display_names
from database.people.principal import LAB, OPERATE, Principal

_LONGEST_TEXT = 200
_MOST_LIKE = 10
# What a list has of a run besides what is looked up.
_FIELDS = tuple(name for name in RunItem.model_fields if name in Run.__dataclass_fields__)
# Of a run that is private to somebody else.
_HIDDEN: dict[str, Any] = {
    **dict.fromkeys(("experiment_id", "recipe_id", "doing", "headline", "reason")),
    "tags": [],
    "note": "",
    "name": "",
}


@dataclass(frozen=True)
class Surroundings:
    """What the items of one answer need besides their runs."""

    owners: dict[str, str]
    recipes: dict[str, str]
    workers: dict[str, Worker]
    places: dict[str, int]
    sizes: dict[str, int]


def look_round(connection: sa.Connection, shown: Collection[Run], *, now: datetime) -> Surroundings:
    """Read what some runs need to be shown, in a query each."""
    is_any_queued = any(run.state == QUEUED for run in shown)
    workers = list_workers(connection, now=now)
    return Surroundings(
        owners=owner_names(connection, (run.owner for run in shown)),
        recipes=recipe_names(connection, (run.recipe_id for run in shown if run.recipe_id)),
        workers={worker.worker_id: worker for worker in workers},
        places=places(connection) if is_any_queued else {},
        sizes=stored_bytes(connection, (run.run_id for run in shown)),
    )


def owner_names(connection: sa.Connection, owners: Iterable[str]) -> dict[str, str]:
    """Return the names that owners are shown with: of people, keys, and this machine."""
    ids = set(owners)
    names = {owner: owner.partition(" ")[2] or owner for owner in ids}
    return names | display_names(connection, ids)


def run_items(
    connection: sa.Connection, who: Principal, shown: Sequence[Run], *, now: datetime
) -> list[dict[str, Any]]:
    """Return runs as lists show them."""
    around = look_round(connection, shown, now=now)
    return [_item(who, run, around) for run in shown]


def run_detail(
    connection: sa.Connection, who: Principal, run: Run, *, now: datetime
) -> dict[str, Any]:
    """Return a run with all that its result depends on."""
    around = look_round(connection, [run], now=now)
    item = _item(who, run, around) | {"needs": run.needs, "time_limit_s": run.time_limit_s}
    if not is_visible(who, run):
        return item | {"datasets": [], "parameters": {}, "fingerprint": "", "same_as": []}
    alike = runs_like(connection, who, run.fingerprint, but=run.run_id, limit=_MOST_LIKE)
    return item | {
        "note": run.note,
        "reason": _reason(run, around),
        "datasets": run.dataset_ids,
        "parameters": run.parameters,
        "fingerprint": run.fingerprint,
        "same_as": [one.run_id for one in alike],
    }


def _item(who: Principal, run: Run, around: Surroundings) -> dict[str, Any]:
    worker = around.workers.get(run.worker_id or "")
    host = None if worker is None else worker.host
    reason = _reason(run, around)
    item = {name: getattr(run, name) for name in _FIELDS} | {
        "owner": {"id": run.owner, "name": around.owners[run.owner]},
        "name": around.recipes.get(run.recipe_id or "", run.kind),
        "note": run.note[:_LONGEST_TEXT],
        "reason": None if reason is None else reason[:_LONGEST_TEXT],
        "worker": None if run.worker_id is None else {"id": run.worker_id, "host": host},
        "position": around.places.get(run.run_id) if run.state == QUEUED else None,
        "bytes": around.sizes.get(run.run_id, 0),
        "differs": None,
        "actions": actions(run, who),
    }
    return item if is_visible(who, run) else item | _HIDDEN


def _reason(run: Run, around: Surroundings) -> str | None:
    if run.state != QUEUED:
        return run.reason
    return waits_for(run.queue, run.needs, around.workers.values())


def is_visible(who: Principal, run: Run) -> bool:
    """Tell whether somebody sees all of a run."""
    return who.sees_all or run.owner == who.owner or run.visibility == SHARED


def actions(run: Run, who: Principal) -> list[str]:
    """Return what somebody may do to a run in its state."""
    is_own = who.may(LAB) and (who.sees_all or run.owner == who.owner)
    is_stoppable = run.state in (*UNDER_WAY, LOST) and run.stop_asked_at is None
    possible = {
        "start": is_own and run.state == DRAFT,
        "stop": is_stoppable and (is_own or who.may(OPERATE)),
        "restart": is_own and run.state in RESTARTABLE,
        "clone": who.may(LAB) and is_visible(who, run),
        "change": is_own,
        "delete": is_own and run.state not in UNDER_WAY,
    }
    return [name for name, is_possible in possible.items() if is_possible]


def waits_for(queue: str, needs: Collection[str], workers: Iterable[Worker]) -> str | None:
    """Say what a run in a queue waits for; None where it is only its turn."""
    if not _hands_out_runs():
        return "this API hands out no runs: install flarewatch[lab]"
    of_queue = [worker for worker in workers if worker.serves(queue)]
    able = [worker for worker in of_queue if set(needs) <= set(worker.offers)]
    if any(worker.state == READY for worker in able):
        return None
    if able:
        return _waits_for_worker(able)
    present = [worker for worker in of_queue if worker.state != AWAY]
    if not present:
        advice = "start one: flarewatch work; in the demonstration: make demo LAB=1"
        return f"no worker for {queue} is there; {advice}"
    missing = min((set(needs) - set(worker.offers) for worker in present), key=len)
    named = ", ".join(sorted(need.partition(":")[2] or need for need in missing))
    return f"no worker offers {named}: install what it needs on a worker, and start it again"


@functools.cache
def _hands_out_runs() -> bool:
    """Tell whether this installation has what sends runs to workers."""
    return importlib.util.find_spec("celery") is not None


def _waits_for_worker(able: Sequence[Worker]) -> str:
    worker = max(able, key=lambda one: one.last_seen_at)
    if worker.state == AWAY:
        since = f"{worker.last_seen_at:%Y-%m-%d %H:%M} UTC"
        return f"waits for {worker.queue} of {worker.host}, away since {since}"
    return f"waits for {worker.queue} of {worker.host}, which is draining"


def why_no_gpu(queue: str, workers: Iterable[Worker]) -> str | None:
    """Say why no run can be queued: no worker that is there has the GPU that it asks for."""
    if queue == CPU or any(worker.serves(queue) and worker.state != AWAY for worker in workers):
        return None
    return f"no worker has {queue}; start one with --gpu, or choose the queue cpu"


def line_items(
    connection: sa.Connection, who: Principal, *, limit: int, now: datetime
) -> list[dict[str, Any]]:
    """Return what waits, the oldest first."""
    waiting = waiting_runs(connection, limit=limit)
    around = look_round(connection, waiting, now=now)
    return [
        _placed(who, run, around)
        | {
            "position": place,
            "queue": run.queue,
            "queued_at": run.queued_at,
            "waits_for": waits_for(run.queue, run.needs, around.workers.values()),
        }
        for place, run in enumerate(waiting, 1)
    ]


def worker_items(
    connection: sa.Connection, who: Principal, *, now: datetime
) -> list[dict[str, Any]]:
    """Return workers by host, each with the runs that it has."""
    sitting = runs_in_slots(connection)
    around = look_round(connection, sitting, now=now)
    used = used_by(connection, sitting)
    placed: dict[str | None, list[dict[str, Any]]] = {}
    for run in sitting:
        cpu_s, rss = used.get(run.run_id, (None, None))
        what = {"started_at": run.started_at, "cpu_s": cpu_s, "rss": rss}
        placed.setdefault(run.worker_id, []).append(_placed(who, run, around) | what)
    return [vars(one) | {"runs": placed.get(key, [])} for key, one in around.workers.items()]


def _placed(who: Principal, run: Run, around: Surroundings) -> dict[str, Any]:
    may_see = is_visible(who, run)
    return {
        # Whoever may stop it has to name it.
        "run_id": run.run_id if may_see or who.may(OPERATE) else None,
        "owner": {"id": run.owner, "name": around.owners[run.owner]},
        "kind": run.kind,
        "name": around.recipes.get(run.recipe_id or "", run.kind) if may_see else None,
        "number": run.number if may_see else None,
        "actions": actions(run, who),
    }
