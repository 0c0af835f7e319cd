from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from e2e.conftest import OpenWindow
from e2e.house import House

from database.schema.tables import models, predictions

pytestmark = pytest.mark.e2e

START = datetime(2024, 5, 2, tzinfo=UTC)


def test_the_csv_file_holds_exactly_the_filtered_rows(
    house: House, window: OpenWindow, tmp_path: Path
) -> None:
    region = house.some_region()
    search = f"?start=2024-05-02&end=2024-05-04&regions={region}&event=C1.0&least=1"
    page = window().open(f"{house.dash}/explore{search}")

    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()
    started.value.save_as(tmp_path / "records.csv")

    with (tmp_path / "records.csv").open() as file:
        written = {(int(row["region_id"]), row["t_rec"][:19]) for row in csv.DictReader(file)}
    assert written == _stored(house, region)
    assert len(written) > 10


def _stored(house: House, region: int) -> set[tuple[int, str]]:
    table = predictions.c
    engine = sa.create_engine(house.environment["FLARE_DATABASE_URL"])
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(table.region_id, table.t_rec)
            .join(models, models.c.model_id == table.model_id)
            .where(
                models.c.stage == "live", table.region_id == region, table.c1 >= 0.01,
                table.t_rec >= START, table.t_rec < START + timedelta(days=2),
            )
        ).all()  # fmt: skip
    engine.dispose()
    return {(row.region_id, f"{row.t_rec:%Y-%m-%dT%H:%M:%S}") for row in rows}
