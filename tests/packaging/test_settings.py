from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from app.settings import ApiSettings
from app_dash.settings import DashSettings
from data_sender.settings import SenderSettings
from database.settings import DatabaseSettings
from model_training.jobs.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
EXAMPLE = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
SETTINGS: list[type[BaseSettings]] = [
    DatabaseSettings,
    ApiSettings,
    DashSettings,
    SenderSettings,
    WorkerSettings,
]
SECRET = {"api_key", "secret_key", "artifacts_dir", "alert_rules"}
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
USED_BY = [
    *((DatabaseSettings, name) for name in ("migrations", "app_dash")),
    *((ApiSettings, name) for name in ("app", "consumer")),
    (DashSettings, "app_dash"),
    *((SenderSettings, n) for n in ("data_sender", "jsoc_sender", "swpc_sender", "kafka_sender")),
]
# What docker-compose.yml says by itself, and why .env cannot.
FIXED = {
    "FLARE_DATABASE_URL": "the store is the service mysql, with an account for each service",
    "FLARE_DATABASE_PASSWORD": "each account has its own, from WRITER_PASSWORD and its like",
    "FLARE_API_HOST": "inside, the server listens for the other containers",
    "FLARE_API_PORT": "in .env it is the port outside",
    "FLARE_DASH_HOST": "inside, the server listens for its published port",
    "FLARE_DASH_PORT": "in .env it is the port outside",
    "FLARE_API_URL": "inside, the API is the service app",
    "FLARE_PUBLIC_API_URL": "made from the port outside",
    "FLARE_PUBLIC_DASH_URL": "made from the port outside",
    "FLARE_DATA_DIR": "a volume",
}
NEEDED = {"FLARE_API_KEY", "FLARE_SECRET_KEY"}


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


@pytest.mark.parametrize(("settings", "service"), USED_BY, ids=lambda one: str(one))
def test_every_setting_reaches_its_service_or_is_fixed_for_a_reason(
    settings: type[BaseSettings], service: str
) -> None:
    environment = SERVICES[service]["environment"]

    for name in variables(settings):
        given = str(environment[name])
        if name in FIXED:
            assert f"${{{name}:" not in given
        elif name in NEEDED:
            assert given == f"${{{name}:?set it in .env}}"
        elif name == "FLARE_KAFKA_BOOTSTRAP" and "kafka" in SERVICES[service].get("profiles", ()):
            assert given == f"${{{name}:-kafka:9092}}"
        else:
            assert given == f"${{{name}:-}}"


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: one.__name__)
def test_an_empty_variable_is_the_default(
    settings: type[BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in EXAMPLE:
        monkeypatch.delenv(name, raising=False)
    default = settings()
    for name in variables(settings):
        monkeypatch.setenv(name, "")

    assert settings() == default


def test_the_example_marks_what_compose_needs_and_what_it_fixes() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    needed = set(re.findall(r"\$\{(\w+):\?", compose))
    text = (ROOT / ".env.example").read_text()
    marked = {mark: set[str]() for mark in ("Needed", "Fixed:", "Fixed.")}
    for comment, names in re.findall(r"((?:^#.*\n)+)((?:^\w+=.*\n)+)", text, re.MULTILINE):
        for mark in marked:
            if mark in comment.replace('"Fixed" means', ""):
                marked[mark] |= set(re.findall(r"^\w+", names, re.MULTILINE))

    assert marked["Needed"] == needed
    assert marked["Fixed:"] | marked["Fixed."] == {*FIXED} - {"FLARE_API_PORT", "FLARE_DASH_PORT"}


def test_without_an_address_for_people_the_dashboard_shows_where_it_asks_and_listens() -> None:
    plain = DashSettings(api_url="http://api:8000/", dash_host="0.0.0.0", dash_port=9050)
    inner = DashSettings(
        api_url="http://app:8000", public_api_url="https://flare.example/", public_dash_url="x"
    )

    assert plain.shown_api_url == "http://api:8000"
    assert plain.shown_dash_url == "http://127.0.0.1:9050"
    assert DashSettings(dash_host="::1").shown_dash_url == "http://[::1]:8050"
    assert inner.shown_api_url == "https://flare.example"
    assert inner.shown_dash_url == "x"
