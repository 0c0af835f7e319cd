from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from synthetic_store import FIRST, MODEL, Synthetic

from database.delivery.flow import Flow, flow, span_starts
from database.engine import reading, transact
from database.maintenance.retention import (
    RETENTION_RULES,
    kept_from,
    prune,
    read_ages,
    run_daily_maintenance,
)
from database.rollup_days import mark_stale
from database.schema.rollup_tables import verification_dekads, verification_stale
from database.schema.tables import ingest_flow, notices, predictions, rejections
from database.verification.rollup import refresh
from solar.errors import InvalidInputError
from solar.time import Window

NOW = datetime(2014, 4, 20, 9, 30, tzinfo=UTC)
KEEP_ALL = {rule.name: "keep" for rule in RETENTION_RULES}


def count(engine: sa.Engine, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    with reading(engine) as connection:
        counted = sa.select(sa.func.count()).select_from(table).where(*conditions)
        return connection.execute(counted).scalar_one()


def rollup(engine: sa.Engine) -> list[tuple[object, ...]]:
    with reading(engine) as connection:
        query = sa.select(verification_dekads).order_by(*verification_dekads.primary_key)
        return [tuple(row) for row in connection.execute(query)]


def test_ages_are_read_over_the_defaults() -> None:
    ages = read_ages(" predictions=24m, rejections=keep ,")

    assert (ages["predictions"], ages["rejections"]) == ("24m", "keep")
    assert (ages["observations"], ages["flow_minutes"]) == ("keep", "30d")


def test_forecasts_of_other_windows_are_kept_as_long_as_those_of_24_h() -> None:
    assert read_ages("predictions=24m")["lead_forecasts"] == "24m"
    assert read_ages("predictions=24m,lead_forecasts=1y")["lead_forecasts"] == "1y"
    assert read_ages("lead_forecasts=keep,predictions=24m")["lead_forecasts"] == "keep"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("flares=2y", "no retention for 'flares'"), ("notices=2 weeks", "cannot be kept for"),
     ("notices", "cannot be kept for ''")],
)  # fmt: skip
def test_what_cannot_be_a_retention_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InvalidInputError, match=complaint):
        read_ages(text)


def test_days_end_at_midnight_and_months_at_their_first() -> None:
    ages = KEEP_ALL | {"notices": "10d", "rejections": "4m", "predictions": "1y"}
    due = kept_from(ages, NOW, NOW)

    assert {rule.name: at.date() for rule, at in due} == {
        "notices": date(2014, 4, 10),
        "rejections": date(2013, 12, 1),
        "predictions": date(2013, 4, 1),
    }


def test_predictions_go_and_their_verification_stays(engine: sa.Engine, filled: Synthetic) -> None:
    # Two months back from April is the first of February; one month, the first of March.
    before, march = rollup(engine), datetime(2014, 3, 1, tzinfo=UTC)
    young = count(engine, predictions, predictions.c.t_rec >= march)

    tried = prune(engine, KEEP_ALL | {"predictions": "1m"}, now=NOW, is_dry_run=True)
    all_there = count(engine, predictions)
    done = prune(engine, KEEP_ALL | {"predictions": "1m"}, now=NOW)

    assert all_there == len(filled.predictions)
    assert [one.rows for one in tried] == [one.rows for one in done] == [all_there - young]
    assert count(engine, predictions) == young
    assert rollup(engine) == before


def test_a_pruned_day_that_is_marked_again_is_not_counted_to_nothing(
    engine: sa.Engine, filled: Synthetic
) -> None:
    before = rollup(engine)
    prune(engine, KEEP_ALL | {"predictions": "1m"}, now=NOW)
    march = datetime(2014, 3, 1, tzinfo=UTC)

    # A flare of the pruned time is corrected, which marks its days; the first of March stands on
    # the evening before, and so it must not be counted again either.
    days = [FIRST.date(), date(2014, 2, 20), march.date(), date(2014, 3, 10)]
    transact(engine, lambda connection: mark_stale(connection, days))
    refresh(engine)

    assert rollup(engine) == before
    assert count(engine, verification_stale) == 0


def test_what_is_not_verified_yet_is_verified_before_it_goes(
    engine: sa.Engine, filled: Synthetic
) -> None:
    before = rollup(engine)
    with engine.begin() as connection:
        connection.execute(verification_dekads.delete())
    days = {FIRST.date() + timedelta(days=n) for n in range(60)}
    transact(engine, lambda connection: mark_stale(connection, days))

    prune(engine, KEEP_ALL | {"predictions": "1m"}, now=NOW)

    assert rollup(engine) == before


def add_flow(connection: sa.Connection, at: datetime) -> None:
    counters = ("requests", "accepted", "duplicates", "revised", "late", "rejected", "predictions")
    for span, start_at in span_starts(at).items():
        connection.execute(ingest_flow.insert().values(
            span_seconds=span, start_at=start_at, sender_id="s", processing=b"", latency=b"",
            **dict.fromkeys(counters, 1),
        ))  # fmt: skip


def test_an_hour_whose_minutes_were_deleted_is_drawn_from_longer_rows(engine: sa.Engine) -> None:
    old, new = NOW - timedelta(days=50), NOW - timedelta(hours=1)
    transact(engine, lambda connection: [add_flow(connection, at) for at in (old, new)])

    def read(at: datetime) -> Flow:
        with reading(engine) as connection:
            return flow(connection, Window(at - timedelta(hours=1), at + timedelta(hours=1)))

    fresh = read(old)
    run_daily_maintenance(engine, "", now=NOW)
    aged, young = read(old), read(new)

    assert [one.bucket_seconds for one in (fresh, aged, young)] == [60, 3600, 60]
    assert [int(one.counts["requests"].sum()) for one in (fresh, aged, young)] == [1, 1, 1]


def test_daily_maintenance_deletes_only_short_lived_rows(
    engine: sa.Engine, filled: Synthetic
) -> None:
    ages_in_days = (1, 40, 400, 800)

    def work(connection: sa.Connection) -> None:
        for age in ages_in_days:
            at = NOW - timedelta(days=age)
            add_flow(connection, at)
            connection.execute(rejections.insert().values(
                hour_at=at, path="t_rec", reason="x", n=1, last_at=at, last_sender="s",
                example="1"))  # fmt: skip
            for state in ("sent", "waiting"):
                connection.execute(notices.insert().values(
                    notice_id=f"{age}{state}", alert_id="a", change="opened", channel="mail",
                    body="{}", state=state, attempts=1, created_at=at, next_at=at))  # fmt: skip

    transact(engine, work)

    run_daily_maintenance(engine, "", now=NOW)

    span = ingest_flow.c.span_seconds
    assert [count(engine, ingest_flow, span == s) for s in (60, 300, 3600, 86400)] == [1, 1, 3, 4]
    assert count(engine, rejections) == 2
    assert count(engine, notices, notices.c.state == "sent") == 2
    assert count(engine, notices, notices.c.state == "waiting") == 4
    assert count(engine, predictions, predictions.c.model_id == MODEL) == len(filled.predictions)
