"""The nowcast over HTTP: what is told of the minutes that came in, now and at an earlier time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask.testing import FlaskClient
from xray_minutes import FLARE, QUIET, minutes

from solar.flare_detection import MINUTE
from solar.time import isoformat

NOW = datetime(2014, 4, 1, tzinfo=UTC)
URL = "/api/v1/nowcast"
FLARE_LIST = {
    "start": "2014-03-31T23:23:00Z", "peak": "2014-03-31T23:26:00Z", "end": "2014-03-31T23:33:00Z",
    "goes_class": "M2.0", "noaa_ar": None, "flux_scale": "operational_pre16",
}  # fmt: skip


def post(client: FlaskClient, values: list[float | None], *, start: datetime) -> None:
    flux = [
        {"minute_at": isoformat(one.minute_at), "flux_w_m2": one.flux_w_m2}
        for one in minutes(values, start=start)
    ]
    answer = client.post("/api/v1/xray-flux", json={"satellite": "G15", "flux": flux})
    assert answer.status_code == 200


def get(client: FlaskClient, path: str = "", **query: Any) -> Any:
    answer = client.get(URL + path, query_string=query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def test_a_flare_is_told_as_soon_as_its_minute_has_come(client: FlaskClient) -> None:
    post(client, FLARE[:6], start=NOW - 6 * MINUTE)

    nowcast = get(client)

    assert list(nowcast) == [
        "now", "minute_at", "flux_w_m2", "class", "r_scale", "satellite", "flux_scale", "state",
        "event", "reason",
    ]  # fmt: skip
    assert (nowcast["class"], nowcast["r_scale"], nowcast["state"]) == ("M2.0", "R1", "rising")
    assert (nowcast["now"], nowcast["minute_at"]) == (isoformat(NOW), "2014-03-31T23:59:00Z")
    assert nowcast["flux_scale"] == "operational_pre16"
    assert nowcast["event"]["event_id"] == "G15-20140331T2354Z"


def test_a_store_without_minutes_has_no_data(client_sqlite: FlaskClient) -> None:
    nowcast = get(client_sqlite)

    assert (nowcast["state"], nowcast["event"], nowcast["flux_w_m2"]) == ("no data", None, None)


def test_at_an_earlier_time_nothing_later_is_known(client_sqlite: FlaskClient) -> None:
    post(client_sqlite, [*FLARE, QUIET], start=NOW - 11 * MINUTE)

    during = get(client_sqlite, at="2014-03-31T23:53:30Z")
    events = get(client_sqlite, "/events", at="2014-03-31T23:53:30Z")["items"]

    # The fifth minute: C8.0, before the peak.
    assert (during["class"], during["r_scale"], during["event"]["end_at"]) == ("C8.0", None, None)
    assert [event["goes_class"] for event in events] == ["C8.0"]
    assert get(client_sqlite)["state"] == "quiet"
    assert get(client_sqlite, "/events")["items"][0]["state"] == "ended"


def test_a_time_that_has_not_come_is_refused(client_sqlite: FlaskClient) -> None:
    for path in ("", "/events", "/counts"):
        answer = client_sqlite.get(URL + path, query_string={"at": "2014-04-01T00:00:01Z"})

        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["path"] == "at"


def test_events_come_page_by_page(client_sqlite: FlaskClient) -> None:
    post(client_sqlite, ([*FLARE, QUIET]) * 3, start=NOW - 33 * MINUTE)

    first = get(client_sqlite, "/events", limit=2)
    second = get(client_sqlite, "/events", limit=2, cursor=first["next_cursor"])
    starts = [event["start_at"][11:16] for event in first["items"] + second["items"]]

    assert starts == ["23:27", "23:38", "23:49"]
    assert second["next_cursor"] is None
    since = get(client_sqlite, "/events", **{"from": "2014-03-31T23:38:00Z"})
    assert len(since["items"]) == 2


def test_the_counts_tell_what_the_list_had_and_was_not_seen(client_sqlite: FlaskClient) -> None:
    post(client_sqlite, [QUIET] * 40, start=NOW - 40 * MINUTE)
    client_sqlite.post("/api/v1/flares", json={"flares": [FLARE_LIST]})

    assert get(client_sqlite, "/counts") == {"confirmed": 0, "unconfirmed": 0, "missed": 1}
    assert get(client_sqlite, "/counts", min_class="X1.0")["missed"] == 0
    assert get(client_sqlite, "/counts", at="2014-03-31T23:25:00Z")["missed"] == 0
