"""An API whose handmade model and rules raise alerts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alert_calls import MODEL, RULES, START, MakeApp, Row
from flask import Flask
from flask.testing import FlaskClient
from handmade_models import line_up


@pytest.fixture
def app(engine: sa.Engine, make_app: MakeApp, tmp_path: Path, clock: Any) -> Flask:
    # The model becomes live when the application is made, and forecasts after that.
    clock.now = datetime.now(UTC) + timedelta(minutes=1)
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    models = line_up(tmp_path / "models", MODEL)
    return make_app(
        engine, artifacts_dir=models, alert_rules=rules,
        webhook_url="https://example.org/alerts", webhook_secret="a secret of sixteen",
    )  # fmt: skip


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def hourly(row: Row) -> Callable[..., list[dict[str, Any]]]:
    def make(*levels: float, start: int = 0, **changes: Any) -> list[dict[str, Any]]:
        times = [START + timedelta(hours=start + hour) for hour in range(len(levels))]
        return [
            row(t_rec=at.isoformat(), keywords={"MEANGAM": level}, **changes)
            for at, level in zip(times, levels, strict=True)
        ]

    return make
