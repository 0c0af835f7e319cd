"""Bad input gets a path and a reason and costs no good row; the same batch changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from database.engine import reading
from database.schema.rollup_tables import verification_stale
from database.schema.tables import harp_noaa, observations, predictions, senders

URL = "/api/v1/observations"
Row = Callable[..., dict[str, Any]]


def post(client: FlaskClient, *rows: Any, **envelope: Any) -> TestResponse:
    return client.post(URL, json={"observations": list(rows), **envelope})


def count(engine: sa.Engine, table: sa.Table) -> int:
    with reading(engine) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def faults(response: TestResponse) -> dict[str, str]:
    assert response.status_code == 422, response.text
    return {fault["path"]: fault["message"] for fault in response.get_json()["errors"]}


def test_a_good_row_is_stored_with_a_forecast_of_each_model(
    client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    answer = post(client, row(), sender={"id": "s1", "sequence": 17}).get_json()

    assert answer == {
        "accepted": 1, "duplicates": 0, "revised": 0, "rejected": [], "predictions": 2,
    }  # fmt: skip
    assert (count(engine, observations), count(engine, predictions)) == (1, 2)
    assert count(engine, harp_noaa) == 1
    # The day itself and the day after, whose full-disk forecast stands on it.
    assert count(engine, verification_stale) == 2


@pytest.mark.parametrize("kind", ["json", "stream"])
def test_a_record_that_names_no_series_is_of_none(client: FlaskClient, row: Row, kind: str) -> None:
    given = {name: value for name, value in row().items() if name != "series"}
    if kind == "json":
        post(client, given)
    else:
        table = pa.Table.from_pylist([{**given.pop("keywords"), **given}])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        kinds = "application/vnd.apache.arrow.stream"
        client.post(URL, data=sink.getvalue().to_pybytes(), content_type=kinds)

    (stored,) = client.get(URL).get_json()["items"]

    assert stored["series"] == "unstated"


def test_a_batch_sent_twice_counts_as_duplicates(
    client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    rows = [row(t_rec=f"2014-03-01T{hour:02d}:00:00Z") for hour in range(24)]
    post(client, *rows)

    answer = post(client, *rows).get_json()

    assert (answer["accepted"], answer["duplicates"], answer["predictions"]) == (0, 24, 0)
    assert count(engine, observations) == 24


def test_a_changed_row_is_a_revision_that_keeps_the_old_forecast(
    client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    post(client, row())

    answer = post(client, row(lon_fwt=5.0)).get_json()

    assert (answer["accepted"], answer["revised"], answer["predictions"]) == (0, 1, 2)
    with reading(engine) as connection:
        stored = connection.execute(sa.select(observations)).mappings().one()
    assert (stored["revision"], stored["lon_fwt"]) == (2, 5.0)


def test_of_two_rows_with_the_same_key_the_last_one_holds(
    client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    answer = post(client, row(lon_fwt=1.0), row(lon_fwt=2.0), row(lon_fwt=2.0)).get_json()

    assert (answer["accepted"], answer["revised"], answer["duplicates"]) == (1, 1, 1)
    with reading(engine) as connection:
        assert connection.execute(sa.select(observations.c.lon_fwt)).scalars().all() == [2.0]


def test_of_a_batch_half_good_the_good_half_is_stored_and_the_other_listed(
    client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    good = [row(t_rec=f"2014-03-01T{hour:02d}:00:00Z") for hour in range(3)]
    bad = [row(keywords={"TOTUSJHH": 1.0}), row(t_rec="2014-03-01T00:00:00"), 7]

    answer = post(client, good[0], bad[0], good[1], bad[1], good[2], bad[2]).get_json()

    assert answer["accepted"] == count(engine, observations) == 3
    assert [r["index"] for r in answer["rejected"]] == [1, 3, 5]
    assert answer["rejected"][0]["errors"] == [
        {
            "path": "observations[1].keywords.TOTUSJHH",
            "message": "'TOTUSJHH' is not a known keyword; did you mean TOTUSJH?",
        }
    ]
    with reading(engine) as connection:
        assert connection.execute(sa.select(senders.c.rejected)).scalar_one() == 3


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"keywords": {"TOTUSJH": "1240.5"}}, "keywords.TOTUSJH", "text '1240.5'; expected a numb"),
        ({"keywords": {"TOTUSJH": True}}, "keywords.TOTUSJH", "true or false; expected a number"),
        ({"keywords": {"USFLUX": 1e30}}, "keywords.USFLUX", "1e+30 Mx is outside 0 to 1e+24 Mx"),
        ({"keywords": None}, "keywords", "is null; expected an object"),
        ({"harpnum": None, "noaa_ars": []}, "harpnum", "noaa_ars names no region either"),
        ({"harpnum": "3721"}, "harpnum", "expected a whole number"),
        ({"harpnum": 0}, "harpnum", "greater than or equal to 1"),
        ({"noaa_ars": 11990}, "noaa_ars", "is a number; expected a list"),
        ({"t_rec": "2014-03-01T00:00:00"}, "t_rec", "names no time zone; add Z for UTC"),
        ({"t_rec": "yesterday"}, "t_rec", "is not a time"),
        ({"t_rec": 1393632000}, "t_rec", "is a number; expected a time"),
        ({"t_rec": "1970-01-01T00:00:00Z"}, "t_rec", "outside 1972 to 2199"),
        ({"t_rec": "0001-01-01T00:00:00+23:59"}, "t_rec", "is not a time"),
        ({"t_rec": "2014-04-01T01:00:01Z"}, "t_rec", "lies in the future"),
        ({"quality": None}, "quality", "may hide an eclipse"),
        ({"quality": 0x10000}, "quality", "spoils the field maps"),
        ({"quality": -(2**31)}, "quality", "no data"),
        ({"quality": 0.5}, "quality", "whole number of bits"),
        ({"lon_fwt": 181.0}, "lon_fwt", "is no position"),
        ({"lat_fwt": -91}, "lat_fwt", "is no position"),
        ({"series": "a b"}, "series", "should match pattern"),
        ({"seris": "hmi"}, "seris", "did you mean series?"),
    ],
)
def test_bad_values_are_refused_with_path_and_reason(
    client_sqlite: FlaskClient, row: Row, changes: dict[str, Any], path: str, words: str
) -> None:
    found = faults(post(client_sqlite, row(**changes)))

    assert list(found) == [f"observations[0].{path}"]
    assert words in found[f"observations[0].{path}"]


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("place", ["lon_fwt", "TOTUSJH", "quality"])
def test_a_number_that_is_none_costs_only_its_own_row(
    client_sqlite: FlaskClient, row: Row, literal: str, place: str
) -> None:
    bad = row()
    (bad["keywords"] if place == "TOTUSJH" else bad)[place] = float(literal)
    body = json.dumps({"observations": [bad, row()]})

    answer = client_sqlite.post(URL, data=body, content_type="application/json").get_json()

    assert answer["accepted"] == 1
    (rejected,) = answer["rejected"]
    assert rejected["index"] == 0
    assert rejected["errors"][0]["path"].endswith(place)
    assert "NaN or infinite" in rejected["errors"][0]["message"]


def test_a_null_keyword_and_a_zero_are_kept_apart(
    client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    keywords = row()["keywords"] | {"R_VALUE": 0, "AREA_ACR": None}

    post(client, row(keywords=keywords))

    with reading(engine) as connection:
        stored = connection.execute(sa.select(observations)).mappings().one()
    assert (stored["r_value"], stored["area_acr"]) == (0.0, None)


def test_a_source_without_quality_is_taken_and_stored_as_null(
    client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    unrated = row()
    del unrated["quality"]

    post(client, unrated)

    with reading(engine) as connection:
        assert connection.execute(sa.select(observations.c.quality)).scalar_one() is None


def test_a_tai_label_is_the_utc_instant_that_it_names(client_sqlite: FlaskClient, row: Row) -> None:
    post(client_sqlite, row(t_rec="2014.03.01_00:00:00_TAI"))

    (item,) = client_sqlite.get(URL).get_json()["items"]

    # TAI was 35 s ahead of UTC from 2012-07-01 to 2015-06-30.
    assert item["t_rec"] == "2014-02-28T23:59:25Z"


def test_5001_rows_are_too_many_and_say_how_many_are_not(
    client_sqlite: FlaskClient, row: Row
) -> None:
    response = post(client_sqlite, *[row()] * 5001)

    assert response.status_code == 413
    assert "send 5,000 at most" in response.get_json()["detail"]


def test_a_body_beyond_32_mb_is_refused(client_sqlite: FlaskClient) -> None:
    response = client_sqlite.post(URL, data=b" " * (33 << 20), content_type="application/json")

    assert response.status_code == 413
    assert "send it in several requests" in response.get_json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b'{"observations": [}', 400, "line 1, column 19"),
        (b'{"observations": [NaN,}', 400, "line 1"),
        (b"", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b'{"observations": NaN' + b"[" * 100_000, 400, "not JSON"),
        (b"[]", 422, "is a list; expected an object"),
        (b"{}", 422, "no rows"),
        (b'{"observations": []}', 422, "no rows"),
        (b'{"observations": {}}', 422, "no rows"),
        (b'{"observations": [1], "sendr": 1}', 422, "cannot be used"),
        (b'{"observations": [1], "sender": {"id": "a b"}}', 422, "cannot be used"),
    ],
)
def test_a_body_that_cannot_be_read_says_where(
    client_sqlite: FlaskClient, body: bytes, status: int, words: str
) -> None:
    response = client_sqlite.post(URL, data=body, content_type="application/json")

    assert response.status_code == status
    assert words in response.get_json()["detail"]


def test_another_content_type_is_refused_with_those_that_are_read(
    client_sqlite: FlaskClient,
) -> None:
    response = client_sqlite.post(URL, data="a,b", content_type="text/csv")

    assert response.status_code == 415
    assert "send application/json or application/vnd.apache.arrow" in response.get_json()["detail"]


def test_a_lone_surrogate_in_the_body_is_answered_like_any_other_text(
    client_sqlite: FlaskClient, row: Row
) -> None:
    bad = row(keywords={"\ud800": 1.0, "TOTUSJH": float("nan")})
    body = json.dumps({"observations": [bad, row(keywords={"\ud800": 1.0})]})

    response = client_sqlite.post(URL, data=body, content_type="application/json")

    assert response.status_code == 422


def test_the_pages_of_a_listing_join_without_a_gap_or_a_double(
    client: FlaskClient, row: Row
) -> None:
    rows = [
        row(t_rec=f"2014-03-01T{hour:02d}:00:00Z", harpnum=harpnum)
        for hour in range(5)
        for harpnum in (3721, 3722, 3723)
    ]
    post(client, *rows)

    seen: list[tuple[str, int]] = []
    cursor = ""
    while cursor is not None:
        page = client.get(f"{URL}?limit=4" + (f"&cursor={cursor}" if cursor else "")).get_json()
        seen += [(item["t_rec"], item["region"]) for item in page["items"]]
        cursor = page["next_cursor"]

    assert seen == sorted((r["t_rec"], r["harpnum"]) for r in rows)


def test_a_listing_keeps_to_its_half_open_range_and_region(client: FlaskClient, row: Row) -> None:
    rows = [
        row(t_rec=f"2014-03-01T{hour:02d}:00:00Z", harpnum=harpnum)
        for hour in range(5)
        for harpnum in (3721, 3722)
    ]
    post(client, *rows)

    query = "from=2014-03-01T01:00:00Z&to=2014-03-01T03:00:00%2B00:00&region=3722"
    items = client.get(f"{URL}?{query}").get_json()["items"]

    assert [item["t_rec"] for item in items] == ["2014-03-01T01:00:00Z", "2014-03-01T02:00:00Z"]
