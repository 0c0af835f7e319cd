"""Recipes of the Lab over HTTP: their schema, their check, and those that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, request

from app.contract.bodies import read_json, read_model
from app.contract.lab import PARAMETERS, WITHOUT_RECIPE, LabQuery, RecipeBody, RecipeCheckBody
from app.contract.lab_answers import (
    RecipeCheckAnswer,
    RecipeDetail,
    RecipeItem,
    RecipesPage,
    SchemaAnswer,
)
from app.contract.responses import cut_page, json_response, page
from app.lab.checks import checked_recipe
from app.lab.differences import recipe_differences
from app.lab.recipe_check import recipe_check
from app.lab.run_items import owner_names
from app.routes.lab.experiments import before_of, in_lab, looked_at, owner_of
from app.routes.operation import operation
from app.services import services
from database.engine import reading, store_time
from database.lab.ownership import ListFilter
from database.lab.recipes import KeptRecipe, add_recipe, find_recipe, list_recipes
from database.lab.workers import AWAY, list_workers
from database.people.principal import LAB, LAB_READ, Principal
from model_training.features import HISTORY_FEATURES, KEYWORD_FEATURES
from model_training.recipe.recipe import Recipe

blueprint = Blueprint("recipes", __name__)


@blueprint.get("/lab/schema")
@operation(
    "The JSON Schema of recipes and of the parameters of each kind of run; what workers offer",
    permission=LAB_READ,
    answer=SchemaAnswer,
)
def get_schema() -> Response:
    with reading(services().engine) as connection:
        known = list_workers(connection, now=store_time(connection))
    workers = [worker for worker in known if worker.state != AWAY]
    offers = {
        "workers": len(workers),
        "queues": sorted({worker.queue for worker in workers}),
        "offers": sorted({offer for worker in workers for offer in worker.offers}),
        "keywords": KEYWORD_FEATURES,
        "history": HISTORY_FEATURES,
    }
    response = json_response(_schemas() | {"offers": offers})
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@cache
def _schemas() -> dict[str, Any]:
    parameters = {kind: model.model_json_schema() for kind, model in PARAMETERS.items()}
    recipe = Recipe.model_json_schema()
    return {"recipe": recipe, "parameters": parameters, "without_recipe": WITHOUT_RECIPE}


@blueprint.post("/lab/recipes/check")
@operation(
    "Check a recipe, and tell what follows from it; nothing is stored",
    permission=LAB,
    body=RecipeCheckBody,
    answer=RecipeCheckAnswer,
)
def post_recipe_check() -> Response:
    asked, who = read_model(RecipeCheckBody, read_json()), services().guard.principal()
    with reading(services().engine) as connection:
        return json_response(recipe_check(connection, who, asked, now=store_time(connection)))


@blueprint.get("/lab/recipes")
@operation(
    "Recipes that one may see, the newest first",
    permission=LAB_READ,
    query=LabQuery,
    answer=RecipesPage,
)
def get_recipes(query: LabQuery) -> Response:
    who = services().guard.principal()
    with reading(services().engine) as connection:
        chosen, before = ListFilter(owner_of(query, who), query.text), before_of(query)
        rows = list_recipes(connection, who, chosen, limit=query.limit + 1, before=before)
        rows, cursor = cut_page(rows, query.limit, lambda row: (row.recipe_id,))
        items = _recipe_items(connection, rows)
    shown = [{name: item[name] for name in RecipeItem.model_fields} for item in items]
    return page(shown, next_cursor=cursor)


@blueprint.post("/lab/recipes")
@operation("Keep a recipe", permission=LAB, body=RecipeBody, answer=RecipeDetail)
def post_recipes() -> Response:
    body = read_model(RecipeBody, read_json())
    name = body.name or checked_recipe(body.document).name

    def work(connection: sa.Connection, who: Principal, now: datetime) -> dict[str, Any]:
        if body.parent is not None:
            find_recipe(connection, who, body.parent)
        given = body.model_dump(exclude={"name"})
        kept = add_recipe(connection, who, name, **given, now=now)
        return _recipe_items(connection, [kept])[0]

    return json_response(in_lab(work))


@blueprint.get("/lab/recipes/<recipe_id>")
@operation("A recipe with its document", permission=LAB_READ, answer=RecipeDetail)
def get_recipe(recipe_id: str) -> Response:
    who = services().guard.principal()
    with reading(services().engine) as connection:
        kept = find_recipe(connection, who, recipe_id)
        item = _recipe_items(connection, [kept])[0]
        item["differs"] = recipe_differences(connection, who, kept)
    looked_at("recipe", recipe_id, kept)
    return json_response(item)


def _recipe_items(connection: sa.Connection, rows: Sequence[KeptRecipe]) -> list[dict[str, Any]]:
    owners = owner_names(connection, (row.owner for row in rows))
    return [vars(row) | {"owner": {"id": row.owner, "name": owners[row.owner]}} for row in rows]
