"""The tables of options that docs/training.md must have, made from the schema of recipes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from model_training.recipe.data import SourceConfig
from model_training.recipe.estimators import EstimatorConfig, PreparationConfig
from model_training.recipe.recipe import Recipe

SCHEMA = Recipe.model_json_schema()
HEAD = "| option | values | default | what |\n|---|---|---|---|\n"
Properties = Mapping[str, dict[str, Any]]


def values(option: dict[str, Any]) -> str:
    kinds = [kind for kind in option.get("anyOf", [option]) if kind.get("type") != "null"]
    said = " or ".join(dict.fromkeys(one_kind(kind) for kind in kinds))
    return said + (f", {option['unit']}" if "unit" in option else "")


def one_kind(kind: dict[str, Any]) -> str:
    if "enum" in kind:
        return ", ".join(f"`{value}`" for value in kind["enum"])
    if "$ref" in kind or "oneOf" in kind:
        return "section"
    if kind["type"] == "object":
        return "table"
    if kind["type"] == "array":
        allowed = kind.get("items", {}).get("enum", [])
        return f"list of {', '.join(f'`{value}`' for value in allowed)}" if allowed else "list"
    words = {
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "boolean": "yes or no",
    }
    return " ".join([kind.get("format", words[kind["type"]]), *limits(kind)])


def limits(kind: dict[str, Any]) -> list[str]:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return [f"{sign} {kind[name]:,}" for name, sign in signs.items() if name in kind]


def default(name: str, option: dict[str, Any]) -> str:
    value = option["default"]
    if name == "preparation":
        usual = PreparationConfig().model_dump(mode="json")
        return ", ".join(f"{k} `{v}`" for k, v in value.items() if v != usual[k]) or "its defaults"
    if isinstance(value, dict) and value:
        return "its defaults"
    return "none" if value is None else f"`{json.dumps(value)}`"


def rows(properties: Properties, required: list[str]) -> list[str]:
    found = []
    for name, option in properties.items():
        if "const" in option:
            continue
        shown = "needed" if name in required else default(name, option)
        what = " ".join(option["description"].split())
        found.append(f"| `{name}` | {values(option)} | {shown} | {what} |")
    return found


def rows_of(schema: dict[str, Any]) -> list[str]:
    return rows(schema.get("properties", {}), schema.get("required", []))


SHARED = [*rows_of(EstimatorConfig.model_json_schema()), *rows_of(SourceConfig.model_json_schema())]


def own_rows(name: str) -> list[str]:
    return [row for row in rows_of(SCHEMA["$defs"][name]) if row not in SHARED]


TABLES = {name: own_rows(name) for name in SCHEMA["$defs"]} | {
    "Recipe": rows_of(SCHEMA),
    "EstimatorChoice": rows_of(EstimatorConfig.model_json_schema()),
    "SourceChoice": rows_of(SourceConfig.model_json_schema()),
}
