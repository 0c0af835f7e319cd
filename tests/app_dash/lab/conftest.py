"""What the tests of the Lab's pages share: an office whose people have runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from lab_calls import Lab, make_lab
from office import Office, serving_api

from app.create_app import create_app
from app.settings import ApiSettings


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="session")
def lab_api(sqlite_engine: sa.Engine, lab_folder: Path) -> Iterator[str]:
    with serving_api(sqlite_engine, data_dir=lab_folder) as address:
        yield address


@pytest.fixture(scope="session")
def called_api(sqlite_engine: sa.Engine, lab_folder: Path) -> Iterator[Flask]:
    address = sqlite_engine.url.render_as_string(hide_password=False)
    api = create_app(ApiSettings(database_url=address, data_dir=lab_folder))
    yield api
    api.extensions["flarewatch"].engine.dispose()


@pytest.fixture
def lab(engine_sqlite: sa.Engine, called_api: Flask) -> Lab:
    return make_lab(engine_sqlite, called_api, datetime.now(UTC))


@pytest.fixture
def office(engine_sqlite: sa.Engine, lab_api: str, lab: Lab) -> Office:
    made = Office(engine_sqlite, lab_api)
    for name, token in lab.tokens.items():
        made.admit(name, token)
    return made
