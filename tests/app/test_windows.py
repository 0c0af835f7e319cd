"""Models that look at windows forecast from the stored past, however their records arrived."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from handmade_models import CADENCE_SECONDS, HandmadeModel, line_up

from app.scoring import load_lineup
from database.engine import reading
from database.tables import predictions, superseded_predictions, verification_stale
from solar.errors import ArtifactError
from solar.time import isoformat

Row = Callable[..., dict[str, Any]]
MakeApp = Callable[..., Flask]
Rows = list[dict[str, Any]]
Batches = Callable[[Rows], Iterator[Rows]]

URL = "/api/v1/observations"
START = datetime(2014, 3, 1, 23, 24, tzinfo=UTC)
CADENCE = timedelta(seconds=CADENCE_SECONDS)
STEPS = 5
FEATURES = ("R_VALUE", "MEANALP")
# Every step and feature weighs differently, so that no two may change places unseen.
WEIGHTS = np.arange(1, 2 * STEPS + 1).reshape(STEPS, 2) / 20

WINDOW = HandmadeModel("window", FEATURES, WEIGHTS, bias=-5.0)
POINT = HandmadeModel("point", FEATURES, WEIGHTS[-1:], bias=-2.0)
TWELVE = range(12)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return line_up(tmp_path / "models", WINDOW, POINT)


@pytest.fixture
def window_client(engine: sa.Engine, make_app: MakeApp, models: Path) -> FlaskClient:
    return make_app(engine, artifacts_dir=models).test_client()


def records(row: Row, *, steps: Sequence[int] = TWELVE, harpnum: int = 3721) -> Rows:
    """Records of a region at some steps of the cadence, with keywords that all differ."""
    rng = np.random.default_rng(harpnum)
    values = rng.uniform(0, 5, (max(steps) + 1, 2))
    return [
        row(
            harpnum=harpnum,
            noaa_ars=[],
            t_rec=isoformat(START + step * CADENCE),
            keywords=dict(zip(FEATURES, values[step].tolist(), strict=True)),
        )
        for step in steps
    ]


def send(client: FlaskClient, rows: Rows) -> dict[str, Any]:
    response = client.post(URL, json={"observations": rows})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def forecasts(client: FlaskClient, model: HandmadeModel, query: str = "") -> Rows:
    found: Rows = client.get(
        f"/api/v1/predictions?model={model.model_id.replace('@', '%40')}&{query}"
    ).get_json()["items"]
    return found


def expected(rows: Rows) -> dict[tuple[int, str], float]:
    """Look every step of every window up by its time, one after the other."""
    by_key = {(row["harpnum"], row["t_rec"]): row["keywords"] for row in rows}
    answer = {}
    for harpnum, label in by_key:
        t = datetime.fromisoformat(label)
        labels = [isoformat(t - back * CADENCE) for back in reversed(range(STEPS))]
        steps = [by_key.get((harpnum, label), {}) for label in labels]
        window = np.array([[step.get(name) for name in FEATURES] for step in steps], float)
        if np.isnan(window).mean() <= 0.5:
            answer[harpnum, label] = WINDOW.probability(window)
    return answer


def stored(client: FlaskClient) -> dict[tuple[int, str], float]:
    return {
        (item["region"], item["t_rec"]): item["raw"]["C1.0"]
        for item in forecasts(client, WINDOW)
        if item["raw"]["C1.0"] is not None
    }


def at_once(rows: Rows) -> Iterator[Rows]:
    yield rows


def one_by_one(rows: Rows) -> Iterator[Rows]:
    for row in rows:
        yield [row]


def shuffled(rows: Rows) -> Iterator[Rows]:
    for row in random.Random(4).sample(rows, len(rows)):
        yield [row]


def backwards_by_five(rows: Rows) -> Iterator[Rows]:
    turned = sorted(rows, key=lambda row: str(row["t_rec"]), reverse=True)
    for start in range(0, len(turned), 5):
        yield turned[start : start + 5]


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


def test_a_late_record_revises_the_forecasts_that_looked_for_it_and_keeps_the_old(
    window_client: FlaskClient, row: Row, clock: Any
) -> None:
    rows = records(row)
    late = rows.pop(4)
    send(window_client, rows)
    before = forecasts(window_client, WINDOW)
    clock.now += timedelta(hours=1)

    answer = send(window_client, [late])

    after = {item["t_rec"]: item for item in forecasts(window_client, WINDOW)}
    # The late record itself by two models, and the four windows that reach back to it.
    assert answer["predictions"] == 6
    revised = [item["t_rec"] for item in after.values() if item["revision"] == 2]
    assert revised == [isoformat(START + step * CADENCE) for step in (5, 6, 7, 8)]
    as_of = isoformat(clock.now - timedelta(minutes=30))
    assert forecasts(window_client, WINDOW, f"as_of={as_of}") == before
    assert {item["revision"] for item in forecasts(window_client, POINT)} == {1}


def test_a_revised_record_revises_the_windows_after_it(
    window_client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    rows = records(row)
    send(window_client, rows)

    rows[8] |= {"keywords": {"R_VALUE": 5.5, "MEANALP": 1.0}}
    send(window_client, [rows[8]])
    rows[9] |= {"keywords": {"R_VALUE": 4.5, "MEANALP": 2.0}}
    send(window_client, [rows[9]])

    assert stored(window_client) == pytest.approx(expected(rows), abs=1e-6)
    revisions = [item["revision"] for item in forecasts(window_client, WINDOW)]
    assert revisions == [*[1] * 8, 2, 3, 3, 3]
    old = superseded_predictions.c
    with reading(engine) as connection:
        kept = connection.execute(
            sa.select(old.revision).where(old.model_id == WINDOW.model_id).order_by(old.revision)
        ).scalars()
        assert list(kept) == [1, 1, 1, 1, 2, 2, 2]


def test_the_same_records_again_revise_nothing(window_client: FlaskClient, row: Row) -> None:
    rows = records(row)
    send(window_client, rows)

    answer = send(window_client, rows[3:6])

    assert answer["predictions"] == 0


def test_a_record_between_two_steps_is_in_no_window_but_its_own(
    window_client: FlaskClient, row: Row
) -> None:
    rows = records(row)
    send(window_client, rows)
    between = rows[5] | {"t_rec": isoformat(START + 5.5 * CADENCE)}

    answer = send(window_client, [between])

    assert answer["predictions"] == 2
    assert {item["revision"] for item in forecasts(window_client, WINDOW)} == {1}


def test_a_late_record_has_the_days_of_all_revised_forecasts_verified_again(
    window_client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    rows = records(row, steps=range(6))
    send(window_client, rows[1:])
    with engine.begin() as connection:
        connection.execute(verification_stale.delete())

    # At 23:24; the last windows that reach back to it end on the next day.
    send(window_client, rows[:1])

    with reading(engine) as connection:
        days = connection.execute(sa.select(verification_stale.c.day)).scalars()
        assert sorted(str(day) for day in days) == ["2014-03-01", "2014-03-02", "2014-03-03"]


def test_a_late_region_position_beyond_the_limit_withholds_only_its_own_forecast(
    window_client: FlaskClient, row: Row
) -> None:
    rows = records(row)
    rows[7] |= {"lon_fwt": 71.0}
    send(window_client, rows)

    withheld = [
        item["t_rec"] for item in forecasts(window_client, WINDOW, "from=2014-03-02T00:12:00Z")
        if item["raw"]["C1.0"] is None
    ]  # fmt: skip

    assert withheld == [rows[7]["t_rec"]]


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

    with pytest.raises(ArtifactError, match=r"foreign@1\.0\.0 cannot serve: LOS_AREA, Z_USFLUX"):
        load_lineup(folder)


def test_forecasts_of_windows_are_never_issued_twice_under_one_revision(
    window_client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    for batch in shuffled(records(row)):
        send(window_client, batch)

    with reading(engine) as connection:
        counts = [
            connection.execute(
                sa.select(sa.func.count()).where(table.c.model_id == WINDOW.model_id)
            ).scalar_one()
            for table in (predictions, superseded_predictions)
        ]
        total = connection.execute(
            sa.select(sa.func.sum(predictions.c.revision)).where(
                predictions.c.model_id == WINDOW.model_id
            )
        ).scalar_one()
    assert sum(counts) == int(total)


def test_senders_that_share_the_records_of_a_region_leave_no_window_behind(
    window_client: FlaskClient, row: Row
) -> None:
    rows = records(row, steps=range(24))
    start = Barrier(3)

    def send_every_third(sender: int) -> None:
        client = window_client.application.test_client()
        start.wait()
        for batch in one_by_one(rows[sender::3]):
            send(client, batch)

    with ThreadPoolExecutor(3) as senders:
        list(senders.map(send_every_third, range(3)))

    assert stored(window_client) == pytest.approx(expected(rows), abs=1e-6)
