"""Differences between runs, or between recipes, by the path of an option."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from database.lab.recipes import KeptRecipe, find_recipe, read_documents
from database.lab.run_lists import dataset_labels, first_run
from database.lab.runs import Run
from database.people.principal import Principal
from model_training.recipe.recipe import parse_recipe
from solar.errors import InvalidInputError, NotFoundError

Options = Mapping[str, Any]
# A name is no part of what a recipe does.
_NAMES = ("name", "version", "description")


def differences(before: Options, after: Options) -> dict[str, list[Any]]:
    """Return what is not the same as [before, after], None where there is none."""
    paths = [*after, *(path for path in before if path not in after)]
    pairs = {path: [before.get(path), after.get(path)] for path in paths}
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


# Kept recipes never change, and a table is asked for again and again.
@lru_cache(maxsize=2048)
def recipe_options(document: str) -> Options:
    """Return the options of a recipe as ``estimator.kind``; of one that cannot be read, none."""
    try:
        return dict(options_of(tomllib.loads(document)))
    except tomllib.TOMLDecodeError:
        return {}


def every_option(document: str) -> Options:
    """Return the options of a recipe with the defaults; of one that is read no more, its own."""
    try:
        recipe: Options = parse_recipe(document, name="recipe").model_dump(mode="json")
    except InvalidInputError:
        recipe = tomllib.loads(document)
    return dict(options_of(recipe))


def options_of(table: Options, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each option of a table of tables by its path."""
    for name, value in table.items():
        path = f"{place}{name}"
        if isinstance(value, dict):
            yield from options_of(value, f"{path}.")
        elif path not in _NAMES:
            yield path, value


def differing_runs(
    connection: sa.Connection, who: Principal, experiment_id: str, shown: Collection[Run]
) -> dict[str, dict[str, Any]]:
    """Return what of recipe, parameters and data sets the first run of an experiment has otherwise.

    None stands for what only that one has.
    """
    first = first_run(connection, who, experiment_id)
    every = [first, *shown] if first is not None else list(shown)
    texts = read_documents(connection, {run.recipe_id for run in every if run.recipe_id})
    labels = dataset_labels(connection, who, {one for run in every for one in run.dataset_ids})

    def options(run: Run) -> Options:
        named = ", ".join(labels.get(one, "a private one") for one in run.dataset_ids)
        recipe = recipe_options(texts.get(run.recipe_id or "", ""))
        return {"kind": run.kind, **recipe, **run.parameters, "data sets": named}

    common = options(every[0])
    return {
        run.run_id: {path: pair[1] for path, pair in differences(common, options(run)).items()}
        for run in shown
    }


def recipe_differences(
    connection: sa.Connection, who: Principal, recipe: KeptRecipe
) -> dict[str, list[Any]] | None:
    """Return the differences to the parent of a recipe, None where there is none to be seen."""
    try:
        parent = find_recipe(connection, who, recipe.parent or "")
    except NotFoundError:
        return None
    return differences(recipe_options(parent.document), recipe_options(recipe.document))
