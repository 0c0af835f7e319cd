from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from raised_alerts import NOW, OPENED_AT, announce, one_notice, raised

from database.engine import reading, transact
from database.notifications import (
    CLAIM_LASTS,
    Notification,
    claim,
    enqueue,
    failed,
    is_any_due,
    notification_counts,
    pending,
    postpone,
    requeue_failed,
    settle,
)
from database.regions.regions import RegionUpdate, update_regions


def waiting(engine: sa.Engine) -> list[Notification]:
    with reading(engine) as connection:
        return pending(connection)


def counts(engine: sa.Engine) -> dict[str, int]:
    with reading(engine) as connection:
        return notification_counts(connection)


def test_a_change_is_queued_once_on_every_channel_however_often_it_is_reported(
    engine: sa.Engine,
) -> None:
    announce(engine, channels=("webhook", "mail"))
    announce(engine, raised(last_probability=0.9), channels=("webhook", "mail"))

    queued = waiting(engine)

    name = raised().alert_id
    assert sorted(n.notice_id for n in queued) == [f"{name}.opened.mail", f"{name}.opened.webhook"]
    assert {json.loads(n.body)["probability"] for n in queued} == {0.23}
    assert {(n.attempts, n.created_at, n.next_at, n.sent_at) for n in queued} == {
        (0, NOW, NOW, None)
    }


def test_without_a_channel_nothing_is_written(engine: sa.Engine) -> None:
    announce(engine, channels=())

    assert counts(engine) == {"waiting": 0, "sent": 0, "dry-run": 0, "failed": 0}


def test_a_transaction_that_fails_queues_nothing(engine: sa.Engine) -> None:
    def work(connection: sa.Connection) -> None:
        enqueue(connection, [(raised(), "opened")], channels=("webhook",), event_at=NOW, now=NOW)
        raise RuntimeError("the batch is refused")

    with pytest.raises(RuntimeError):
        transact(engine, work)

    assert waiting(engine) == []


def test_a_notification_says_what_changed_and_under_which_names_the_region_goes(
    engine: sa.Engine,
) -> None:
    seen = RegionUpdate(3894, frozenset({12017, 12018}), "hmi.sharp_cea_720s", OPENED_AT, OPENED_AT,
                    -12.0, 10.0, 300.0)  # fmt: skip
    transact(engine, lambda connection: update_regions(connection, [seen]))
    end = raised(state="closed", closed_at=NOW, outcome="confirmed", outcome_class="X1.0",
                 last_probability=None)  # fmt: skip
    announce(engine, end, change="judged")

    (notice,) = waiting(engine)

    assert json.loads(notice.body) == {
        "notice_id": notice.notice_id,
        "alert_id": end.alert_id,
        "change": "judged",
        "changed_at": "2014-03-29T12:05:00Z",
        "region": 3894,
        "noaa_ars": [12017, 12018],
        "model": "lstm@1.0.0",
        "event": "M1.0",
        "window": "24h",
        "severity": "R1",
        "state": "closed",
        "probability": None,
        "threshold": 0.12,
        "opened_at": "2014-03-29T12:00:00Z",
        "opened_probability": 0.2,
        "peak_at": "2014-03-29T12:00:00Z",
        "peak_probability": 0.25,
        "closed_at": "2014-03-29T12:05:00Z",
        "outcome": "confirmed",
        "outcome_class": "X1.0",
    }


def test_a_region_known_by_its_noaa_number_alone_is_called_by_it(engine: sa.Engine) -> None:
    announce(engine, raised(-12017), raised(5000))

    numbers = {
        json.loads(n.body)["region"]: json.loads(n.body)["noaa_ars"] for n in waiting(engine)
    }

    assert numbers == {-12017: [12017], 5000: []}


def test_what_is_claimed_is_nobody_elses_until_the_claim_is_over(engine: sa.Engine) -> None:
    first = one_notice(engine)

    second = transact(engine, lambda c: claim(c, "webhook", now=NOW + CLAIM_LASTS / 2))
    third = transact(engine, lambda c: claim(c, "webhook", now=NOW + CLAIM_LASTS))

    assert second is None
    assert third == replace(first, attempts=2, next_at=NOW + 2 * CLAIM_LASTS)


def test_a_channel_claims_its_own_notifications_only(engine: sa.Engine) -> None:
    announce(engine, channels=("mail",))

    with reading(engine) as connection:
        due = {name: is_any_due(connection, name, now=NOW) for name in ("mail", "webhook")}
    assert due == {"mail": True, "webhook": False}
    assert transact(engine, lambda c: claim(c, "webhook", now=NOW)) is None


def test_many_claimers_at_once_get_each_notification_once(engine: sa.Engine) -> None:
    announce(engine, *(raised(region_id) for region_id in range(1, 13)))
    taken: list[str] = []

    def work() -> None:
        while notice := transact(engine, lambda c: claim(c, "webhook", now=NOW)):
            taken.append(notice.notice_id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == 12
    assert sorted(taken) == sorted(notice.notice_id for notice in waiting(engine))


def test_a_settled_notification_is_not_due_again(engine: sa.Engine) -> None:
    notice = one_notice(engine)

    transact(engine, lambda c: settle(c, notice, state="sent", now=NOW))

    assert transact(engine, lambda c: claim(c, "webhook", now=NOW + CLAIM_LASTS)) is None
    assert counts(engine) == {"waiting": 0, "sent": 1, "dry-run": 0, "failed": 0}


def test_a_postponed_notification_is_due_at_its_time_and_keeps_the_reason(
    engine: sa.Engine,
) -> None:
    notice = one_notice(engine)
    until = NOW + timedelta(seconds=30)

    transact(engine, lambda c: postpone(c, notice, until=until, error="no answer" * 100))

    (kept,) = waiting(engine)
    assert (kept.next_at, kept.attempts, len(kept.last_error or "")) == (until, 1, 255)


def test_a_failure_that_comes_late_does_not_undo_what_another_has_done_since(
    engine: sa.Engine,
) -> None:
    slow = one_notice(engine)
    quick = transact(engine, lambda c: claim(c, "webhook", now=NOW + CLAIM_LASTS))
    assert quick is not None

    transact(engine, lambda c: postpone(c, slow, until=None, error="too late"))
    still_waiting = len(waiting(engine))
    transact(engine, lambda c: settle(c, quick, state="sent", now=NOW))
    transact(engine, lambda c: postpone(c, slow, until=None, error="too late"))

    assert still_waiting == 1
    assert counts(engine)["sent"] == 1


def test_what_was_given_up_is_listed_and_can_begin_again(engine: sa.Engine) -> None:
    notice = one_notice(engine)
    transact(engine, lambda c: postpone(c, notice, until=None, error="answered 401"))

    with reading(engine) as connection:
        (given_up,) = failed(connection)
    revived = transact(engine, lambda c: requeue_failed(c, now=NOW))

    assert (given_up.state, given_up.last_error) == ("failed", "answered 401")
    assert revived == 1
    assert [(n.attempts, n.next_at) for n in waiting(engine)] == [(0, NOW)]


def test_the_query_of_what_is_due_uses_the_index(engine_sqlite: sa.Engine) -> None:
    query = "SELECT 1 FROM notices WHERE state = 'waiting' AND channel = 'mail' AND next_at <= 'x'"

    with reading(engine_sqlite) as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()

    assert "notices_by_state" in str(plan)
