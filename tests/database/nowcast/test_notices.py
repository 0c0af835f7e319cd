from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from xray_minutes import FLARE, QUIET, START, minutes

from app.notifications.email import subject
from database.engine import reading, transact
from database.notifications import claim, pending
from database.nowcast.detection import store_minutes
from database.nowcast.notices import Audience
from solar.flare_detection import MINUTE, XrayMinute

ROWS = minutes([QUIET] * 20 + FLARE + [QUIET] * 9)


def store(engine: sa.Engine, rows: Sequence[XrayMinute], *, now: datetime | None = None) -> None:
    at = now or max(row.minute_at for row in rows)
    audience = Audience(("webhook",), at, at)
    transact(engine, lambda connection: store_minutes(connection, rows, audience=audience))


def told(engine: sa.Engine) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        bodies = [json.loads(notice.body) for notice in pending(connection)]
    return sorted(bodies, key=lambda body: (body["changed_at"], body["severity"]))


def claimed(engine: sa.Engine, *, event_at: datetime) -> str | None:
    notice = transact(
        engine, lambda c: claim(c, "webhook", now=ROWS[-1].minute_at, event_at=event_at)
    )
    return None if notice is None else notice.change


def summary(engine: sa.Engine) -> list[tuple[str, str, str]]:
    return [(b["change"], b["severity"], b["changed_at"][11:16]) for b in told(engine)]


def test_a_level_is_told_at_its_first_minute_and_the_flare_at_its_end(engine: sa.Engine) -> None:
    for row in ROWS:
        store(engine, [row])

    # At minute 25 the flux is M2.0; the flare ends at minute 29.
    assert summary(engine) == [("level", "R1", "17:25"), ("flare", "R1", "17:29")]
    assert [subject(body) for body in told(engine)] == [
        "[R1] X-ray flux M2.0 at 2022-03-30T17:25:00Z",
        "[R1] M2.0 flare, peak 2022-03-30T17:25:00Z",
    ]


def test_a_minute_of_a_replay_that_comes_early_is_told_when_its_time_has_come(
    engine: sa.Engine,
) -> None:
    store(engine, ROWS, now=START)

    # The level is reached at minute 25, and the flare ends at minute 29.
    told = [claimed(engine, event_at=START + k * MINUTE) for k in (24, 25, 28, 29, 30)]

    assert told == [None, "level", None, "flare", None]


def test_whatever_is_sent_again_is_told_once(engine_sqlite: sa.Engine) -> None:
    for _ in range(2):
        store(engine_sqlite, ROWS)
    store(engine_sqlite, [XrayMinute(ROWS[26].minute_at, 3e-5, "G16")], now=ROWS[-1].minute_at)

    assert [body["change"] for body in told(engine_sqlite)] == ["level", "flare"]


def test_a_higher_level_is_told_too_and_a_lower_one_is_not_after_it(
    engine_sqlite: sa.Engine,
) -> None:
    values = [1e-6, 2e-6, 2e-5, 3e-5, 2e-4, 6e-5, 1.2e-5]

    store(engine_sqlite, minutes(values))

    assert summary(engine_sqlite) == [
        ("level", "R1", "17:02"),
        ("level", "R3", "17:04"),
        ("flare", "R3", "17:05"),
    ]


def test_a_level_is_told_again_only_after_ten_low_minutes(engine_sqlite: sa.Engine) -> None:
    def again(low_minutes: int) -> list[XrayMinute]:
        return minutes([2e-5, *[4e-6] * low_minutes, 2e-5])

    store(engine_sqlite, again(9))
    before = summary(engine_sqlite)
    store(engine_sqlite, minutes([4e-6, 2e-5], start=START + 10 * MINUTE))

    assert [at for _, _, at in before] == ["17:00"]
    assert [at for _, _, at in summary(engine_sqlite)] == ["17:00", "17:11"]


def test_a_late_minute_of_the_same_episode_is_no_news(engine_sqlite: sa.Engine) -> None:
    rows = minutes([QUIET, 2e-5, 3e-5])
    store(engine_sqlite, [rows[2]])

    store(engine_sqlite, [rows[1]])

    assert [at for _, _, at in summary(engine_sqlite)] == ["17:02"]


def test_old_minutes_are_told_to_nobody(engine_sqlite: sa.Engine) -> None:
    store(engine_sqlite, ROWS, now=ROWS[-1].minute_at + timedelta(hours=4))

    assert told(engine_sqlite) == []


def test_a_flare_below_m1_is_told_to_nobody(engine_sqlite: sa.Engine) -> None:
    store(engine_sqlite, minutes([QUIET, *[flux / 10 + 5e-7 for flux in FLARE], 1e-7]))

    assert told(engine_sqlite) == []
