"""An explanation adds up, is that of Shapley, and says which forecast it compares with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from handmade_models import HandmadeModel, line_up
from served_windows import CADENCE, FEATURES, START, WEIGHTS, WINDOW, records, send

from model_training.artefact.reference import FeatureShares, TrainingReference
from solar.time import isoformat

URL = "/api/v1/explanations"
Row = Callable[..., dict[str, Any]]
POINT = HandmadeModel("point", FEATURES, WEIGHTS[-1:], bias=-2.0)
MEANS = np.array([2.0, 1.5])


def reference() -> TrainingReference:
    shares = [
        FeatureShares(edges=(), shares=(), mean=mean, missing_share=0.0) for mean in MEANS.tolist()
    ]
    return TrainingReference(
        n=10, features=dict(zip(FEATURES, shares, strict=True)), predictions={}
    )


@pytest.fixture
def asked(engine_sqlite: sa.Engine, make_app: Callable[..., Flask], tmp_path: Path) -> FlaskClient:
    models = line_up(tmp_path / "models", POINT, WINDOW, reference=reference())
    return make_app(engine_sqlite, artifacts_dir=models).test_client()


def explanation(client: FlaskClient, query: str = "") -> dict[str, Any]:
    response = client.get(f"{URL}?region=3721&event=C1.0{query}")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.get_json()
    return body


def shares(told: dict[str, Any]) -> dict[str, float]:
    return {item["feature"]: item["contribution"] for item in told["contributions"]}


def test_of_a_linear_model_each_feature_has_its_weight_times_its_distance_from_the_mean(
    asked: FlaskClient, row: Row
) -> None:
    rows = records(row)
    send(asked, rows)

    told = explanation(asked)

    values = np.array([rows[-1]["keywords"][name] for name in FEATURES])
    expected = dict(zip(FEATURES, WEIGHTS[-1] * (values - MEANS), strict=True))
    assert shares(told) == pytest.approx(expected, abs=1e-6)
    assert told["base_log_odds"] == pytest.approx(WEIGHTS[-1] @ MEANS - 2.0, abs=1e-6)
    assert told["t_rec"] == rows[-1]["t_rec"]
    assert told["probability_raw"] == pytest.approx(told["issued_probability_raw"], abs=1e-7)
    sizes = [abs(item["contribution"]) for item in told["contributions"]]
    assert sizes == sorted(sizes, reverse=True)


def test_in_a_window_a_feature_is_replaced_at_every_step(asked: FlaskClient, row: Row) -> None:
    rows = records(row)
    send(asked, rows)

    told = explanation(asked, "&model=window%401.0.0")

    values = np.array([[r["keywords"][name] for name in FEATURES] for r in rows[-len(WEIGHTS) :]])
    expected = dict(zip(FEATURES, (WEIGHTS * (values - MEANS)).sum(axis=0), strict=True))
    assert shares(told) == pytest.approx(expected, abs=1e-5)


def test_contributions_sum_to_the_log_odds(asked: FlaskClient, row: Row) -> None:
    send(asked, records(row))

    told = explanation(asked)

    for one in (told, told["previous"]):
        assert sum(shares(one).values()) == pytest.approx(one["log_odds"] - told["base_log_odds"])


def test_the_forecast_before_is_at_least_an_hour_older_and_named(
    asked: FlaskClient, row: Row
) -> None:
    send(asked, records(row))

    # Records come every 12 minutes, the last one at step 11.
    assert explanation(asked)["previous"]["t_rec"] == isoformat(START + 6 * CADENCE)
    assert explanation(asked, "&hours_back=2")["previous"]["t_rec"] == isoformat(START + CADENCE)
    assert explanation(asked, "&hours_back=24")["previous"] is None


def test_a_forecast_of_the_past_is_explained_from_its_own_record(
    asked: FlaskClient, row: Row
) -> None:
    send(asked, records(row))
    at = START + 3 * CADENCE + timedelta(minutes=5)

    told = explanation(asked, f"&at={isoformat(at)}")

    assert told["t_rec"] == isoformat(START + 3 * CADENCE)


def test_a_missing_keyword_is_null_and_still_contributes(asked: FlaskClient, row: Row) -> None:
    send(asked, [row(keywords={"R_VALUE": 3.0})])

    told = explanation(asked)

    missing = next(item for item in told["contributions"] if item["feature"] == "MEANALP")
    assert missing["value"] is None
    # What is missing counts 0 in this model.
    assert missing["contribution"] == pytest.approx(-WEIGHTS[-1, 1] * MEANS[1], abs=1e-6)


def test_where_there_was_no_forecast_there_is_nothing_to_explain(
    asked: FlaskClient, row: Row
) -> None:
    send(asked, [row(lon_fwt=81.0)])

    response = asked.get(f"{URL}?region=3721")

    assert response.status_code == 409
    assert "70 degrees" in response.get_json()["detail"]


def test_a_model_without_training_reference_says_so(
    engine_sqlite: sa.Engine, make_app: Callable[..., Flask], tmp_path: Path, row: Row
) -> None:
    models = line_up(tmp_path / "models", POINT)
    client = make_app(engine_sqlite, artifacts_dir=models).test_client()
    send(client, records(row))

    response = client.get(f"{URL}?region=3721")

    assert response.status_code == 409
    assert "the model has no training reference" in response.get_json()["detail"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("region=4000", "no record of region 4000"),
        ("region=3721&at=2010-05-01T00:00:00Z", "no record of region 3721"),
        ("region=3721&model=other%401.0.0", "point@1.0.0, window@1.0.0"),
    ],
)
def test_what_is_not_there_is_not_found(
    asked: FlaskClient, row: Row, query: str, words: str
) -> None:
    send(asked, records(row))

    response = asked.get(f"{URL}?{query}")

    assert response.status_code == 404
    assert words in response.get_json()["detail"]


def test_the_live_model_is_explained_with_its_flare_history(
    client_sqlite: FlaskClient, row: Row, flare_row: Row
) -> None:
    covers = {"from": "2014-01-01T00:00:00Z", "to": "2014-03-02T00:00:00Z"}
    client_sqlite.post("/api/v1/flares", json={"flares": [flare_row()], "covers": covers})
    send(client_sqlite, [row()])

    told = client_sqlite.get(f"{URL}?region=3721").get_json()

    flares = next(item for item in told["contributions"] if item["feature"] == "FLARES_M_24H")
    assert (flares["value"], flares["unit"]) == (1.0, "count")
    assert flares["label"] == "M1.0+ count, 24 h"
    assert told["probability_raw"] == pytest.approx(told["issued_probability_raw"], abs=1e-6)
    total = sum(item["contribution"] for item in told["contributions"])
    assert total == pytest.approx(told["log_odds"] - told["base_log_odds"], abs=1e-9)
