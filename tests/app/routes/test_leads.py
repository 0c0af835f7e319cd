"""The matrix of a region, and forecasts, files and explanations of another window than 24 h."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from handmade_models import ALL_WINDOWS, HandmadeModel, line_up
from served_windows import FEATURES, START, WEIGHTS, MakeApp, Row, records, send

from app.scoring.lead_matrix import lead_matrix, repaired_of_day
from database.engine import writing
from database.schema.forecast_tables import lead_forecasts
from model_training.artefact.reference import FeatureShares, TrainingReference
from solar.flares import EVENTS, TARGETS
from solar.flares import event as find_event

FULL = HandmadeModel("full", FEATURES, WEIGHTS[-1:], bias=-2.0, windows=ALL_WINDOWS)
SIX = HandmadeModel("six", FEATURES, WEIGHTS[-1:], bias=-2.0, windows={"6h": -1.5})
DAY_ONLY = HandmadeModel("day", FEATURES, WEIGHTS[-1:], bias=-2.0)
# Day 2 alone is more likely than 48 h, which contains it.
TORN = HandmadeModel("torn", FEATURES, WEIGHTS[-1:], bias=-3.0, windows=ALL_WINDOWS | {"d2": 1.0})
MEANS = (2.0, 1.5)
# The last record is at 01:36, so the first of its hour at 01:00.
LAST_HOUR = "2014-03-02T01:00:00Z"


def reference() -> TrainingReference:
    shares = [FeatureShares(edges=(), shares=(), mean=m, missing_share=0.0) for m in MEANS]
    features = dict(zip(FEATURES, shares, strict=True))
    return TrainingReference(n=10, features=features, predictions={})


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return line_up(tmp_path / "models", FULL, SIX, DAY_ONLY, TORN, reference=reference())


@pytest.fixture
def asked(engine_sqlite: sa.Engine, make_app: MakeApp, models: Path, row: Row) -> FlaskClient:
    client = make_app(engine_sqlite, artifacts_dir=models).test_client()
    send(client, records(row))
    return client


def answer(client: FlaskClient, path: str) -> dict[str, Any]:
    response = client.get(f"/api/v1/{path}")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.get_json()
    return body


def window_of(row: Row, step: int) -> Any:
    keywords = records(row)[step]["keywords"]
    return np.array([[keywords[name] for name in FEATURES]])


def test_the_matrix_has_every_event_in_every_window_from_one_record(
    asked: FlaskClient, row: Row
) -> None:
    matrix = answer(asked, "leads?region=3721")

    assert (matrix["region"], matrix["t_rec"], matrix["model"]) == (3721, LAST_HOUR, FULL.model_id)
    assert matrix["repaired"] is False
    told = {(cell["event"], cell["window"]): cell for cell in matrix["leads"]}
    assert list(told) == [(target.goes_class, target.window.name) for target in TARGETS]
    window = window_of(row, 8)
    for target in TARGETS:
        p = told[target.goes_class, target.window.name]["p"]
        assert p == pytest.approx(FULL.probability(window, target), abs=1e-6)
    second_day = told["M1.0", "d2"]
    assert second_day["valid_from"] == "2014-03-03T01:00:00Z"
    assert second_day["valid_to"] == "2014-03-04T01:00:00Z"
    assert (second_day["lower"], second_day["upper"]) == (None, None)


def test_a_model_says_nothing_about_a_window_that_it_does_not_forecast(asked: FlaskClient) -> None:
    def known(model: HandmadeModel) -> set[str]:
        cells = answer(asked, f"leads?region=3721&model={model.model_id}")["leads"]
        return {cell["window"] for cell in cells if cell["p"] is not None}

    assert known(SIX) == {"6h", "24h"}
    assert known(DAY_ONLY) == {"24h"}
    # Without other windows the newest record counts, not the first of its hour.
    day = answer(asked, f"leads?region=3721&model={DAY_ONLY.model_id}")
    assert day["t_rec"] == "2014-03-02T01:36:00Z"


def test_the_matrix_is_that_of_the_time_that_is_asked_about(asked: FlaskClient) -> None:
    matrix = answer(asked, "leads?region=3721&at=2014-03-02T00:59:00Z")

    assert matrix["t_rec"] == "2014-03-02T00:00:00Z"


def test_a_region_without_forecast_is_not_found(asked: FlaskClient) -> None:
    for path in ("leads?region=1", "leads?region=3721&at=2014-03-01T00:00:00Z"):
        response = asked.get(f"/api/v1/{path}")
        assert response.status_code == 404
        assert "choose a later time" in response.get_json()["detail"]
    assert asked.get("/api/v1/leads?region=3721&model=none@1").status_code == 404
    assert asked.get("/api/v1/leads").status_code == 422


def test_a_band_is_read_from_the_manifest_where_the_model_has_one() -> None:
    manifest = FULL.manifest({}).model_dump(mode="json")
    band = {"p": [0.0, 1.0], "lower": [0.0, 0.5], "upper": [0.1, 1.0], "kind": "model", "n": 60}
    for target in manifest["targets"]:
        target["band"] = band if target["name"] == "M1.0/6h" else None

    matrix = lead_matrix(
        3721,
        START,
        FULL.model_id,
        manifest,
        probabilities={"M1.0/6h": 0.2, "M5.0/6h": 0.1},
        repaired={},
    )

    bands = {
        (cell["event"], cell["window"]): (cell["lower"], cell["upper"]) for cell in matrix["leads"]
    }
    # 0.2 * 0.5, and 0.1 + 0.2 * 0.9.
    assert bands.pop(("M1.0", "6h")) == pytest.approx((0.1, 0.28))
    assert set(bands.values()) == {(None, None)}


@pytest.mark.parametrize(("p", "repaired"), [(0.2, False), (0.15, True), (None, False)])
def test_what_differs_from_its_calibration_was_repaired(p: float | None, *, repaired: bool) -> None:
    manifest = FULL.manifest({}).model_dump(mode="json")

    found = repaired_of_day(manifest, {"C1.0": p}, raw=[0.2, None, None, None])

    assert any(found.values()) is repaired


def test_the_matrix_tells_of_every_target_whether_it_was_repaired(
    asked: FlaskClient, row: Row
) -> None:
    window = window_of(row, 8)

    matrix = answer(asked, f"leads?region=3721&model={TORN.model_id}")

    assert matrix["repaired"] is True
    cells = dict(zip(TARGETS, matrix["leads"], strict=True))
    moved = {t for t, cell in cells.items() if abs(cell["p"] - TORN.probability(window, t)) > 1e-6}
    assert {target for target, cell in cells.items() if cell["repaired"]} == moved
    assert {"48h", "d2"} <= {target.window.name for target in moved}
    whole = answer(asked, "leads?region=3721")
    assert [cell["repaired"] for cell in whole["leads"]] == [False] * len(TARGETS)
    day = answer(asked, f"leads?region=3721&model={DAY_ONLY.model_id}")
    assert {(cell["p"] is None, cell["repaired"]) for cell in day["leads"]} == {
        (False, False),
        (True, None),
    }


def test_of_a_row_of_an_earlier_version_only_24_h_is_known_to_be_repaired(
    asked: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    with writing(engine_sqlite) as connection:
        connection.execute(lead_forecasts.update().values(repaired=None))

    cells = answer(asked, f"leads?region=3721&model={TORN.model_id}")["leads"]

    assert {cell["repaired"] for cell in cells if cell["window"] != "24h"} == {None}
    assert None not in {cell["repaired"] for cell in cells if cell["window"] == "24h"}


def test_forecasts_of_a_window_have_the_form_of_those_of_24_h(asked: FlaskClient, row: Row) -> None:
    items = answer(asked, "predictions?window=d2")["items"]

    assert [item["t_rec"] for item in items] == [
        "2014-03-01T23:24:00Z",
        "2014-03-02T00:00:00Z",
        LAST_HOUR,
    ]
    (of_day,) = answer(asked, f"predictions?from={LAST_HOUR}&to=2014-03-02T01:01:00Z")["items"]
    last = items[-1]
    assert last.keys() == of_day.keys()
    assert last["valid_to"] == "2014-03-04T01:00:00Z"
    assert set(last["raw"].values()) == {None}
    window = window_of(row, 8)
    for event in EVENTS:
        expected = FULL.probability(window, event.within(find_event("M1.0/d2").window))
        assert last["probabilities"][event.name] == pytest.approx(expected, abs=1e-6)
    same = ("region", "model", "rung", "reason", "imputed_share", "revision", "issued_at")
    assert [last[name] for name in same] == [of_day[name] for name in same]


def test_24_h_is_what_is_listed_without_a_window(asked: FlaskClient) -> None:
    plain = answer(asked, "predictions?model=all")

    assert answer(asked, "predictions?model=all&window=24h") == plain
    assert answer(asked, "predictions?model=all&window=d1") == plain


def test_pages_of_a_window_join_and_can_be_narrowed_to_likely_forecasts(
    asked: FlaskClient,
) -> None:
    whole = answer(asked, "predictions?window=6h&model=all")["items"]

    seen, cursor = [], ""
    while cursor is not None:
        query = f"window=6h&model=all&limit=2{f'&cursor={cursor}' if cursor else ''}"
        page = answer(asked, f"predictions?{query}")
        seen += page["items"]
        cursor = page["next_cursor"]

    # Of three models; the fourth has no such window.
    assert seen == whole
    assert len(whole) == 9
    highest = max(item["probabilities"]["C1.0"] for item in whole)
    likely = answer(asked, f"predictions?window=6h&model=all&event=C1.0&min_probability={highest}")
    assert {item["probabilities"]["C1.0"] for item in likely["items"]} == {highest}


def test_files_of_a_window_have_the_columns_of_those_of_24_h(asked: FlaskClient) -> None:
    of_day, of_window = (
        asked.get(f"/api/v1/predictions?format=parquet{query}") for query in ("", "&window=6h")
    )

    day, window = (
        pyarrow.parquet.read_table(io.BytesIO(response.data)) for response in (of_day, of_window)
    )
    assert window.schema == day.schema
    assert window.num_rows == 3
    assert "predictions-6h.parquet" in of_window.headers["Content-Disposition"]


def test_an_unknown_window_is_refused_with_the_known_ones(asked: FlaskClient) -> None:
    for path in ("predictions?window=36h", "explanations?region=3721&window=36h"):
        response = asked.get(f"/api/v1/{path}")
        assert response.status_code == 422
        assert "6h, 12h, 24h, 48h, d2, d3" in response.get_json()["errors"][0]["message"]


def test_an_explanation_of_a_window_is_of_its_own_probability(asked: FlaskClient, row: Row) -> None:
    told = answer(asked, "explanations?region=3721&event=M1.0&window=6h")

    values = window_of(row, 11)[0]
    expected = dict(zip(FEATURES, WEIGHTS[-1] * (values - np.array(MEANS)), strict=True))
    shares = {item["feature"]: item["contribution"] for item in told["contributions"]}
    assert shares == pytest.approx(expected, abs=1e-5)
    assert told["event"] == "M1.0/6h"
    target = find_event("M1.0/6h")
    assert told["probability_raw"] == pytest.approx(FULL.probability(values, target), abs=1e-6)
    assert told["issued_probability_raw"] is None


def test_a_model_without_the_window_says_which_windows_it_explains(asked: FlaskClient) -> None:
    response = asked.get(f"/api/v1/explanations?region=3721&window=d2&model={SIX.model_id}")

    assert response.status_code == 422
    (fault,) = response.get_json()["errors"]
    assert fault["path"] == "window"
    assert (
        fault["message"]
        == "six@1.0.0 does not forecast d2; choose one of 6h, 24h, or another model"
    )


def test_a_forecast_without_storing_answers_the_matrix_too(asked: FlaskClient, row: Row) -> None:
    response = asked.post("/api/v1/predict", json={"observations": records(row)[:9]})

    body = response.get_json()

    (matrix,) = body["leads"]
    assert matrix == answer(asked, "leads?region=3721")
    assert [item["t_rec"] for item in body["predictions"]] == [LAST_HOUR]


def test_a_model_of_24_h_alone_answers_no_matrix(
    engine_sqlite: sa.Engine, make_app: MakeApp, tmp_path: Path, row: Row
) -> None:
    models = line_up(tmp_path / "models", DAY_ONLY)
    client = make_app(engine_sqlite, artifacts_dir=models).test_client()

    body = client.post("/api/v1/predict", json={"observations": [row()]}).get_json()

    assert body.keys() == {"predictions", "rejected"}
