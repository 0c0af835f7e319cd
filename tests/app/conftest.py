"""What the tests of the API share: an application on each store, and rows that can be stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from handmade_models import line_up
from served_windows import POINT, WINDOW

from app.create_app import create_app
from app.services import prepare
from app.settings import ApiSettings

# AR 12192's keywords in their usual magnitudes; the values themselves carry no meaning.
KEYWORDS = {
    "USFLUX": 2.1e22, "MEANGAM": 33.4, "MEANGBT": 98.7, "MEANGBZ": 101.2, "MEANGBH": 47.9,
    "MEANJZD": 0.12, "TOTUSJZ": 4.4e13, "MEANALP": 0.021, "MEANJZH": 0.0083, "TOTUSJH": 1840.5,
    "ABSNJZH": 211.0, "SAVNCPP": 9.1e12, "MEANPOT": 6400.0, "TOTPOT": 5.5e23, "MEANSHR": 27.1,
    "SHRGT45": 21.4, "R_VALUE": 4.6, "AREA_ACR": 512.0,
}  # fmt: skip

Rows = Callable[..., dict[str, Any]]


@dataclass
class Clock:
    """The time of receipt, which a test may move."""

    now: datetime = field(default_factory=lambda: datetime(2014, 4, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now


def observation(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "harpnum": 3721,
        "noaa_ars": [11990],
        "t_rec": "2014-03-01T00:00:00Z",
        "series": "hmi.sharp_cea_720s",
        "quality": 0,
        "lon_fwt": -12.3,
        "lat_fwt": 14.1,
        "keywords": dict(KEYWORDS),
    }
    row |= changes
    return row


def flare(**changes: Any) -> dict[str, Any]:
    return {
        "start": "2014-02-28T10:00:00Z",
        "peak": "2014-02-28T10:12:00Z",
        "end": "2014-02-28T10:20:00Z",
        "goes_class": "M1.4",
        "noaa_ar": 11990,
        "flux_scale": "operational_pre16",
    } | changes


@pytest.fixture
def row() -> Rows:
    return observation


@pytest.fixture
def flare_row() -> Rows:
    return flare


@pytest.fixture
def clock() -> Clock:
    return Clock()


def settings_of(engine: sa.Engine, **changes: Any) -> ApiSettings:
    address = engine.url.render_as_string(hide_password=False)
    return ApiSettings(database_url=address, **changes)


MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(clock: Clock) -> Iterator[MakeApp]:
    """Make applications whose connections are closed when the test ends."""
    apps: list[Flask] = []

    def make(engine: sa.Engine, *, metrics_dir: Path | None = None, **changes: Any) -> Flask:
        settings = settings_of(engine, **changes)
        prepare(settings)
        apps.append(create_app(settings, clock=clock, metrics_dir=metrics_dir))
        return apps[-1]

    yield make
    for app in apps:
        app.extensions["flarewatch"].engine.dispose()


@pytest.fixture
def client(engine: sa.Engine, make_app: MakeApp) -> FlaskClient:
    return make_app(engine).test_client()


@pytest.fixture
def client_sqlite(engine_sqlite: sa.Engine, make_app: MakeApp) -> FlaskClient:
    return make_app(engine_sqlite).test_client()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return line_up(tmp_path / "models", WINDOW, POINT)


@pytest.fixture
def window_client(engine: sa.Engine, make_app: MakeApp, models: Path) -> FlaskClient:
    return make_app(engine, artifacts_dir=models).test_client()
