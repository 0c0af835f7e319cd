"""Behind the API a model made elsewhere shows what is known of it, and null for the rest."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from handmade_models import line_up
from served_windows import POINT, records, send

from model_training.artefact.artifact import MANIFEST, load, sha256_of
from model_training.artefact.manifest import Evaluation, LeakAudit
from model_training.registry import ARTIFACTS

MakeApp = Callable[..., Flask]
Row = Callable[..., dict[str, Any]]
SHIPPED = ARTIFACTS / "blend-1.0.0" / MANIFEST


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return line_up(tmp_path / "models", replace(POINT, bias=1.0))


def change(folder: Path, **changes: Any) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | changes))


def listed(app: Flask) -> dict[str, Any]:
    (item,) = app.test_client().get("/api/v1/models").get_json()["items"]
    found: dict[str, Any] = item
    return found


def test_it_is_listed_with_the_reason_for_which_it_serves(
    engine_sqlite: sa.Engine, make_app: MakeApp, models: Path
) -> None:
    stages = {"live": POINT.model_id, "unaudited": {POINT.model_id: "compared by hand"}}
    (models / "live.json").write_text(json.dumps(stages))

    item = listed(make_app(engine_sqlite, artifacts_dir=models))

    assert (item["made_by"], item["unaudited"]) == ("elsewhere", "compared by hand")
    assert item["evaluation"] is None
    unknown = ("scores", "leak_audit", "split", "reference", "disk", "parity", "recipe")
    assert {name: item["manifest"][name] for name in unknown} == dict.fromkeys(unknown)


def test_what_was_found_of_it_here_is_listed(
    engine_sqlite: sa.Engine, make_app: MakeApp, models: Path
) -> None:
    folder = models / "point-1.0.0"
    found = Evaluation(
        manifest=sha256_of(folder),
        recipe="blend@1.0.0",
        data={},
        split={},
        part="validation",
        leak_audit=LeakAudit(passed=True, checks=()),
        scores={},
    )
    (folder / "evaluation.json").write_text(found.model_dump_json())

    item = listed(make_app(engine_sqlite, artifacts_dir=models))

    assert item["evaluation"]["recipe"] == "blend@1.0.0"
    assert item["evaluation"]["leak_audit"]["passed"] is True


def test_the_models_that_come_with_flarewatch_are_listed_as_made_here(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    items = make_app(engine_sqlite).test_client().get("/api/v1/models").get_json()["items"]

    assert {item["made_by"] for item in items} == {"flarewatch"}
    assert all(item["manifest"]["scored_graph"] for item in items)


def test_without_thresholds_it_forecasts_and_raises_no_alert(
    engine_sqlite: sa.Engine, make_app: MakeApp, models: Path, row: Row
) -> None:
    events = [{"name": "C1.0", "column": 0}, {"name": "M1.0", "column": 1}]
    change(models / "point-1.0.0", events=events)
    client = make_app(engine_sqlite, artifacts_dir=models).test_client()

    answer = send(client, records(row))

    forecasts = client.get("/api/v1/predictions").get_json()["items"]
    assert answer["predictions"] == len(forecasts) == 12
    assert max(item["probabilities"]["M1.0"] for item in forecasts) > 0.5
    assert client.get("/api/v1/alerts").get_json()["items"] == []


def test_with_thresholds_of_its_own_the_same_records_raise_one(
    engine_sqlite: sa.Engine, make_app: MakeApp, models: Path, row: Row
) -> None:
    client = make_app(engine_sqlite, artifacts_dir=models).test_client()

    send(client, records(row))

    assert client.get("/api/v1/alerts").get_json()["items"]


def test_evidence_from_before_graphs_were_named_is_warned_of_at_start(
    engine_sqlite: sa.Engine, make_app: MakeApp, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = line_up(tmp_path / "old", POINT) / "point-1.0.0"
    named = ("sources", "split", "leak_audit", "parity", "scores", "score_notes", "recipe")
    ours = json.loads(SHIPPED.read_text())
    evidence = {name: ours[name] for name in named if name not in ("scores", "recipe")}
    change(
        folder,
        made_by="flarewatch",
        libraries={},
        scores={},
        recipe={},
        scored_graph=None,
        **evidence,
    )
    assert load(folder).warnings

    with caplog.at_level(logging.WARNING):
        make_app(engine_sqlite, artifacts_dir=tmp_path / "old")

    assert "nothing says that split, leak_audit, parity belong to this model.onnx" in caplog.text
