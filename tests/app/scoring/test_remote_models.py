from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from handmade_models import HandmadeModel, line_up
from remote_model import RemoteModel
from served_windows import POINT, URL, forecasts, records

from app.services import prepare
from app.settings import ApiSettings
from model_training.artefact.artifact import MANIFEST, NO_PROBABILITY, load
from model_training.artefact.manifest import Remote
from model_training.artefact.remote import NO_ANSWER, CircuitBreaker, RemoteInference
from solar.errors import ArtifactError

Row = Callable[..., dict[str, Any]]
MakeApp = Callable[..., Flask]
FAR = HandmadeModel("far", POINT.features, POINT.weights, bias=POINT.bias)


@pytest.fixture
def remote() -> Iterator[RemoteModel]:
    with RemoteModel(FAR).serving() as running:
        yield running


def line_up_beside(models: Path, url: str, *, timeout_seconds: float = 0.5) -> Path:
    """Write the graph as the live model, and the same function far away in its shadow."""
    line_up(models, POINT)
    folder = models / f"{FAR.name}-1.0.0"
    folder.mkdir()
    remote = Remote(url=url, timeout_seconds=timeout_seconds)
    (folder / MANIFEST).write_text(FAR.manifest({}, remote=remote).model_dump_json())
    stages = {"live": POINT.model_id, "shadow": [FAR.model_id]}
    (models / "live.json").write_text(json.dumps(stages))
    return models


def serve(make_app: MakeApp, engine: sa.Engine, models: Path) -> FlaskClient:
    return make_app(engine, artifacts_dir=models).test_client()


def post(client: FlaskClient, rows: list[dict[str, Any]]) -> dict[str, Any]:
    answer = client.post(URL, json={"observations": rows})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def test_a_remote_model_forecasts_exactly_what_its_graph_does_here(
    engine_sqlite: sa.Engine, make_app: MakeApp, row: Row, tmp_path: Path, remote: RemoteModel
) -> None:
    client = serve(make_app, engine_sqlite, line_up_beside(tmp_path / "m", remote.url))

    post(client, records(row))

    near, far = forecasts(client, POINT), forecasts(client, FAR)
    assert len(near) == len(far) == 12
    # The graph computes in single precision.
    np.testing.assert_allclose(
        [item["raw"]["C1.0"] for item in far], [item["raw"]["C1.0"] for item in near], rtol=1e-6
    )


def nothing(_question: dict[str, Any]) -> bytes:
    return b""


def garbage(_question: dict[str, Any]) -> bytes:
    return b"<html>Bad gateway</html>"


def a_list(_question: dict[str, Any]) -> bytes:
    return b"[1, 2]"


def too_few_rows(question: dict[str, Any]) -> bytes:
    return json.dumps({"probabilities": [[0.1, 0.1]] * (len(question["inputs"]) - 1)}).encode()


def too_few_columns(question: dict[str, Any]) -> bytes:
    return json.dumps({"probabilities": [[0.1]] * len(question["inputs"])}).encode()


def ragged(question: dict[str, Any]) -> bytes:
    rows = [[0.1, 0.1]] * (len(question["inputs"]) - 1)
    return json.dumps({"probabilities": [*rows, [0.1]]}).encode()


@pytest.mark.parametrize(
    "answer",
    [nothing, garbage, a_list, too_few_rows, too_few_columns, ragged],
)
def test_an_answer_that_is_none_leaves_a_reason_and_the_other_model_its_forecast(
    engine_sqlite: sa.Engine,
    make_app: MakeApp,
    row: Row,
    tmp_path: Path,
    remote: RemoteModel,
    answer: Any,
) -> None:
    client = serve(make_app, engine_sqlite, line_up_beside(tmp_path / "m", remote.url))
    remote.answer = answer

    body = post(client, records(row))

    assert (body["accepted"], body["predictions"]) == (12, 24)
    for item in forecasts(client, FAR):
        assert item["probabilities"] == dict.fromkeys(item["probabilities"])
        assert (item["rung"], item["reason"]) == ("none", NO_ANSWER)
    assert all(item["raw"]["C1.0"] is not None for item in forecasts(client, POINT))


def test_rows_that_it_answers_with_no_probability_have_none_and_the_others_theirs(
    engine_sqlite: sa.Engine, make_app: MakeApp, row: Row, tmp_path: Path, remote: RemoteModel
) -> None:
    client = serve(make_app, engine_sqlite, line_up_beside(tmp_path / "m", remote.url))
    given = [[1.1, 0.1], [None, 0.1], [0.2, -1e300], *[[0.2, 0.1]] * 9]
    remote.answer = lambda _question: json.dumps({"probabilities": given}).encode()

    post(client, records(row))

    reasons = [item["reason"] for item in forecasts(client, FAR)]
    assert sorted(map(str, reasons)) == ["None"] * 9 + [NO_PROBABILITY] * 3
    assert all(item["raw"]["C1.0"] is not None for item in forecasts(client, POINT))


def test_a_slow_remote_is_left_alone_after_three_batches(
    engine_sqlite: sa.Engine, make_app: MakeApp, row: Row, tmp_path: Path, remote: RemoteModel
) -> None:
    models = line_up_beside(tmp_path / "m", remote.url, timeout_seconds=0.05)
    client = serve(make_app, engine_sqlite, models)
    remote.delay_seconds = 0.3

    for one in records(row, steps=range(6)):
        post(client, [one])

    assert remote.asked == 3
    assert {item["reason"] for item in forecasts(client, FAR)} == {NO_ANSWER}


def test_a_remote_that_comes_back_forecasts_again(tmp_path: Path, remote: RemoteModel) -> None:
    model = load(line_up_beside(tmp_path, remote.url) / "far-1.0.0")
    settings = model.manifest.remote
    assert settings is not None
    model.inference = RemoteInference(
        model.manifest, settings, CircuitBreaker(first_rest_seconds=0.0)
    )
    inputs = np.ones((2, 2), np.float32)
    remote.answer = nothing
    for _ in range(3):
        assert model.score_inputs(inputs).reason == [NO_ANSWER, NO_ANSWER]
    remote.answer = remote.probabilities

    scores = model.score_inputs(inputs)

    assert scores.reason == [None, None]
    # The last two of ten weights in twentieths, 0.45 and 0.5, of ones, less 2.
    assert scores.raw[0, 0] == pytest.approx(1 / (1 + np.exp(2.0 - FAR.weights.sum())))


def test_a_remote_that_looks_at_something_else_is_refused_at_start_by_name(
    tmp_path: Path, remote: RemoteModel
) -> None:
    remote.features = ["R_VALUE", "USFLUX"]
    settings = settings_of(tmp_path, remote.url)

    with pytest.raises(
        ArtifactError, match=r"far@1\.0\.0: .* lacks MEANALP and takes USFLUX beside them"
    ):
        prepare(settings)


def test_a_remote_that_is_away_at_start_is_let_pass(tmp_path: Path, remote: RemoteModel) -> None:
    settings = settings_of(tmp_path, "http://127.0.0.1:9/flare")

    prepare(settings)


def settings_of(folder: Path, url: str) -> ApiSettings:
    return ApiSettings(
        database_url=f"sqlite:///{folder}/store.db",
        artifacts_dir=line_up_beside(folder / "models", url),
    )


def test_a_remote_model_needs_no_graph_but_a_model_without_both_is_refused(
    tmp_path: Path, remote: RemoteModel
) -> None:
    folder = line_up_beside(tmp_path, remote.url) / "far-1.0.0"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert load(folder).model_id == FAR.model_id

    shutil.copytree(folder, tmp_path / "bare")
    (tmp_path / "bare" / "manifest.json").write_text(json.dumps({**manifest, "remote": None}))

    with pytest.raises(ArtifactError, match=r"bare: .* lists no model\.onnx .* names no remote"):
        load(tmp_path / "bare")
