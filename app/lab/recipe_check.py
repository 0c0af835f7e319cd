"""The check of a recipe for its form: what is wrong, what follows, how long it would take."""

from __future__ import annotations

import statistics
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from app.contract.lab import WITHOUT_RECIPE, RecipeCheckBody
from app.contract.lab_answers import SameRun
from app.contract.problems import Fault, RequestError, fault_items
from app.lab.checks import Verdict, check_recipe, files_of, fingerprint, needs_of
from app.lab.new_runs import parameters_of, ready_dataset
from app.lab.run_items import waits_for, why_no_gpu
from database.lab.datasets import Dataset, read_datasets
from database.lab.run_lists import RunFilter, list_runs
from database.lab.runs import SUCCEEDED, Run, runs_like
from database.lab.workers import list_workers
from database.people.principal import Principal
from model_training.recipe.data import WindowConfig
from model_training.recipe.split import (
    AnySplit,
    ChronologicalConfig,
    FoldsConfig,
    PartsConfig,
    RollingYearsConfig,
)
from solar.time import isoformat
from solar.toml import write_toml

_MOST_ALIKE, _MOST_FINISHED = 5, 50
_SPLIT: TypeAdapter[AnySplit] = TypeAdapter(AnySplit)
_PARTS = ("train", "validation", "test")


def recipe_check(
    connection: sa.Connection, who: Principal, asked: RecipeCheckBody, *, now: datetime
) -> dict[str, Any]:
    """Check a recipe as the start of its run does; raises what naming a data set there raises."""
    datasets = [ready_dataset(connection, who, one) for one in dict.fromkeys(asked.dataset_ids)]
    verdict = _verdict(asked, datasets)
    faults, parameters = list(verdict.faults), {}
    try:
        parameters = parameters_of(asked.kind, asked.parameters)
    except RequestError as error:
        faults += error.faults
    recipe, answer = verdict.recipe, _without_recipe(faults)
    answer["derived"] = derive(asked.document, datasets)
    if recipe is None:
        return answer
    needs = needs_of(asked.kind, recipe)
    mark = fingerprint(kind=asked.kind, recipe=recipe, datasets=datasets, parameters=parameters)
    alike = runs_like(connection, who, mark, limit=_MOST_ALIKE) if datasets else []
    return answer | {
        "warnings": _warnings(connection, asked.queue, needs, now=now),
        "needs": needs,
        "recipe": recipe.model_dump(mode="json"),
        "toml": write_toml(recipe.model_dump(mode="json")),
        "estimate_s": _estimate(connection, who, asked.kind, needs, datasets),
        "same_as": [{name: getattr(one, name) for name in SameRun.model_fields} for one in alike],
    }


def _verdict(asked: RecipeCheckBody, datasets: Sequence[Dataset]) -> Verdict:
    if asked.kind in WITHOUT_RECIPE and not asked.document.strip():
        return Verdict((), None)
    return check_recipe(asked.document, files=files_of(datasets) if datasets else None)


def _without_recipe(faults: Iterable[Fault]) -> dict[str, Any]:
    errors = fault_items(faults)
    nothing: dict[str, Any] = dict.fromkeys(("recipe", "toml", "derived", "estimate_s"))
    nothing |= {"warnings": [], "needs": [], "same_as": []}
    return {"ok": not errors, "errors": errors} | nothing


def _warnings(
    connection: sa.Connection, queue: str, needs: Sequence[str], *, now: datetime
) -> list[str]:
    workers = list_workers(connection, now=now)
    reasons = why_no_gpu(queue, workers) or waits_for(queue, needs, workers)
    return [] if reasons is None else [reasons]


def _estimate(
    connection: sa.Connection,
    who: Principal,
    kind: str,
    needs: Sequence[str],
    datasets: Sequence[Dataset],
) -> float | None:
    """Return the median duration of finished runs with the same needs, by row where known."""
    chosen = RunFilter(kind=kind, states=[SUCCEEDED])
    finished = list_runs(connection, who, chosen, limit=_MOST_FINISHED)
    alike = [run for run in finished if run.needs == list(needs)]
    read = [one for run in alike for one in run.dataset_ids]
    rows_of = {one.dataset_id: one.rows for one in read_datasets(connection, sorted(set(read)))}
    rows = _rows([one.rows for one in datasets])
    took = [
        seconds * rows / before if rows and before else seconds
        for run in alike
        if (seconds := _seconds(run)) is not None
        for before in [_rows([rows_of.get(one) for one in run.dataset_ids])]
    ]
    return statistics.median(took) if took else None


def _rows(known: Sequence[int | None]) -> int:
    """Return the rows together, 0 where those of any data set are unknown."""
    return 0 if None in known else sum(one or 0 for one in known)


def _seconds(run: Run) -> float | None:
    if run.started_at is None or run.ended_at is None:
        return None
    return (run.ended_at - run.started_at).total_seconds()


def derive(asked: str, datasets: Sequence[Dataset]) -> dict[str, Any] | None:
    """Return what follows from the window and the split of a recipe, which may be wrong elsewhere.

    That is the reach, the embargo, and the split on the axis of time. Spans begin and end at
    midnights, as the split does; regions that lie across a border belong to the side of their
    first case. Counts of cases are known of parts that the source has made.
    """
    try:
        content = tomllib.loads(asked)
        window = WindowConfig.model_validate(content.get("window", {}))
        split: AnySplit = _SPLIT.validate_python(content.get("split"))
    except ValueError:
        # The check tells what is wrong.
        return None
    found = [one.breakdown for one in datasets if one.breakdown is not None]
    return {
        "reach_hours": (window.steps - 1) * window.cadence_hours,
        "embargo_hours": getattr(split, "embargo_hours", None),
        "first_at": min((one["first_at"] for one in found), default=None),
        "last_at": max((one["last_at"] for one in found), default=None),
        "split": list(_lanes(split, found)),
    }


def _lanes(split: AnySplit, found: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    if isinstance(split, RollingYearsConfig):
        for year in split.validation_years:
            yield _lane(f"Fold {year}", (None, date(year, 1, 1), date(year + 1, 1, 1)), _PARTS[:2])
        yield _lane("Final", (None, split.test_from, None), ("train", "test"))
    elif isinstance(split, ChronologicalConfig):
        yield _lane("All", (None, split.validate_from, split.test_from, None), _PARTS)
    elif isinstance(split, FoldsConfig | PartsConfig):
        yield from _made_lanes(split, found)


def _lane(name: str, borders: Sequence[date | None], parts: Sequence[str]) -> dict[str, Any]:
    times = [None if day is None else _midnight(day) for day in borders]
    spans = zip(parts, times, times[1:], strict=False)
    return {"name": name, "spans": [_span(part, begin, end) for part, begin, end in spans]}


def _midnight(day: date) -> str:
    return isoformat(datetime.combine(day, time(), UTC))


def _span(
    part: str, begin: str | None = None, end: str | None = None, cases: int | None = None
) -> dict[str, Any]:
    return {"part": part, "from_at": begin, "to_at": end, "cases": cases}


def _made_lanes(
    split: FoldsConfig | PartsConfig, found: Sequence[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Tell the parts that the source has made, by their number of cases."""
    counted: dict[str, int] = {}
    for one in found:
        for fold, cases in (one.get("folds") or {}).items():
            counted[fold] = counted.get(fold, 0) + cases
    for fold, cases in sorted(counted.items()):
        if isinstance(split, PartsConfig):
            part = dict(zip("012", _PARTS, strict=True)).get(fold, "train")
        else:
            part = "test" if fold == str(split.test_fold) else "validation"
        yield {"name": f"Part {fold}", "spans": [_span(part, cases=cases)]}
