"""Models: one is live, the one before retires, and an unknown one is answered with the known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from database.engine import reading, writing
from database.models import (
    StageRow,
    find_model,
    list_models,
    live_model,
    live_since,
    register,
    stage_history,
)
from solar.errors import InvalidInputError, NotFoundError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def manifest(name: str) -> dict[str, Any]:
    events = [{"name": "C1.0", "threshold": 0.2}, {"name": "X1.0", "threshold": None}]
    return {"name": name, "version": "1.0.0", "events": events}


def test_a_new_live_model_retires_the_one_before(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        assert live_model(connection) is None
        register(connection, manifest("old"), sha256="0", stage="live", now=NOW)
        register(connection, manifest("dark"), sha256="2", stage="shadow", now=NOW)
        register(connection, manifest("new"), sha256="1", stage="live", now=NOW)

    with reading(engine) as connection:
        live = live_model(connection)
        listed = [(model.model_id, model.stage) for model in list_models(connection)]
    assert live is not None
    assert live.thresholds == {"C1.0": 0.2, "X1.0": None}
    assert listed == [
        ("new@1.0.0", "live"), ("dark@1.0.0", "shadow"), ("old@1.0.0", "retired"),
    ]  # fmt: skip


def test_registering_again_keeps_the_first_date(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        register(connection, manifest("m"), sha256="0", stage="shadow", now=NOW)
        register(connection, manifest("m"), sha256="0", stage="shadow", now=NOW)
        register(connection, manifest("m"), sha256="0", stage="live", now=NOW + timedelta(days=1))

    with reading(engine) as connection:
        model = find_model(connection, "m@1.0.0")
    assert (model.stage, model.registered_at, model.manifest) == ("live", NOW, manifest("m"))


def test_every_change_of_a_stage_is_remembered(engine: sa.Engine) -> None:
    later = NOW + timedelta(days=1)
    with writing(engine) as connection:
        register(connection, manifest("old"), sha256="0", stage="live", now=NOW)
        register(connection, manifest("old"), sha256="0", stage="live", now=later)
        register(connection, manifest("new"), sha256="1", stage="live", now=later)

    with reading(engine) as connection:
        history, live = stage_history(connection), live_since(connection)
    assert history == [
        StageRow("old@1.0.0", NOW, "live"),
        StageRow("new@1.0.0", later, "live"),
        StageRow("old@1.0.0", later, "retired"),
    ]
    assert live == [StageRow("old@1.0.0", NOW, "live"), StageRow("new@1.0.0", later, "live")]


def test_an_unknown_model_is_answered_with_the_known(engine_sqlite: sa.Engine) -> None:
    with writing(engine_sqlite) as connection:
        with pytest.raises(NotFoundError, match="registered are: none yet"):
            find_model(connection, "m@1.0.0")
        register(connection, manifest("m"), sha256="0", stage="live", now=NOW)
        with pytest.raises(NotFoundError, match=r"registered are: m@1\.0\.0"):
            find_model(connection, "n@1.0.0")


def test_an_unknown_stage_is_refused(engine_sqlite: sa.Engine) -> None:
    with (
        writing(engine_sqlite) as connection,
        pytest.raises(InvalidInputError, match="choose one of candidate, shadow, live, retired"),
    ):
        register(connection, manifest("m"), sha256="0", stage="lively", now=NOW)


@pytest.mark.parametrize(
    ("more", "stage", "origin"),
    [
        ({}, "live", "made here"),
        ({}, "agency", "made elsewhere"),
        ({"made_by": "elsewhere"}, "live", "made elsewhere"),
        ({"made_by": "elsewhere", "unaudited": "why not"}, "live",
         "made elsewhere, not audited: why not"),
        ({"made_by": "elsewhere", "evaluation": {"part": "test"}}, "live",
         "made elsewhere, evaluated here on test cases"),
    ],
)  # fmt: skip
def test_a_model_says_where_it_comes_from(
    engine_sqlite: sa.Engine, more: dict[str, Any], stage: str, origin: str
) -> None:
    with writing(engine_sqlite) as connection:
        register(connection, manifest("m") | more, sha256="0", stage=stage, now=NOW)
        model = find_model(connection, "m@1.0.0")

    assert model.origin == origin
    assert set(model.manifest) <= {*manifest("m"), "made_by"}
