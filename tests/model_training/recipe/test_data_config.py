from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from model_training.recipe import data
from model_training.recipe.data import AnyData, SharpConfig

RECIPES = Path(__file__).parents[3] / "model_training" / "recipes"
CONFIG: TypeAdapter[AnyData] = TypeAdapter(AnyData)
CONFIGS = [
    found
    for found in vars(data).values()
    if isinstance(found, type) and issubclass(found, BaseModel) and found.__name__ != "Choice"
]


@pytest.mark.parametrize("name", ["blend", "gradient-boosting", "logistic-regression"])
def test_recipes_without_a_layout_read_sharp_rows(name: str) -> None:
    recipe = tomllib.loads((RECIPES / f"{name}.toml").read_text("utf-8"))

    assert isinstance(CONFIG.validate_python(recipe["data"]), SharpConfig)


def test_an_unknown_key_is_refused_with_its_place() -> None:
    with pytest.raises(ValidationError, match="rowz"):
        CONFIG.validate_python({"rows": "a.parquet", "rowz": "b.parquet"})


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(ValidationError, match="li2024"):
        CONFIG.validate_python({"layout": "hdf", "rows": "a"})


def test_a_choice_survives_writing_and_reading() -> None:
    given = CONFIG.validate_python({"layout": "swan-sf", "folder": "swan", "licence": "CC0"})

    assert CONFIG.validate_python(CONFIG.dump_python(given, mode="json")) == given


def test_every_option_has_a_help_text() -> None:
    for config in CONFIGS:
        for name, field in config.model_fields.items():
            assert field.description or name == "layout", f"{config.__name__}.{name}"


def test_the_schema_names_every_layout() -> None:
    schema = CONFIG.json_schema()

    layouts = {part["properties"]["layout"]["const"] for part in schema["$defs"].values()
               if "layout" in part["properties"]}  # fmt: skip
    assert layouts == {"sharp", "m24", "li2024", "swan-sf", "table", "windows", "mcintosh"}


def test_days_cannot_be_filled_in_without_a_flare_list() -> None:
    fill = {"rows": "extra.parquet", "licence": "MIT", "event": "M1.0"}

    with pytest.raises(ValidationError, match="give flares as well"):
        CONFIG.validate_python({"rows": "a.parquet", "fill": fill})
