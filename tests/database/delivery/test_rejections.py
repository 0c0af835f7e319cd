from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from database.delivery.rejections import RejectionCause, record_rejections, top_rejections
from database.engine import reading, writing
from solar.time import Window

NOW = datetime(2014, 3, 1, 12, 59, tzinfo=UTC)
LATER = NOW + timedelta(minutes=2)


def test_refusals_are_added_up_by_reason_and_shown_with_their_last_case(engine: sa.Engine) -> None:
    unit = RejectionCause("keywords.TOTUSJH", "outside; check the unit", 3, "first", "s1")
    early = RejectionCause("t_rec", "lies in the future", 1, "early", "s1")
    with writing(engine) as connection:
        record_rejections(connection, [unit, early, replace(unit, sender_id="s2")], now=NOW)
        again = RejectionCause(unit.path, unit.reason, 2, "last", "s3")
        record_rejections(connection, [again], now=LATER)

    with reading(engine) as connection:
        both = top_rejections(connection, Window(NOW, LATER + timedelta(hours=1)), limit=5)
        later = top_rejections(connection, Window(LATER, LATER + timedelta(hours=1)), limit=5)

    assert [(r.path, r.n, r.last_sender, r.example) for r in both] == [
        ("keywords.TOTUSJH", 8, "s3", "last"),
        ("t_rec", 1, "s1", "early"),
    ]
    assert both[0].last_at == LATER
    assert [refusal.n for refusal in later] == [2]


def test_without_a_refusal_nothing_is_written(engine_sqlite: sa.Engine) -> None:
    with writing(engine_sqlite) as connection:
        record_rejections(connection, [], now=NOW)

    with reading(engine_sqlite) as connection:
        assert top_rejections(connection, Window(NOW, LATER), limit=5) == []
