"""What the tests of the Lab share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from lab_calls import Lab, make_lab

MakeApp = Callable[..., Flask]


@pytest.fixture
def lab(engine: sa.Engine, make_app: MakeApp, clock: Callable[[], datetime]) -> Lab:
    return make_lab(engine, make_app(engine), clock())


@pytest.fixture
def lab_sqlite(
    engine_sqlite: sa.Engine, make_app: MakeApp, clock: Callable[[], datetime], tmp_path: Path
) -> Lab:
    """The Lab on SQLite, with the files of its runs in a folder of the test."""
    return make_lab(engine_sqlite, make_app(engine_sqlite, data_dir=tmp_path), clock())


@pytest.fixture
def app(engine: sa.Engine, make_app: MakeApp, tmp_path: Path) -> Flask:
    return make_app(engine, data_dir=tmp_path)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def quick(engine_sqlite: sa.Engine, make_app: MakeApp, tmp_path: Path) -> FlaskClient:
    app = make_app(engine_sqlite, data_dir=tmp_path, lab_quota_bytes=10_000_000)
    return app.test_client()
