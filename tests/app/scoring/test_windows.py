"""Models that look at windows forecast from the stored past, however their records arrived."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from handmade_models import HandmadeModel, line_up
from served_windows import (
    CADENCE,
    FEATURES,
    POINT,
    START,
    STEPS,
    WINDOW,
    Batches,
    MakeApp,
    Row,
    at_once,
    backwards_by_five,
    expected,
    forecasts,
    one_by_one,
    records,
    send,
    shuffled,
    stored,
)

from app.scoring.served_models import load_served_models
from solar.errors import ArtifactError
from solar.time import isoformat


@pytest.mark.parametrize("batches", [at_once, one_by_one, shuffled, backwards_by_five])
def test_forecasts_are_those_of_the_whole_windows_however_the_records_arrived(
    window_client: FlaskClient, row: Row, batches: Batches
) -> None:
    rows = records(row, steps=[0, 1, 2, 3, 5, 6, 9, 10, 11]) + records(row, harpnum=3722)

    for batch in batches(rows):
        send(window_client, batch)

    assert stored(window_client) == pytest.approx(expected(rows), abs=1e-6)


def test_a_restart_in_between_changes_no_forecast(
    engine: sa.Engine, make_app: MakeApp, models: Path, row: Row
) -> None:
    rows = records(row)
    before = make_app(engine, artifacts_dir=models).test_client()
    send(before, rows[:7])

    after = make_app(engine, artifacts_dir=models).test_client()
    send(after, rows[7:])

    assert stored(after) == pytest.approx(expected(rows), abs=1e-6)


def test_a_window_with_most_of_its_values_missing_gets_a_reason_instead_of_a_number(
    window_client: FlaskClient, row: Row
) -> None:
    send(window_client, records(row, steps=range(3)))

    first, second, third = forecasts(window_client, WINDOW)

    assert (first["rung"], first["raw"]["C1.0"]) == ("none", None)
    assert first["reason"] == "8 of 10 keyword values of the window are missing"
    assert second["rung"] == "none"
    assert (third["rung"], third["imputed_share"]) == ("partial", 0.4)


def test_a_full_window_is_forecast_in_full(window_client: FlaskClient, row: Row) -> None:
    send(window_client, records(row))

    *_, last = forecasts(window_client, WINDOW)

    assert (last["rung"], last["imputed_share"], last["revision"]) == ("full", 0.0, 1)


def test_the_live_point_model_and_its_shadow_over_windows_are_both_stored(
    engine: sa.Engine, make_app: MakeApp, row: Row, tmp_path: Path
) -> None:
    folder = line_up(tmp_path / "other", POINT, WINDOW)
    client = make_app(engine, artifacts_dir=folder).test_client()
    rows = records(row)

    answer = send(client, rows)

    points = [item["raw"]["C1.0"] for item in forecasts(client, POINT)]
    values = [[row["keywords"][name] for name in FEATURES] for row in rows]
    assert answer["predictions"] == 24
    assert points == pytest.approx([POINT.probability(np.array([v])) for v in values], abs=1e-6)
    assert stored(client) == pytest.approx(expected(rows), abs=1e-6)


def test_the_history_of_each_step_is_that_known_at_the_step(
    engine_sqlite: sa.Engine, make_app: MakeApp, row: Row, flare_row: Row, tmp_path: Path
) -> None:
    weights = np.array([[0.0, 1.0], [0.0, 10.0], [0.0, 100.0]])
    counting = HandmadeModel("counting", ("R_VALUE", "FLARES_M_24H"), weights / 100)
    folder = line_up(tmp_path / "counting", counting)
    client = make_app(engine_sqlite, artifacts_dir=folder).test_client()
    flare = {
        "start": isoformat(START), "peak": isoformat(START + 0.5 * CADENCE), "end": None,
        "harpnum": 3721, "noaa_ar": None,
    }  # fmt: skip
    covers = {"from": "2014-02-01T00:00:00Z", "to": "2014-03-03T00:00:00Z"}
    client.post("/api/v1/flares", json={"flares": [flare_row(**flare)], "covers": covers})

    for batch in one_by_one(records(row, steps=range(4))):
        send(client, batch)

    third = forecasts(client, counting)[2]
    # Not yet at START, seen one and two steps later.
    assert third["raw"]["C1.0"] == pytest.approx(1 / (1 + np.exp(-1.10)), abs=1e-6)


def test_predict_takes_the_rows_of_a_region_as_its_window_and_nothing_that_is_stored(
    window_client: FlaskClient, row: Row
) -> None:
    rows = records(row) + records(row, steps=range(4), harpnum=3722)
    send(window_client, rows)
    given = rows[8:12] + rows[12:]

    answer = window_client.post("/api/v1/predict", json={"observations": given}).get_json()

    found = {(item["region"], item["t_rec"]): item for item in answer["predictions"]}
    whole = expected(given)
    assert {key: item["raw"]["C1.0"] for key, item in found.items()} == pytest.approx(
        {key: whole[key] for key in found}, abs=1e-6
    )
    assert set(found) == {(3721, rows[11]["t_rec"]), (3722, rows[15]["t_rec"])}
    assert [item["imputed_share"] for item in found.values()] == [0.2, 0.2]


def test_predict_takes_the_last_of_two_rows_with_the_same_time(
    window_client: FlaskClient, row: Row
) -> None:
    rows = records(row, steps=range(STEPS))
    other = rows[2] | {"keywords": {"R_VALUE": 1.0, "MEANALP": 1.0}}

    answer = window_client.post("/api/v1/predict", json={"observations": [*rows, other]}).get_json()

    (item,) = answer["predictions"]
    rows[2] = other
    assert item["raw"]["C1.0"] == pytest.approx(expected(rows)[3721, item["t_rec"]], abs=1e-6)


def test_a_model_of_points_alone_asks_the_store_for_no_records(
    engine_sqlite: sa.Engine, make_app: MakeApp, row: Row, tmp_path: Path
) -> None:
    client = make_app(engine_sqlite, artifacts_dir=line_up(tmp_path / "p", POINT)).test_client()
    rows = records(row)
    send(client, rows[1:])
    asked: list[str] = []
    engine = client.application.extensions["flarewatch"].engine
    sa.event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))

    send(client, rows[:1])

    assert not [query for query in asked if "r_value" in query and query.startswith("SELECT")]


def test_a_model_that_looks_at_what_no_observation_brings_is_not_served(tmp_path: Path) -> None:
    foreign = HandmadeModel("foreign", ("R_VALUE", "LOS_AREA", "Z_USFLUX"), np.ones((1, 3)))
    folder = line_up(tmp_path / "models", POINT, foreign)

    with pytest.raises(ArtifactError, match=r"foreign-1\.0\.0: LOS_AREA, Z_USFLUX: called keyword"):
        load_served_models(folder)
