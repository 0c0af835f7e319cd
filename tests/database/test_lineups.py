"""Line-ups: every change is a row, moves the stages of the models, and is in the audit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from database.engine import reading, transact, writing
from database.lineups import (
    apply_stage_file,
    change_stage,
    current_lineup,
    list_lineups,
    roll_back,
)
from database.models import list_models, live_since, register
from database.people.audit import acts_on
from database.people.principal import COMMAND_LINE, PROGRAM
from solar.errors import ConflictError, InvalidInputError, NotFoundError
from solar.stages import Stages

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW, DARK = "old@1.0.0", "new@1.0.0", "dark@1.0.0"


@pytest.fixture
def store(engine: sa.Engine) -> sa.Engine:
    return stocked(engine)


@pytest.fixture
def file(engine_sqlite: sa.Engine) -> sa.Engine:
    return stocked(engine_sqlite)


def stocked(engine: sa.Engine) -> sa.Engine:
    """Register three models, of which the old one is live and another its shadow."""
    with writing(engine) as connection:
        for model_id in (OLD, NEW, DARK):
            name = model_id.partition("@")[0]
            manifest = {"name": name, "version": "1.0.0", "events": []}
            register(connection, manifest, sha256="0", stage="candidate", now=NOW)
        stages = Stages(live=OLD, shadow=(DARK,))
        apply_stage_file(connection, PROGRAM, stages, sha256="a", why="first", now=NOW)
    return engine


def stages_of(engine: sa.Engine) -> dict[str, str]:
    with reading(engine) as connection:
        return {model.model_id: model.stage for model in list_models(connection)}


def test_a_model_that_goes_live_makes_the_one_before_a_shadow(store: sa.Engine) -> None:
    later = NOW + timedelta(days=1)

    with writing(store) as connection:
        changed = change_stage(connection, COMMAND_LINE, NEW, "live", why="better", now=later)

    with reading(store) as connection:
        current, first = list_lineups(connection, limit=9)
        live = [(row.model_id, row.from_at) for row in live_since(connection)]
        acts = acts_on(connection, "stage", OLD, limit=1)
    assert changed == current
    assert (current.number, current.live, current.shadow) == (2, NEW, (DARK, OLD))
    assert (current.by, current.why, current.at) == ("command line", "better", later)
    assert (first.number, first.live, first.shadow, first.seed_sha256) == (1, OLD, (DARK,), "a")
    assert stages_of(store) == {NEW: "live", DARK: "shadow", OLD: "shadow"}
    assert live == [(OLD, NOW), (NEW, later)]
    assert (acts[0]["actor"], acts[0]["before"], acts[0]["after"]) == (
        "command line", "live", "shadow",
    )  # fmt: skip


def test_a_shadow_retires_and_a_candidate_becomes_one(file: sa.Engine) -> None:
    with writing(file) as connection:
        change_stage(connection, COMMAND_LINE, DARK, "retired", why="worse", now=NOW)
        change_stage(
            connection, COMMAND_LINE, NEW, "shadow", why="to see", unaudited="known", now=NOW
        )

    with reading(file) as connection:
        current = current_lineup(connection)
    assert current is not None
    assert (current.live, current.shadow, current.unaudited) == (OLD, (NEW,), {NEW: "known"})
    assert stages_of(file) == {OLD: "live", NEW: "shadow", DARK: "retired"}


@pytest.mark.parametrize(
    ("model_id", "stage", "message"),
    [
        (OLD, "live", "is live already"),
        (OLD, "shadow", "is live; let another model go live first"),
        (OLD, "retired", "is live; let another model go live first"),
        (DARK, "shadow", "is shadow already"),
        (NEW, "retired", "does not serve"),
    ],
)
def test_what_would_change_nothing_or_leave_nothing_live_is_refused(
    file: sa.Engine, model_id: str, stage: str, message: str
) -> None:
    with writing(file) as connection, pytest.raises(ConflictError, match=message):
        change_stage(connection, COMMAND_LINE, model_id, stage, why="", now=NOW)

    with reading(file) as connection:
        assert [row.number for row in list_lineups(connection, limit=9)] == [1]


def test_an_unknown_model_is_answered_with_the_known(file: sa.Engine) -> None:
    with writing(file) as connection, pytest.raises(NotFoundError, match="registered are: "):
        change_stage(connection, COMMAND_LINE, "none@1.0.0", "live", why="", now=NOW)


def test_a_shadow_needs_a_live_model(engine_sqlite: sa.Engine) -> None:
    with writing(engine_sqlite) as connection:
        manifest = {"name": "new", "version": "1.0.0", "events": []}
        register(connection, manifest, sha256="0", stage="candidate", now=NOW)

        with pytest.raises(ConflictError, match="nothing is live yet"):
            change_stage(connection, COMMAND_LINE, NEW, "shadow", why="", now=NOW)


def test_rolling_back_makes_the_model_live_that_was_before_with_its_reason(
    file: sa.Engine,
) -> None:
    with writing(file) as connection:
        with pytest.raises(ConflictError, match="nothing to roll back to"):
            roll_back(connection, COMMAND_LINE, why="", now=NOW)
        change_stage(connection, COMMAND_LINE, NEW, "live", why="", unaudited="known", now=NOW)
        change_stage(connection, COMMAND_LINE, DARK, "retired", why="", now=NOW)
        back = roll_back(connection, COMMAND_LINE, why="it misses flares", now=NOW)
        again = roll_back(connection, COMMAND_LINE, why="it does not", now=NOW)

    assert (back.number, back.live, back.shadow) == (4, OLD, (NEW,))
    assert (again.live, again.shadow, again.unaudited) == (NEW, (OLD,), {NEW: "known"})
    assert stages_of(file) == {NEW: "live", OLD: "shadow", DARK: "retired"}


def test_a_stage_file_is_applied_once_and_a_later_one_replaces_all(file: sa.Engine) -> None:
    with writing(file) as connection:
        same = Stages(live=NEW)
        assert not apply_stage_file(connection, PROGRAM, same, sha256="a", why="", now=NOW)
        applied = apply_stage_file(connection, PROGRAM, same, sha256="b", why="", now=NOW)

    assert applied is not None
    assert (applied.number, applied.live, applied.shadow) == (2, NEW, ())
    assert stages_of(file) == {NEW: "live", OLD: "retired", DARK: "retired"}


def test_of_changes_at_the_same_time_none_is_lost(store: sa.Engine) -> None:
    names = [f"m{number}@1.0.0" for number in range(6)]
    with writing(store) as connection:
        for name in names:
            manifest = {"name": name.partition("@")[0], "version": "1.0.0", "events": []}
            register(connection, manifest, sha256="0", stage="candidate", now=NOW)

    def change(name: str) -> int:
        return transact(
            store,
            lambda connection: change_stage(
                connection, COMMAND_LINE, name, "shadow", why="", now=NOW
            ),
        ).number

    with ThreadPoolExecutor(len(names)) as pool:
        numbers = list(pool.map(change, names))

    with reading(store) as connection:
        current = current_lineup(connection)
    assert current is not None
    assert sorted(numbers) == [2, 3, 4, 5, 6, 7]
    assert set(current.shadow) == {DARK, *names}


def test_a_stage_file_that_several_processes_find_at_once_is_applied_once(
    store: sa.Engine,
) -> None:
    def apply(_: int) -> bool:
        stages = Stages(live=NEW)
        applied = transact(
            store,
            lambda connection: apply_stage_file(
                connection, PROGRAM, stages, sha256="b", why="", now=NOW
            ),
        )
        return applied is not None

    with ThreadPoolExecutor(4) as pool:
        was_applied = list(pool.map(apply, range(4)))

    with reading(store) as connection:
        assert [row.number for row in list_lineups(connection, limit=9)] == [2, 1]
    assert was_applied.count(True) == 1


def test_a_line_up_without_a_live_model_is_refused(file: sa.Engine) -> None:
    with writing(file) as connection, pytest.raises(InvalidInputError, match="names no live"):
        apply_stage_file(connection, PROGRAM, Stages(), sha256="b", why="", now=NOW)
