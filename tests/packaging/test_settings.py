from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from app.settings import ApiSettings
from app_dash.settings import DashSettings
from data_sender.settings import SenderSettings
from database.settings import DatabaseSettings

ROOT = Path(__file__).parents[2]
EXAMPLE = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
SETTINGS: list[type[BaseSettings]] = [DatabaseSettings, ApiSettings, DashSettings, SenderSettings]
SECRET = {"api_key", "secret_key", "artifacts_dir", "alert_rules"}


def variables(settings: type[BaseSettings]) -> set[str]:
    return {f"FLARE_{name.upper()}" for name in settings.model_fields}


def test_the_example_holds_every_setting_and_no_other() -> None:
    settings = set().union(*(variables(one) for one in SETTINGS))

    assert {name for name in EXAMPLE if name.startswith("FLARE_")} == settings


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: one.__name__)
def test_the_example_shows_the_defaults(settings: type[BaseSettings]) -> None:
    for name, field in settings.model_fields.items():
        shown = EXAMPLE[f"FLARE_{name.upper()}"]
        hidden = name in SECRET or field.default is None
        assert shown.casefold() == ("" if hidden else str(field.default).casefold()), name


def test_the_containers_use_only_variables_that_the_example_explains() -> None:
    used = re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text())

    assert set(used) <= set(EXAMPLE)


def test_every_setting_of_the_containers_exists() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    settings = set().union(*(variables(one) for one in SETTINGS))

    assert set(re.findall(r"^ +(FLARE_\w+):", text, re.MULTILINE)) <= settings
