"""Which of several accounts of one record stands in the end, and what becomes of the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from conflict_fixtures import APRIL, MARCH, NRT, Row, account, held, lost, send, values
from flask.testing import FlaskClient

from database.engine import reading
from database.schema.tables import predictions, regions, superseded_predictions


def test_the_definitive_series_replaces_the_near_real_time_one(
    client: FlaskClient, row: Row, clock: Any
) -> None:
    send(client, account(row, 4.0, series=NRT, made_at=APRIL), sender="quick")
    clock.now += timedelta(hours=1)

    counts = send(client, account(row, 4.5, made_at=MARCH))

    assert counts == (0, 0, 1)
    (item,), (loser,) = held(client), lost(client)
    assert (item["keywords"]["R_VALUE"], item["revision"]) == (4.5, 2)
    assert (item["series"], item["made_at"]) == ("hmi.sharp_cea_720s", MARCH)
    assert loser | {"keywords": loser["keywords"]["R_VALUE"]} == {
        "region": 3721, "t_rec": "2014-03-01T00:00:00Z", "series": NRT, "made_at": APRIL,
        "quality": 0, "lon_fwt": -12.3, "lat_fwt": 14.1, "keywords": 4.0, "revision": 1,
        "sender": "quick", "received_at": "2014-04-01T00:00:00Z", "reason": "near-real-time",
        "lost_at": "2014-04-01T01:00:00Z",
    }  # fmt: skip


def test_a_near_real_time_account_that_comes_after_the_definitive_one_changes_nothing(
    client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    send(client, account(row, 4.5))

    counts = send(client, account(row, 4.0, series=NRT, made_at=APRIL))
    again = send(client, account(row, 4.0, series=NRT, made_at=APRIL))

    assert counts == again == (0, 1, 0)
    assert values(held(client)) == [4.5]
    assert [(i["revision"], i["reason"]) for i in lost(client)] == [(None, "near-real-time")]
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.max(predictions.c.revision))) == 1
        assert (
            connection.scalar(sa.select(sa.func.count()).select_from(superseded_predictions)) == 0
        )


def test_equal_values_of_the_definitive_series_make_the_record_definitive(
    client: FlaskClient, row: Row
) -> None:
    send(client, row(series=NRT))

    counts = send(client, row())

    assert counts == (0, 0, 1)
    assert [item["series"] for item in held(client)] == ["hmi.sharp_cea_720s"]


def test_the_newer_date_replaces_the_older_and_the_older_is_kept_aside(
    client: FlaskClient, row: Row
) -> None:
    send(client, account(row, 4.0, made_at=MARCH))

    newer = send(client, account(row, 4.5, made_at=APRIL))
    older = send(client, account(row, 3.5, made_at="2014-03-01T12:00:00Z"))

    assert (newer, older) == ((0, 0, 1), (0, 1, 0))
    assert values(held(client)) == [4.5]
    assert sorted(zip(values(lost(client)), [i["revision"] or 0 for i in lost(client)],
                      strict=True)) == [(3.5, 0), (4.0, 1)]  # fmt: skip
    assert {item["reason"] for item in lost(client)} == {"older DATE"}


def test_the_same_values_under_a_newer_date_are_a_duplicate_that_holds_longer(
    client: FlaskClient, row: Row
) -> None:
    send(client, account(row, 4.0, made_at="2014-03-01T12:00:00Z"))

    counts = send(client, account(row, 4.0, made_at=APRIL))
    older = send(client, account(row, 4.5, made_at=MARCH))

    assert (counts, older) == ((0, 1, 0), (0, 1, 0))
    (item,) = held(client)
    assert (item["keywords"]["R_VALUE"], item["made_at"], item["revision"]) == (4.0, APRIL, 1)


def test_without_dates_the_later_account_holds_and_the_earlier_one_does_not_come_back(
    client: FlaskClient, row: Row
) -> None:
    send(client, account(row, 4.0))

    later = send(client, account(row, 4.5))
    again = send(client, account(row, 4.0))

    assert (later, again) == ((0, 0, 1), (0, 1, 0))
    assert (values(held(client)), values(lost(client))) == ([4.5], [4.0])
    assert [(i["revision"], i["reason"]) for i in lost(client)] == [(1, "came before")]


def test_an_account_that_lost_holds_again_once_its_source_gives_it_a_newer_date(
    client: FlaskClient, row: Row
) -> None:
    send(client, account(row, 4.0, made_at=MARCH))
    send(client, account(row, 4.5, made_at=APRIL))

    counts = send(client, account(row, 4.0, made_at="2014-03-21T00:00:00Z"))

    assert counts == (0, 0, 1)
    assert [(i["keywords"]["R_VALUE"], i["revision"]) for i in held(client)] == [(4.0, 3)]


def test_accounts_of_one_record_within_a_batch_follow_the_same_rule(
    client: FlaskClient, row: Row
) -> None:
    first, best, quick = (
        account(row, 4.0, made_at=MARCH),
        account(row, 4.5, made_at=APRIL),
        account(row, 3.5, series=NRT),
    )

    counts = send(client, first, best, quick, best, first)

    assert counts == (1, 3, 1)
    assert [(i["keywords"]["R_VALUE"], i["revision"]) for i in held(client)] == [(4.5, 1)]
    assert sorted((i["keywords"]["R_VALUE"], i["reason"]) for i in lost(client)) == [
        (3.5, "near-real-time"), (4.0, "older DATE"),
    ]  # fmt: skip


def test_what_is_stored_and_comes_back_within_a_batch_is_left_as_it_is(
    client: FlaskClient, row: Row
) -> None:
    send(client, account(row, 4.0, made_at=MARCH))

    send(client, account(row, 4.5, made_at=APRIL),
         account(row, 4.0, made_at="2014-03-21T00:00:00Z"))  # fmt: skip

    (item,) = held(client)
    assert (item["revision"], item["made_at"]) == (1, "2014-03-21T00:00:00Z")
    assert values([item]) == [4.0]
    assert values(lost(client)) == [4.5]


@pytest.mark.parametrize("together", [True, False])
def test_the_account_that_stands_does_not_depend_on_the_order_of_arrival(
    client_sqlite: FlaskClient, row: Row, together: bool
) -> None:
    accounts = [
        account(row, 4.0, made_at=MARCH, series=NRT),
        account(row, 4.1, made_at=MARCH),
        account(row, 4.2, made_at=APRIL),
        account(row, 4.3, made_at=APRIL),
    ]
    found = set()
    for number, order in enumerate(permutations(accounts)):
        named = [item | {"harpnum": 5000 + number} for item in order]
        for batch in [named] if together else [[item] for item in named]:
            send(client_sqlite, *batch)
        region = client_sqlite.get(f"/api/v1/observations?region={5000 + number}").get_json()[
            "items"
        ]
        found.add((*values(region), region[0]["made_at"]))

    # The two of one DATE contradict each other; the same one of them holds everywhere.
    assert len(found) == 1
    assert found < {(4.2, APRIL), (4.3, APRIL)}


def test_an_account_dated_in_the_future_is_refused(client_sqlite: FlaskClient, row: Row) -> None:
    rows = [row(made_at="2014-04-02T00:00:00Z"), row(harpnum=9, made_at="2014-04-01T00:30:00Z")]

    answer = client_sqlite.post("/api/v1/observations", json={"observations": rows}).get_json()

    (fault,) = answer["rejected"][0]["errors"]
    assert (answer["accepted"], fault["path"]) == (1, "observations[0].made_at")
    assert "lies in the future" in fault["message"]


def test_a_stream_gives_the_dates_as_a_column(client: FlaskClient, row: Row) -> None:
    send(client, account(row, 4.0, made_at=MARCH), account(row, 4.0, harpnum=9, made_at=MARCH))
    at = datetime(2014, 3, 1, tzinfo=UTC)
    dates = [datetime(2014, 3, 1, 12, tzinfo=UTC), None]
    table = pa.table({
        "harpnum": [3721, 9], "noaa_ars": [11990] * 2, "t_rec": [at] * 2, "R_VALUE": [4.5] * 2,
        "made_at": pa.array(dates, pa.timestamp("us", "UTC")),
    })  # fmt: skip
    body = pa.BufferOutputStream()
    with pa.ipc.new_stream(body, table.schema) as writer:
        writer.write_table(table)

    answer = client.post(
        "/api/v1/observations", data=body.getvalue().to_pybytes(),
        content_type="application/vnd.apache.arrow.stream",
    ).get_json()  # fmt: skip

    assert (answer["duplicates"], answer["revised"]) == (1, 1)
    assert {i["region"]: (*values([i]), i["made_at"]) for i in held(client)} == {
        3721: (4.0, MARCH), 9: (4.5, None),
    }  # fmt: skip


def test_an_account_that_lost_does_not_move_its_region(
    client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    send(client, row())

    for _ in range(2):
        send(client, row(series=NRT, lon_fwt=40.0, keywords={"AREA_ACR": 9.0}))
    send(client, row(harpnum=3722), row(harpnum=3722, series=NRT, lon_fwt=40.0))

    with reading(engine) as connection:
        table = regions.c
        found = connection.execute(
            sa.select(table.series, table.last_lon_fwt, table.last_area_acr)
        ).all()
    assert [tuple(item) for item in found] == [("hmi.sharp_cea_720s", -12.3, 512.0)] * 2


def test_conflicts_are_counted_by_reason(client_sqlite: FlaskClient, row: Row) -> None:
    label = 'flarewatch_conflicts_total{reason="near-real-time"}'

    def counted() -> float:
        text = client_sqlite.get("/metrics").text
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(label))

    before = counted()
    send(client_sqlite, row())
    for _ in range(2):
        send(client_sqlite, row(series=NRT))

    assert counted() - before == 1
