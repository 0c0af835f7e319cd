"""A flare list that does not reach back four weeks leaves what needs them to imputation."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from handmade_models import HandmadeModel, line_up
from served_windows import MakeApp, Row, send

from solar.time import isoformat, parse_time

FEATURES = ("R_VALUE", "DISK_FLARES_M_3D", "DISK_FLARES_M_27D", "DISK_FLARES_C_27D")
MODEL = HandmadeModel("disk", FEATURES, np.array([[0.1, 0.2, 0.4, 0.3]]), bias=-2.0)


@pytest.mark.parametrize(
    ("days", "imputed", "level"), [(2, 0.75, "partial"), (10, 0.5, "partial"), (27, 0.0, "full")]
)
def test_a_count_over_more_days_than_are_listed_is_imputed_and_said_to_be(
    engine_sqlite: sa.Engine,
    make_app: MakeApp,
    tmp_path: Path,
    row: Row,
    days: int,
    imputed: float,
    level: str,
) -> None:
    client = make_app(
        engine_sqlite, artifacts_dir=line_up(tmp_path / "models", MODEL)
    ).test_client()
    t = parse_time(row()["t_rec"])
    covers = {"from": isoformat(t - timedelta(days=days)), "to": isoformat(t)}
    answer = client.post("/api/v1/flares", json={"flares": [], "covers": covers, "source": "list"})
    assert answer.status_code == 200, answer.text

    send(client, [row()])

    (item,) = client.get("/api/v1/predictions").get_json()["items"]
    assert (item["imputed_share"], item["rung"]) == (imputed, level)
