"""Recipes that people keep: documents in TOML, which never change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from database.lab.ownership import PRIVATE, SHARED, ListFilter, find_visible, newest_visible
from database.people.audit import record
from database.people.principal import Principal
from database.schema.lab_tables import recipes
from solar.identifiers import new_id

# Of the options that a document may have; raised when an old document could not be read any more.
SCHEMA_VERSION = 1
_NOUN = "recipe"


@dataclass(frozen=True)
class KeptRecipe:
    """A recipe as the store has it."""

    recipe_id: str
    owner: str
    name: str
    visibility: str
    document: str
    schema_version: int
    parent: str | None
    created_at: datetime


def add_recipe(
    connection: sa.Connection,
    who: Principal,
    name: str,
    document: str,
    *,
    visibility: str = PRIVATE,
    parent: str | None = None,
    now: datetime,
) -> KeptRecipe:
    """Keep a document that was checked; `parent` is the recipe that it was made from."""
    row = KeptRecipe(
        new_id(now), who.owner, name, visibility, document, SCHEMA_VERSION, parent, now
    )
    connection.execute(recipes.insert().values(vars(row)))
    record(connection, who, "created", _NOUN, row.recipe_id, after=name, now=now)
    return row


def find_recipe(connection: sa.Connection, who: Principal, recipe_id: str) -> KeptRecipe:
    """Return a recipe that somebody may see; raises NotFoundError."""
    row = find_visible(connection, who, recipes, recipe_id, noun=_NOUN)
    return KeptRecipe(**row._mapping)


def list_recipes(
    connection: sa.Connection,
    who: Principal,
    chosen: ListFilter,
    *,
    limit: int,
    before: str | None = None,
) -> list[KeptRecipe]:
    """Return recipes that somebody may see, the newest first, made before `before`."""
    query = newest_visible(recipes, who, chosen, ("name",), limit=limit, before=before)
    return [KeptRecipe(**row._mapping) for row in connection.execute(query)]


def share_recipe(connection: sa.Connection, recipe_id: str, *, owner: str) -> None:
    """Let everybody read a recipe of this owner, whose run is shared."""
    is_it = sa.and_(recipes.c.recipe_id == recipe_id, recipes.c.owner == owner)
    connection.execute(recipes.update().where(is_it).values(visibility=SHARED))


def recipe_names(connection: sa.Connection, recipe_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of recipes by their id."""
    return _by_id(connection, recipes.c.name, recipe_ids)


def read_documents(connection: sa.Connection, recipe_ids: Iterable[str]) -> dict[str, str]:
    """Return the texts of recipes by their id, for the program itself."""
    return _by_id(connection, recipes.c.document, recipe_ids)


def _by_id(
    connection: sa.Connection, column: sa.Column[str], recipe_ids: Iterable[str]
) -> dict[str, str]:
    wanted = sorted(set(recipe_ids))
    query = sa.select(recipes.c.recipe_id, column).where(recipes.c.recipe_id.in_(wanted))
    return dict(connection.execute(query).all()) if wanted else {}


def read_document(connection: sa.Connection, recipe_id: str) -> str:
    """Return the text of a recipe for the program itself."""
    return read_documents(connection, [recipe_id])[recipe_id]
