"""A record that comes late, or again, revises the forecasts that looked for it and no others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from served_windows import (
    CADENCE,
    POINT,
    START,
    WINDOW,
    Row,
    expected,
    forecasts,
    one_by_one,
    records,
    send,
    shuffled,
    stored,
)

from database.engine import reading
from database.schema.rollup_tables import verification_stale
from database.schema.tables import predictions, superseded_predictions
from solar.time import isoformat


def test_a_late_record_revises_the_forecasts_that_looked_for_it_and_keeps_the_old(
    window_client: FlaskClient, row: Row, clock: Any
) -> None:
    rows = records(row)
    late = rows.pop(4)
    send(window_client, rows)
    before = forecasts(window_client, WINDOW)
    clock.now += timedelta(hours=1)

    answer = send(window_client, [late])

    after = {item["t_rec"]: item for item in forecasts(window_client, WINDOW)}
    # The late record itself by two models, and the four windows that reach back to it.
    assert answer["predictions"] == 6
    revised = [item["t_rec"] for item in after.values() if item["revision"] == 2]
    assert revised == [isoformat(START + step * CADENCE) for step in (5, 6, 7, 8)]
    as_of = isoformat(clock.now - timedelta(minutes=30))
    assert forecasts(window_client, WINDOW, f"as_of={as_of}") == before
    assert {item["revision"] for item in forecasts(window_client, POINT)} == {1}


def test_a_revised_record_revises_the_windows_after_it(
    window_client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    rows = records(row)
    send(window_client, rows)

    rows[8] |= {"keywords": {"R_VALUE": 5.5, "MEANALP": 1.0}}
    send(window_client, [rows[8]])
    rows[9] |= {"keywords": {"R_VALUE": 4.5, "MEANALP": 2.0}}
    send(window_client, [rows[9]])

    assert stored(window_client) == pytest.approx(expected(rows), abs=1e-6)
    revisions = [item["revision"] for item in forecasts(window_client, WINDOW)]
    assert revisions == [*[1] * 8, 2, 3, 3, 3]
    old = superseded_predictions.c
    with reading(engine) as connection:
        kept = connection.execute(
            sa.select(old.revision).where(old.model_id == WINDOW.model_id).order_by(old.revision)
        ).scalars()
        assert list(kept) == [1, 1, 1, 1, 2, 2, 2]


def test_the_same_records_again_revise_nothing(window_client: FlaskClient, row: Row) -> None:
    rows = records(row)
    send(window_client, rows)

    answer = send(window_client, rows[3:6])

    assert answer["predictions"] == 0


def test_a_record_between_two_steps_is_in_no_window_but_its_own(
    window_client: FlaskClient, row: Row
) -> None:
    rows = records(row)
    send(window_client, rows)
    between = rows[5] | {"t_rec": isoformat(START + 5.5 * CADENCE)}

    answer = send(window_client, [between])

    assert answer["predictions"] == 2
    assert {item["revision"] for item in forecasts(window_client, WINDOW)} == {1}


def test_a_late_record_has_the_days_of_all_revised_forecasts_verified_again(
    window_client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    rows = records(row, steps=range(6))
    send(window_client, rows[1:])
    with engine.begin() as connection:
        connection.execute(verification_stale.delete())

    # At 23:24; the last windows that reach back to it end on the next day.
    send(window_client, rows[:1])

    with reading(engine) as connection:
        days = connection.execute(sa.select(verification_stale.c.day)).scalars()
        assert sorted(str(day) for day in days) == ["2014-03-01", "2014-03-02", "2014-03-03"]


def test_a_late_region_position_beyond_the_limit_withholds_only_its_own_forecast(
    window_client: FlaskClient, row: Row
) -> None:
    rows = records(row)
    rows[7] |= {"lon_fwt": 71.0}
    send(window_client, rows)

    withheld = [
        item["t_rec"] for item in forecasts(window_client, WINDOW, "from=2014-03-02T00:12:00Z")
        if item["raw"]["C1.0"] is None
    ]  # fmt: skip

    assert withheld == [rows[7]["t_rec"]]


def test_forecasts_of_windows_are_never_issued_twice_under_one_revision(
    window_client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    for batch in shuffled(records(row)):
        send(window_client, batch)

    with reading(engine) as connection:
        counts = [
            connection.execute(
                sa.select(sa.func.count()).where(table.c.model_id == WINDOW.model_id)
            ).scalar_one()
            for table in (predictions, superseded_predictions)
        ]
        total = connection.execute(
            sa.select(sa.func.sum(predictions.c.revision)).where(
                predictions.c.model_id == WINDOW.model_id
            )
        ).scalar_one()
    assert sum(counts) == int(total)


def test_senders_that_share_the_records_of_a_region_leave_no_window_behind(
    window_client: FlaskClient, row: Row
) -> None:
    rows = records(row, steps=range(24))
    start = Barrier(3)

    def send_every_third(sender: int) -> None:
        client = window_client.application.test_client()
        start.wait()
        for batch in one_by_one(rows[sender::3]):
            send(client, batch)

    with ThreadPoolExecutor(3) as senders:
        list(senders.map(send_every_third, range(3)))

    assert stored(window_client) == pytest.approx(expected(rows), abs=1e-6)
