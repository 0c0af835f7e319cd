"""What the tests of the Lab share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
import sqlalchemy as sa
from flask import Flask
from lab_calls import Lab, make_lab


@pytest.fixture
def lab(engine: sa.Engine, make_app: Callable[..., Flask], clock: Callable[[], datetime]) -> Lab:
    return make_lab(engine, make_app(engine), clock())


@pytest.fixture
def lab_sqlite(
    engine_sqlite: sa.Engine, make_app: Callable[..., Flask], clock: Callable[[], datetime]
) -> Lab:
    return make_lab(engine_sqlite, make_app(engine_sqlite), clock())
