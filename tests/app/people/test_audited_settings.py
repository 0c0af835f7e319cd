"""A start with other alert rules, thresholds, retention or stages is in the audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.services import prepare
from app.settings import ApiSettings
from database.engine import reading
from database.people.audit import AuditEntry, list_audit


def entries(engine: sa.Engine, kind: str) -> list[AuditEntry]:
    with reading(engine) as connection:
        return list_audit(connection, object_kinds=[kind], limit=50)


def start(engine: sa.Engine, **changes: Any) -> None:
    address = engine.url.render_as_string(hide_password=False)
    prepare(ApiSettings(database_url=address, **changes))


def test_other_rules_and_another_retention_are_in_the_audit_and_the_same_are_not(
    engine_sqlite: sa.Engine, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nevent = "M1.0"\non = 0.2\n')
    start(engine_sqlite)
    start(engine_sqlite)
    first = entries(engine_sqlite, "setting")

    start(engine_sqlite, alert_rules=rules, retention="rejections=30d")

    changed = {e.object_id: e for e in entries(engine_sqlite, "setting") if e.before is not None}
    assert sorted(entry.object_id for entry in first) == ["alert rules", "retention"]
    assert changed.keys() == {"alert rules", "retention"}
    assert json.loads(changed["alert rules"].after or "")["M1.0"]["on"] == 0.2
    assert json.loads(changed["retention"].before or "")["rejections"] == "1y"
    assert json.loads(changed["retention"].after or "")["rejections"] == "30d"
    assert {entry.via for entry in changed.values()} == {"system"}


def test_the_first_stage_of_each_model_is_in_the_audit(engine_sqlite: sa.Engine) -> None:
    start(engine_sqlite)

    stages = [json.loads(entry.after or "") for entry in entries(engine_sqlite, "stage")]

    assert stages.count("live") == 1
