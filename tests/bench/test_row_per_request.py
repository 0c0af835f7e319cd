"""The design to beat writes what the product writes."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.create_app import create_app
from app.settings import ApiSettings
from bench import row_per_request
from bench.bodies import fresh_harpnums, one_record_bodies
from bench.lineups import point_model
from database.schema.tables import observations, predictions


def test_the_row_per_request_fills_the_columns_that_the_product_fills(
    mariadb_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = point_model(tmp_path / "models")
    address = mariadb_engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("BENCH_DATABASE_URL", address)
    monkeypatch.setenv("BENCH_ARTIFACTS", str(artifacts))
    settings = ApiSettings(database_url=address, artifacts_dir=artifacts)
    apps = {
        "/observations": row_per_request.create_app(),
        "/api/v1/observations": create_app(settings),
    }

    harpnums = []
    for path, app in apps.items():
        harpnums.append(fresh_harpnums())
        body = next(one_record_bodies("client-000", count(harpnums[-1])))
        answer = app.test_client().post(path, data=body, content_type="application/json")
        assert answer.get_json()["accepted"] == 1

    for table in (observations, predictions):
        filled = [_filled(mariadb_engine, table, harpnum) for harpnum in harpnums]
        assert filled[0] == filled[1]


def _filled(engine: sa.Engine, table: sa.Table, harpnum: int) -> set[str]:
    with engine.connect() as connection:
        query = sa.select(table).where(table.c.region_id == harpnum)
        row = connection.execute(query).mappings().one()
    return {name for name, value in row.items() if value is not None}
