from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
import sqlalchemy as sa
from raised_alerts import NOW, announce, raised
from webhook_receiver import receiving

from app.notifications.channels import Channel, DryRunChannel
from app.notifications.delivery import (
    MOST_ATTEMPTS,
    _keep_delivering,
    deliver_due,
    wait_seconds,
)
from database.clock.clock import Replayed, begin_replay
from database.engine import create_engine, reading, writing
from database.notifications import Notification, failed, notification_counts, pending
from database.people.principal import PROGRAM
from database.schema.tables import notices
from database.settings import DatabaseSettings
from solar.process import StopSignal
from solar.time import Window

EARLY = NOW - timedelta(minutes=1)


def counts(engine: sa.Engine) -> dict[str, int]:
    with reading(engine) as connection:
        found = notification_counts(connection)
    return {state: count for state, count in found.items() if count}


def waiting(engine: sa.Engine) -> list[Notification]:
    with reading(engine) as connection:
        return pending(connection)


def deliver(engine: sa.Engine, channel: Channel, *, at: datetime = NOW) -> int:
    return deliver_due(engine, {"webhook": channel}, clock=lambda: at)


def test_a_receiver_that_fails_twice_gets_the_notice_the_third_time(engine: sa.Engine) -> None:
    announce(engine)

    at, waits = NOW, []
    with receiving(500, 503) as receiver:
        for _ in range(2):
            deliver(engine, receiver.webhook(), at=at)
            (notice,) = waiting(engine)
            waits.append((notice.next_at - at).total_seconds())
            at = notice.next_at
        deliver(engine, receiver.webhook(), at=at)

    assert len(set(receiver.notice_ids)) == 1
    assert len({post.body for post in receiver.posts}) == 1
    assert len(receiver.posts) == 3
    assert [24 <= waits[0] <= 36, 48 <= waits[1] <= 72] == [True, True]
    assert counts(engine) == {"sent": 1}


def test_what_a_replay_says_is_sent_to_nobody_unless_that_is_wanted(
    engine_sqlite: sa.Engine,
) -> None:
    announce(engine_sqlite)
    with writing(engine_sqlite) as connection:
        records = Window(NOW, NOW + timedelta(days=1))
        begin_replay(
            connection, PROGRAM, Replayed("s1", records.start_at, records.end_at, None, NOW)
        )

    with receiving() as receiver:
        taken = deliver(engine_sqlite, receiver.webhook())
        dry = counts(engine_sqlite)
        with writing(engine_sqlite) as connection:
            connection.execute(notices.update().values(state="waiting", next_at=NOW))
        deliver_due(
            engine_sqlite, {"webhook": receiver.webhook()}, notify_replay=True, clock=lambda: NOW
        )

    assert (taken, dry) == (1, {"dry-run": 1})
    assert len(receiver.posts) == 1


def test_a_notice_that_is_not_due_is_left_alone(engine_sqlite: sa.Engine) -> None:
    announce(engine_sqlite)

    with receiving(500) as receiver:
        taken = [deliver(engine_sqlite, receiver.webhook(), at=NOW) for _ in range(3)]

    assert taken == [1, 0, 0]
    assert len(receiver.posts) == 1


def test_what_is_refused_for_good_is_given_up_at_once_with_the_reason(engine: sa.Engine) -> None:
    announce(engine)

    with receiving(400) as receiver:
        deliver(engine, receiver.webhook())

    with reading(engine) as connection:
        (notice,) = failed(connection)
    assert (notice.attempts, notice.last_error) == (1, "the receiver answered 400")


def test_the_tenth_attempt_in_vain_is_the_last(engine_sqlite: sa.Engine) -> None:
    announce(engine_sqlite)

    at = NOW
    with receiving(*[500] * 20) as receiver:
        for _ in range(20):
            deliver(engine_sqlite, receiver.webhook(), at=at)
            at += timedelta(hours=2)

    assert len(receiver.posts) == MOST_ATTEMPTS == 10
    assert counts(engine_sqlite) == {"failed": 1}


def test_a_receiver_is_not_asked_before_the_time_it_has_named(engine_sqlite: sa.Engine) -> None:
    announce(engine_sqlite)

    with receiving((429, {"Retry-After": "5000"})) as receiver:
        deliver(engine_sqlite, receiver.webhook())

    assert [n.next_at for n in waiting(engine_sqlite)] == [NOW + timedelta(seconds=5000)]


def test_the_waits_double_to_an_hour_and_no_receiver_asks_for_more_than_a_day() -> None:
    tries = range(1, MOST_ATTEMPTS)

    for own, attempts in zip([30, 60, 120, 240, 480, 960, 1920, 3600, 3600], tries, strict=True):
        waits = [wait_seconds(attempts, asked_seconds=0.0) for _ in range(50)]
        assert own * 0.8 <= min(waits) < max(waits) <= own * 1.2
    assert wait_seconds(1, asked_seconds=float("inf")) == 86_400


def test_one_notice_that_fails_keeps_no_other_back(engine_sqlite: sa.Engine) -> None:
    announce(engine_sqlite, raised(1), raised(2), raised(3))

    with receiving(500) as receiver:
        deliver(engine_sqlite, receiver.webhook())

    assert counts(engine_sqlite) == {"waiting": 1, "sent": 2}


def test_a_notice_whose_channel_breaks_is_tried_again_and_keeps_no_other_back(
    engine_sqlite: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    class BreakingOnce(DryRunChannel):
        turns: ClassVar[list[str]] = []

        def deliver(self, notice: Notification, *, now: datetime) -> None:
            self.turns.append(notice.notice_id)
            if len(self.turns) == 1:
                raise ValueError("https://user:password@hooks.example.org cannot be read")

    announce(engine_sqlite, raised(1), raised(2))

    done = deliver(engine_sqlite, BreakingOnce())

    assert done == 2
    assert counts(engine_sqlite) == {"waiting": 1, "dry-run": 1}
    assert [notice.last_error for notice in waiting(engine_sqlite)] == [
        "unforeseen ValueError; see the log"
    ]
    assert "Traceback" in caplog.text
    assert deliver(engine_sqlite, BreakingOnce(), at=NOW + timedelta(minutes=1)) == 1
    assert counts(engine_sqlite) == {"dry-run": 2}


def test_the_worker_goes_on_after_an_unforeseen_error(
    engine_sqlite: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.notifications.delivery.PAUSE_SECONDS", 0.1)
    announce(engine_sqlite, raised(1), raised(2))
    with writing(engine_sqlite) as connection:
        of_first = notices.c.alert_id == raised(1).alert_id
        connection.execute(notices.update().where(of_first).values(body="no JSON", next_at=EARLY))
    stop = StopSignal()
    channels: dict[str, Channel] = {"webhook": DryRunChannel()}
    worker = threading.Thread(target=_keep_delivering, args=(engine_sqlite, channels, stop))

    worker.start()
    deadline = time.monotonic() + 20
    while counts(engine_sqlite) != {"dry-run": 2} and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    worker.join(20)
    stop.close()

    assert counts(engine_sqlite) == {"dry-run": 2}
    assert "JSONDecodeError" in caplog.text


def test_workers_and_replicas_at_once_send_each_notice_once(engine: sa.Engine) -> None:
    announce(engine, *(raised(region_id) for region_id in range(1, 11)))
    address = engine.url.render_as_string(hide_password=False)
    replica = create_engine(DatabaseSettings(database_url=address))

    with receiving(slow_seconds=0.02) as receiver:
        threads = [
            threading.Thread(target=deliver, args=(one, receiver.webhook()))
            for one in (engine, engine, replica, replica)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    replica.dispose()

    assert len(receiver.posts) == len(set(receiver.notice_ids)) == 10
    assert counts(engine) == {"sent": 10}


def test_nothing_more_is_claimed_once_it_is_not_wanted(engine_sqlite: sa.Engine) -> None:
    announce(engine_sqlite, raised(1), raised(2), raised(3))

    with receiving() as receiver:
        deliver_due(
            engine_sqlite, {"webhook": receiver.webhook()}, is_wanted=lambda: not receiver.posts
        )

    assert counts(engine_sqlite) == {"waiting": 2, "sent": 1}


def test_a_dry_run_does_everything_but_the_sending(
    engine_sqlite: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    announce(engine_sqlite, raised(-12017))

    deliver(engine_sqlite, DryRunChannel())

    assert counts(engine_sqlite) == {"dry-run": 1}
    assert "dry-run: [R1] M1.0+ alert opened: AR 12017, P 23 %" in caplog.text
