"""A shadow whose graph fails or answers nonsense has no forecast; the live model is unaffected."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from handmade_models import line_up
from hostile_graphs import ODD, dropping, echo, failing, huge, write
from served_windows import POINT, forecasts, records, send

from app.services import prepare
from app.settings import ApiSettings
from model_training.artefact.artifact import NO_PROBABILITY
from model_training.artefact.inference import FAILED, WRONG_SHAPE
from solar.errors import ArtifactError

# Of R_VALUE, in the order of time.
VALUES = (0.3, 5.0, None, 0.4)


def shadowed(models: Path, graph: bytes) -> Path:
    """Write POINT as the live model, and in its shadow one with this graph."""
    line_up(models, POINT)
    folder = write(models, graph)
    manifest = json.loads((folder / "manifest.json").read_text()) | {"max_missing_share": 1}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    stages = {"live": POINT.model_id, "shadow": [ODD.model_id]}
    (models / "live.json").write_text(json.dumps(stages))
    return models


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (echo(), [None, NO_PROBABILITY, NO_PROBABILITY, None]),
        (dropping(), [WRONG_SHAPE] * 4),
        (failing(), [FAILED] * 4),
    ],
    ids=["1.7 and NaN", "fewer rows", "fails"],
)
def test_rows_without_a_usable_output_have_a_reason_and_ingest_goes_on(
    engine_sqlite: sa.Engine,
    make_app: Callable[..., Flask],
    row: Callable[..., dict[str, Any]],
    tmp_path: Path,
    graph: bytes,
    said: list[str | None],
) -> None:
    app = make_app(engine_sqlite, artifacts_dir=shadowed(tmp_path / "models", graph))
    client = app.test_client()
    rows = records(row, steps=range(len(VALUES)))
    for one, value in zip(rows, VALUES, strict=True):
        one["keywords"] = one["keywords"] | {"R_VALUE": value}

    answer = send(client, rows)

    assert (answer["accepted"], answer["predictions"]) == (4, 8)
    odd = sorted(forecasts(client, ODD), key=lambda item: str(item["t_rec"]))
    assert [item["reason"] for item in odd] == said
    assert [item["rung"] == "none" for item in odd] == [reason is not None for reason in said]
    has_forecast = [item["raw"]["C1.0"] is not None for item in odd]
    assert has_forecast == [reason is None for reason in said]
    assert all(item["raw"]["C1.0"] is not None for item in forecasts(client, POINT))


def test_the_api_does_not_open_a_graph_that_the_probe_refuses(
    engine_sqlite: sa.Engine, tmp_path: Path
) -> None:
    address = engine_sqlite.url.render_as_string(hide_password=False)
    models = shadowed(tmp_path / "models", huge())

    with pytest.raises(ArtifactError, match=r"model odd-1\.0\.0: its graph fails: there is not en"):
        prepare(ApiSettings(database_url=address, artifacts_dir=models))
