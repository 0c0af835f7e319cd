"""The line-up of a process: it follows store and stage file, and keeps what it can serve."""

from __future__ import annotations

import hashlib
import weakref
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from flask import Flask
from handmade_models import HandmadeModel
from registered_models import go_live, register_candidate
from served_windows import FEATURES, POINT, WINDOW, MakeApp, Row

from app.line_up import FollowingThread, LineUpFollower
from app.services import Services
from database.engine import reading, writing
from database.lineups import current_lineup, list_lineups
from database.models import list_models
from database.people.audit import list_audit
from database.schema.lifecycle_tables import lineups, server_processes
from solar.stages import Stages, write_stages

NEW = HandmadeModel("new", FEATURES, np.ones((1, len(FEATURES))), bias=-1.0)
BROKEN = HandmadeModel("broken", FEATURES, np.ones((1, len(FEATURES))))
OBSERVATIONS, ROLLBACK = "/api/v1/observations", "/api/v1/lab/models/rollback"


@pytest.fixture
def app(make_app: MakeApp, engine_sqlite: sa.Engine, models: Path, tmp_path: Path) -> Flask:
    return make_app(engine_sqlite, artifacts_dir=models, data_dir=tmp_path / "data")


def running(app: Flask) -> Services:
    services: Services = app.extensions["flarewatch"]
    return services


def candidate(app: Flask, tmp_path: Path, model: HandmadeModel) -> str:
    """Register a model with thresholds of 0.3 that lies only in the file store."""
    given = running(app)
    folder = model.write(tmp_path / "made")
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"threshold":0.5', '"threshold":0.3'))
    return register_candidate(given.engine, folder, given.file_store)


def lost_candidate(app: Flask, tmp_path: Path) -> str:
    """Register a model whose graph the file store has lost."""
    model_id = candidate(app, tmp_path, BROKEN)
    running(app).file_store.delete(hashlib.sha256(BROKEN.graph()).hexdigest())
    return model_id


def scorers(app: Flask, row: Row, t_rec: str) -> set[str]:
    """Send a record and return the models that have forecast from it."""
    client = app.test_client()
    answer = client.post(
        OBSERVATIONS,
        json={"sender": {"id": "s1"}, "observations": [row(t_rec=t_rec)]},
    )
    assert answer.status_code == 200, answer.get_json()
    query = f"/api/v1/predictions?model=all&from={t_rec}"
    items = client.get(query).get_json()["items"]
    return {item["model"] for item in items if item["t_rec"] == t_rec}


def ready(app: Flask) -> dict[str, Any]:
    answer: dict[str, Any] = app.test_client().get("/ready").get_json()
    return answer


def test_an_empty_store_is_seeded_by_the_stage_file_and_started_again_keeps_its_line_up(
    app: Flask, make_app: MakeApp, models: Path
) -> None:
    engine = running(app).engine

    again = make_app(engine, artifacts_dir=models)

    with reading(engine) as connection:
        (first,) = list_lineups(connection, limit=9)
        stages = {model.model_id: model.stage for model in list_models(connection)}
    assert (first.number, first.live, first.shadow) == (1, WINDOW.model_id, (POINT.model_id,))
    assert stages == {WINDOW.model_id: "live", POINT.model_id: "shadow"}
    assert ready(again)["line_up"] == 1


def test_a_change_is_served_from_the_next_record_on_and_the_old_model_is_let_go(
    app: Flask, tmp_path: Path, row: Row
) -> None:
    given = running(app)
    before = scorers(app, row, "2014-03-01T00:00:00Z")
    old = weakref.ref(given.served_models.shadows[0])

    new = candidate(app, tmp_path, NEW)
    go_live(given.engine, new)
    go_live(given.engine, POINT.model_id, stage="retired")
    between = scorers(app, row, "2014-03-01T00:12:00Z")
    given.line_up.follow()

    assert before == between == {WINDOW.model_id, POINT.model_id}
    assert scorers(app, row, "2014-03-01T00:24:00Z") == {new, WINDOW.model_id}
    assert given.alert_config.model_id == new
    assert [rule.on for rule in given.alert_config.rules] == [0.3]
    answer = ready(app)
    assert (answer["model"], answer["shadows"], answer["line_up"]) == (new, [WINDOW.model_id], 3)
    # At once: what a worker has loaded at its start the collector never looks at again.
    assert old() is None


def test_a_model_that_cannot_be_loaded_changes_nothing_and_is_said_to_be_wrong(
    app: Flask, tmp_path: Path, row: Row, make_app: MakeApp, models: Path
) -> None:
    given = running(app)
    broken = lost_candidate(app, tmp_path)
    number = go_live(given.engine, broken)

    given.line_up.follow()

    answer = ready(app)
    (process,) = answer["processes"]
    assert (answer["model"], answer["line_up"], process["line_up"]) == (WINDOW.model_id, 1, 1)
    assert process["fault"] == (
        f"line-up {number}: {broken} cannot be loaded: the file is no longer in the store"
    )
    assert scorers(app, row, "2014-03-01T00:00:00Z") == {WINDOW.model_id, POINT.model_id}

    # Who starts now serves what could be served before.
    restarted = make_app(given.engine, artifacts_dir=models, data_dir=tmp_path / "data")
    assert ready(restarted)["line_up"] == 1

    go_live(given.engine, WINDOW.model_id)
    given.line_up.follow()
    assert ready(app)["line_up"] == number + 1
    # Now the broken one is in the shadow, where it holds up nothing.
    assert scorers(app, row, "2014-03-01T00:12:00Z") == {WINDOW.model_id, POINT.model_id}
    assert ready(app)["processes"][0]["fault"].startswith(f"line-up {number + 1}: {broken} cannot")
    go_live(given.engine, broken, stage="retired")
    given.line_up.follow()
    assert ready(app)["processes"][0]["fault"] is None


def test_promoting_on_the_command_line_changes_running_processes(app: Flask, models: Path) -> None:
    given = running(app)
    NEW.write(models)

    write_stages(models, Stages(live=NEW.model_id), now=given.clock())
    given.line_up.follow()

    answer = ready(app)
    assert (answer["model"], answer["shadows"], answer["line_up"]) == (NEW.model_id, [], 2)
    with reading(given.engine) as connection:
        stages = {model.model_id: model.stage for model in list_models(connection)}
    assert stages == {
        NEW.model_id: "live", WINDOW.model_id: "retired", POINT.model_id: "retired",
    }  # fmt: skip


def test_a_stage_file_that_names_what_cannot_serve_is_reported_and_tried_again_when_written_anew(
    app: Flask, models: Path
) -> None:
    given = running(app)
    write_stages(models, Stages(live="none@1.0.0"), now=given.clock())
    given.line_up.follow()
    said = ready(app)["processes"][0]["fault"]

    write_stages(models, Stages(live=POINT.model_id), now=given.clock() + timedelta(seconds=1))
    given.line_up.follow()

    assert said is not None
    assert "none-1.0.0" in said
    assert ready(app)["processes"][0]["fault"] is None
    assert ready(app)["model"] == POINT.model_id


def test_rolling_back_needs_a_reason_and_makes_the_model_before_live(
    app: Flask, tmp_path: Path
) -> None:
    given, client = running(app), app.test_client()
    nothing = client.post(ROLLBACK, json={"why": "it misses flares"})
    go_live(given.engine, candidate(app, tmp_path, NEW))

    silent = client.post(ROLLBACK, json={"why": ""})
    done = client.post(ROLLBACK, json={"why": "it misses flares"})
    given.line_up.follow()

    assert (nothing.status_code, silent.status_code, done.status_code) == (409, 422, 200)
    assert done.get_json()["live"] == ready(app)["model"] == WINDOW.model_id
    newest = client.get("/api/v1/lineups?limit=1").get_json()
    assert newest["items"] == [done.get_json()]
    older = client.get(f"/api/v1/lineups?cursor={newest['next_cursor']}").get_json()["items"]
    assert [item["number"] for item in older] == [2, 1]
    with reading(given.engine) as connection:
        acts = list_audit(connection, object_kinds=["stage"], limit=2)
    assert {(act.object_id, act.after) for act in acts} == {
        (WINDOW.model_id, '"live"'), (NEW.model_id, '"shadow"'),
    }  # fmt: skip


def test_a_store_that_was_away_at_the_start_decides_before_anything_is_scored(
    app: Flask, make_app: MakeApp, engine_sqlite: sa.Engine, models: Path, tmp_path: Path
) -> None:
    given = running(app)
    go_live(given.engine, candidate(app, tmp_path, NEW))
    with engine_sqlite.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE lineups RENAME TO away")
    try:
        follower = LineUpFollower(given.engine, given.settings, clock=given.clock)
    finally:
        with engine_sqlite.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO lineups")

    assert follower.served().models.live.model_id == NEW.model_id


def test_a_process_without_background_jobs_follows_in_a_thread(app: Flask, tmp_path: Path) -> None:
    given = running(app)
    follower = LineUpFollower(given.engine, given.settings, clock=given.clock, kind="consumer")
    number = go_live(given.engine, candidate(app, tmp_path, NEW))
    following = FollowingThread(follower)
    following.start()
    try:
        while follower.served().number != number:
            following.join(0.05)
            assert following.is_alive()
    finally:
        following.stop()
    with reading(given.engine) as connection:
        kinds = list(connection.scalars(sa.select(server_processes.c.kind)))
    follower.end()

    assert kinds in ([], ["consumer"])
    assert app.test_client().get("/api/v1/processes").get_json()["items"] == []


def test_without_the_lab_the_models_of_the_folder_serve_and_change(
    make_app: MakeApp, engine_sqlite: sa.Engine, models: Path, tmp_path: Path
) -> None:
    data = tmp_path / "nothing here"

    app = make_app(engine_sqlite, artifacts_dir=models, data_dir=data, lab="off")
    go_live(engine_sqlite, POINT.model_id)
    running(app).line_up.follow()

    assert ready(app)["model"] == POINT.model_id
    assert not data.exists()


def test_a_store_that_was_emptied_is_seeded_again(app: Flask) -> None:
    given = running(app)
    with writing(given.engine) as connection:
        connection.execute(lineups.delete())

    given.line_up.follow()

    with reading(given.engine) as connection:
        assert current_lineup(connection) is not None
    assert ready(app)["model"] == WINDOW.model_id
