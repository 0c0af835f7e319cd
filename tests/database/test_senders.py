"""Senders are counted, and their sequence never goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from database.engine import reading, writing
from database.senders import Delivery, list_senders, record_delivery

NOW = datetime(2014, 3, 1, tzinfo=UTC)


def test_deliveries_add_up(engine: sa.Engine) -> None:
    later = NOW + timedelta(minutes=1)
    with writing(engine) as connection:
        record_delivery(connection, "s1", Delivery(5, 1, 2, 3), sequence=8, now=NOW)
        record_delivery(connection, "s1", Delivery(1, 1, 1, 1), sequence=7, now=later)
        record_delivery(connection, "s0", Delivery(0, 0, 0, 0), sequence=None, now=NOW)

    with reading(engine) as connection:
        s0, s1 = list_senders(connection, limit=9)
        assert list_senders(connection, limit=9, after="s0") == [s1]
    assert (s0["last_sequence"], s1["last_sequence"]) == (None, 8)
    assert [s1[n] for n in ("accepted", "duplicates", "revised", "rejected")] == [6, 2, 3, 4]
    assert (s1["first_seen_at"], s1["last_seen_at"]) == (NOW, later)
