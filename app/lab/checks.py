"""Checks of recipes: what is wrong where, what a worker has to offer, and what identifies a run."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pydantic import ValidationError

from app.contract.lab import odd_character
from app.contract.problems import Fault, RequestError
from database.lab.datasets import Dataset
from model_training.recipe.data import paths_of
from model_training.recipe.estimators import TimeGanConfig, members_of
from model_training.recipe.recipe import Recipe, parse_recipe
from solar.errors import InvalidInputError
from solar.version import VERSION

_LONGEST_MESSAGE = 300
_LONGEST_NEEDS = 200
_TORCH = "estimator:gru"


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a recipe, by JSON pointer; the recipe is None where something is."""

    faults: tuple[Fault, ...]
    recipe: Recipe | None


def check_recipe(document: str, *, files: Collection[str] | None = None) -> Verdict:
    """Check the text of a recipe; `files` are the paths that its data sets hold, where known."""
    odd = odd_character(document, lines=True)
    if odd is not None:
        return Verdict((Fault("", f"holds the character {odd}; leave it out"),), None)
    try:
        recipe = parse_recipe(document, name="recipe")
    except InvalidInputError as error:
        return Verdict(tuple(_faults(error, document)), None)
    faults = tuple(_lab_faults(recipe, files))
    return Verdict(faults, None if faults else recipe)


def checked_recipe(document: str, *, files: Collection[str] | None = None) -> Recipe:
    """Return the recipe of a text; raises RequestError with all that is wrong."""
    verdict = check_recipe(document, files=files)
    if verdict.recipe is None:
        raise RequestError("the recipe cannot be used; see errors", faults=verdict.faults)
    return verdict.recipe


def _faults(error: InvalidInputError, document: str) -> Iterator[Fault]:
    if not isinstance(error.__cause__, ValidationError):
        yield Fault("", str(error))
        return
    content = tomllib.loads(document)
    for detail in error.__cause__.errors(include_input=False, include_url=False):
        message = detail["msg"].removeprefix("Value error, ")[:_LONGEST_MESSAGE]
        pointer = _pointer(content, detail["loc"])
        yield Fault(pointer + _named_option(content, pointer, message), message)


def _named_option(content: Any, pointer: str, message: str) -> str:
    """Return the pointer within a table to the option that a message of the table begins with."""
    table = content
    for part in pointer.split("/")[1:]:
        table = _inside(table, int(part) if part.isdecimal() else part)
    parts = message.partition(" ")[0].split(".")
    is_option = isinstance(table, dict) and parts[0] in table
    return "".join(f"/{part}" for part in parts) if is_option else ""


def _pointer(content: Any, location: Sequence[int | str]) -> str:
    """Return the JSON pointer (RFC 6901) to a place in a document.

    Of two forms of a table pydantic names the one that was chosen, which is no place.
    """
    pointer, place = "", content
    is_entered = False
    for i, part in enumerate(location):
        if is_entered and isinstance(place, dict) and _names_form(place, part, location[i + 1 :]):
            is_entered = False
            continue
        pointer += "/" + str(part)[:_LONGEST_MESSAGE].replace("~", "~0").replace("/", "~1")
        place = _inside(place, part)
        is_entered = True
    return pointer


def _names_form(table: dict[str, Any], part: int | str, rest: Sequence[int | str]) -> bool:
    form = table.get("kind", table.get("layout", "sharp"))
    return part == form or (part not in table and bool(rest))


def _inside(place: Any, part: int | str) -> Any:
    try:
        return place[part]
    except (KeyError, IndexError, TypeError):
        # What is missing has nothing inside.
        return None


def _lab_faults(recipe: Recipe, files: Collection[str] | None) -> Iterator[Fault]:
    for pointer, path in _paths(recipe):
        if fault := _path_fault(path, files, is_folder=pointer.endswith("folder")):
            yield Fault(pointer, fault)
    if recipe.repeat is not None:
        yield Fault("/repeat", "a run of the Lab is one run: clone it for each value")
    if len(json.dumps(needs_of("train", recipe))) > _LONGEST_NEEDS:
        yield Fault("/estimator", "names too many kinds of estimators for one run")


def _paths(recipe: Recipe) -> Iterator[tuple[str, str]]:
    for name, path in paths_of(recipe.data).items():
        yield f"/data/{name.replace('.', '/')}", path


def _path_fault(path: str, files: Collection[str] | None, *, is_folder: bool) -> str | None:
    plain = PurePosixPath(path)
    if "\\" in path or ":" in path or plain.is_absolute() or ".." in plain.parts:
        return "leads out of the data set; name the file as the data set has it"
    if files is None:
        return None
    name = str(plain)
    if name in files:
        return None
    if is_folder and (name == "." or any(file.startswith(f"{name}/") for file in files)):
        return None
    listed = ", ".join(sorted(files)[:10]) or "no file"
    return f"is not in the data set, which holds {listed}"


def files_of(datasets: Sequence[Dataset]) -> list[str]:
    """Return the paths under which a run finds the files of its data sets."""
    if len(datasets) == 1:
        return [file.name for file in datasets[0].files]
    return [f"{dataset.name}/{file.name}" for dataset in datasets for file in dataset.files]


def needs_of(
    kind: str, recipe: Recipe | None, parameters: Mapping[str, Any] | None = None
) -> list[str]:
    """Return what a worker has to offer for a run of a kind with a recipe and parameters."""
    if parameters and parameters.get("picture") == "umap":
        return [kind, "picture:umap"]
    if recipe is None or kind not in ("train", "augment", "process"):
        return [kind]
    members = members_of(recipe.estimator)
    needed = {f"estimator:{member.kind}" for member in members} if kind != "augment" else set()
    # Synthetic windows come from a network of the library that the GRU is made with.
    if any(isinstance(member.augmentation, TimeGanConfig) for member in members):
        needed.add(_TORCH)
    return [kind, *sorted(needed)]


def fingerprint(
    *,
    kind: str,
    recipe: Recipe | None,
    datasets: Iterable[Dataset],
    parameters: Mapping[str, Any],
) -> str:
    """Return the hash of all that the result of a run depends on; the seed is in the recipe."""
    content = {
        "kind": kind,
        "recipe": None if recipe is None else recipe.model_dump(mode="json"),
        "files": sorted((file.name, file.sha256) for dataset in datasets for file in dataset.files),
        "parameters": dict(parameters),
        "version": VERSION,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
