from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, g
from plotly.utils import PlotlyJSONEncoder
from stocked_store import MODEL, NOW, stock

from app_dash import api_client
from app_dash.alerts import page as alerts
from app_dash.alerts.figures import AlertBar, FlareTick, alert_figure, assign_rows
from app_dash.alerts.panels import share
from app_dash.alerts.query import PAGE_ROWS, AlertQuery
from app_dash.frame import delta, routing
from app_dash.frame.page import PageContext
from app_dash.now.panels import alert_list
from app_dash.settings import DashSettings
from app_dash.shared.theme import LIGHT
from database.alerts.alerts import Alert, alert_id, list_alerts, write_alerts
from database.engine import reading, writing
from database.people.principal import Principal, permissions_of
from solar.alerting import SEVERITIES
from solar.errors import FlarewatchError, InvalidInputError, NotFoundError
from solar.time import Window

HOUR = timedelta(hours=1)
NARROW = "\u202f"


def alert(hours_ago: int, *, event: str = "M1.0", region: int = 3894, **changes: Any) -> Alert:
    at = NOW - hours_ago * HOUR
    fields: dict[str, Any] = {
        "alert_id": alert_id(MODEL, event, region, at, kind=changes.get("outcome") or ""),
        "region_id": region, "model_id": MODEL, "event": event, "state": "open",
        "severity": SEVERITIES[event.split("/")[0]], "threshold": 0.1, "off_threshold": 0.06,
        "opened_at": at, "opened_probability": 0.23, "peak_at": at, "peak_probability": 0.44,
        "last_probability": 0.35, "last_over_at": at + HOUR, "raised_at": NOW,
        "changed_at": NOW,
    }  # fmt: skip
    return Alert(**(fields | changes))


CLOSED = {"state": "closed", "closed_at": NOW - 2 * HOUR}
CONFIRMED = {"outcome": "confirmed", "outcome_class": "M2.6", "outcome_at": NOW - 16 * HOUR}
STORY = (
    alert(20, **CONFIRMED),
    alert(30, region=3907, **CLOSED, outcome="false alarm", acknowledged_at=NOW,
          acknowledged_by="mk", comment="seen before"),
    alert(40, region=3907, state="closed", closed_at=NOW - 40 * HOUR, outcome="missed",
          outcome_class="M2.0", outcome_at=NOW - 40 * HOUR, last_probability=0.036),
    alert(10, event="X1.0", region=-12023),
)  # fmt: skip


@pytest.fixture
def stocked(engine_sqlite: sa.Engine) -> sa.Engine:
    stock(engine_sqlite)
    with writing(engine_sqlite) as connection:
        write_alerts(connection, STORY)
    return engine_sqlite


def drawn(engine: sa.Engine, search: str = "") -> str:
    return drawn_for(routing.read_context(engine, settings=DashSettings(), theme="light"), search)


def drawn_for(view: PageContext, search: str = "") -> str:
    page = alerts.layout(view, "/alerts", search)
    return json.dumps(page, cls=PlotlyJSONEncoder, ensure_ascii=False)


def test_the_page_shows_the_outcome_of_each_alert(stocked: sa.Engine) -> None:
    page = drawn(stocked)

    for said in ("Confirmed", "M2.6", "False alarm", "Missed", "M2.0", "not judged yet"):
        assert said in page
    assert "mk, 29 Mar 16:00" in page
    assert "seen before" in page
    assert "3 alerts and 1 missed flares" in page
    assert page.count('"Acknowledge"') == 2
    assert page.count('"data-key": "a"') == 1


def test_the_outcomes_give_the_alerts_own_pod_and_far(stocked: sa.Engine) -> None:
    page = drawn(stocked)

    # M1.0+: one confirmed, one missed, one in vain: POD 1/2, FAR 1/2. X1.0+: nothing is known.
    assert page.count('"0.50"') == 2
    assert share(0, 0) == "–"


def test_filters_are_part_of_the_address(stocked: sa.Engine) -> None:
    assert drawn(stocked, "?state=closed").count('"Acknowledge"') == 0
    assert drawn(stocked, "?event=X1.0").count('"Acknowledge"') == 1
    assert "M2.6" not in drawn(stocked, "?region=12024&range=all")
    assert "No alert matches" in drawn(stocked, "?region=99999")
    assert "is no region" in drawn(stocked, "?region=abc")


def test_windows_can_be_chosen_once_there_is_an_alert_of_another_one(
    stocked: sa.Engine,
) -> None:
    assert "Any window" not in drawn(stocked)
    with writing(stocked) as connection:
        write_alerts(connection, [alert(5, event="M1.0/6h"), alert(6, event="C1.0/d2")])

    page = drawn(stocked)

    assert "Any window" in page
    assert "?window=6h" in page
    assert "Acknowledge M1.0+ in 6 h of " in page
    assert page.count('"Acknowledge"') == 4
    assert drawn(stocked, "?window=24h").count('"Acknowledge"') == 2
    assert drawn(stocked, "?window=6h").count('"Acknowledge"') == 1
    assert drawn(stocked, "?event=M1.0&window=d2").count('"Acknowledge"') == 0
    assert drawn(stocked, "?event=M1.0").count('"Acknowledge"') == 2
    assert "no window" in drawn(stocked, "?window=9h")


def test_before_the_first_alert_there_is_one_thing_to_do(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = drawn(engine_sqlite)

    assert "No alert has been raised" in page
    assert "See the current state" in page


def test_a_long_history_is_read_page_by_page(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    many = [alert(hour, state="closed", closed_at=NOW) for hour in range(PAGE_ROWS + 20)]
    with writing(engine_sqlite) as connection:
        write_alerts(connection, many)

    first = drawn(engine_sqlite)
    query = AlertQuery(
        after=f"{many[PAGE_ROWS - 1].opened_at.isoformat()}_{many[PAGE_ROWS - 1].alert_id}"
    )
    second = drawn(engine_sqlite, query.search())

    assert f"{PAGE_ROWS} on this page" in first
    assert f"Older {PAGE_ROWS}" in first
    assert "20 on this page" in second
    assert f"Older {PAGE_ROWS}" not in second


def test_the_list_beside_the_regions_puts_the_open_ones_on_top(stocked: sa.Engine) -> None:
    view = routing.read_context(stocked, settings=DashSettings(), theme="light")
    with reading(stocked) as connection:
        found = list_alerts(connection, limit=20)

    text = json.dumps(alert_list(found, view), cls=PlotlyJSONEncoder, ensure_ascii=False)

    assert f"Crossed 10{NARROW}% at 23{NARROW}%, peak 44{NARROW}%, now 35{NARROW}%." in text
    assert "Open 20 h. " in text
    assert text.index("AR 12017") < text.index("Acknowledged and closed") < text.index("AR 12024")
    assert "Last miss: " in text
    assert f"AR 12024 28 Mar 00:00, at 3.6{NARROW}%" in text


def test_without_alerts_the_list_says_so(stocked: sa.Engine) -> None:
    view = routing.read_context(stocked, settings=DashSettings(), theme="light")

    assert "No alert in the last 7 days." in json.dumps(alert_list([], view), cls=PlotlyJSONEncoder)


def span(first: int, last: int, *, event: str = "M1.0", outcome: str | None = None) -> AlertBar:
    return AlertBar(event, NOW + first * HOUR, NOW + last * HOUR, outcome, "12017", "text")


def test_bars_that_overlap_get_their_own_rows() -> None:
    placed = assign_rows([span(0, 10), span(5, 20), span(10, 12), span(0, 1, event="X1.0")])

    assert list(placed.row) == [0, 1, 0, 2]
    assert placed.bands == {"M1.0": (0, 2), "X1.0": (2, 3)}


def test_the_windows_of_a_class_lie_beside_each_other() -> None:
    placed = assign_rows(
        [span(0, 1, event=name) for name in ("M1.0/48h", "X1.0", "M1.0", "M1.0/6h")]
    )

    assert list(placed.bands) == ["M1.0/6h", "M1.0", "M1.0/48h", "X1.0"]


def test_a_missed_flare_has_room_for_its_mark() -> None:
    spans = [span(0, 10), span(10, 10, outcome="missed")]

    assert list(assign_rows(spans).row) == [0, 0]
    assert list(assign_rows(spans, room=HOUR).row) == [0, 1]


def test_the_timeline_tells_the_outcomes_apart_by_more_than_colour() -> None:
    spans = [span(0, 5, outcome=outcome) for outcome in ("confirmed", "false alarm", "unknown")]
    spans.append(span(9, 9, outcome="missed"))
    shown = Window(NOW, NOW + 24 * HOUR)

    figure = alert_figure(spans, [FlareTick(NOW + HOUR, "X1.0", "12017")], shown, LIGHT)

    by_name = {trace["name"]: trace for trace in figure["data"]}
    assert by_name["false alarm"]["marker"]["pattern"]["shape"] == "/"
    assert by_name["missed"]["marker"]["symbol"] == "circle-open"
    assert by_name["confirmed"]["x"] == [5 * 3.6e6]
    assert by_name["flares"]["marker"]["line"]["color"] == [LIGHT.x_mark]


class Api(BaseHTTPRequestHandler):
    status, body = 200, b"{}"
    seen: list[tuple[str, str | None, dict[str, Any]]]

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path, self.headers["Authorization"], sent))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[tuple[type[Api], DashSettings]]:
    handler = type("Once", (Api,), {"seen": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    yield handler, DashSettings(api_url=address, api_key="a key of the desk")
    server.shutdown()
    server.server_close()


Answering = tuple[type[Api], DashSettings]


def test_an_acknowledgement_goes_to_the_api_in_the_session_of_the_browser(api: Answering) -> None:
    handler, settings = api

    with Flask("browser").test_request_context():
        g.token = "token of mk"
        api_client.acknowledge(settings, "M1.0-harp1", comment="")

    (seen,) = handler.seen
    assert seen == (
        "/api/v1/alerts/M1.0-harp1/acknowledge", "Bearer token of mk", {"comment": None},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, NotFoundError),
        (422, InvalidInputError),
        (403, api_client.RefusedError),
        (503, api_client.ApiUnavailableError),
    ],
)
def test_a_refusal_keeps_the_text_of_the_api(
    api: Answering, status: int, kind: type[FlarewatchError]
) -> None:
    handler, settings = api
    handler.status, handler.body = status, json.dumps({"detail": "no alert here"}).encode()

    with pytest.raises(kind, match="no alert here") as refused:
        api_client.acknowledge(settings, "x")

    assert refused.value.status == status


def test_an_unreachable_api_is_named_in_the_message(engine_sqlite: sa.Engine) -> None:
    settings = DashSettings(api_url="http://127.0.0.1:9")

    said = alerts.acknowledge_alert(settings, engine_sqlite, "x", comment=None)

    text = json.dumps(said, cls=PlotlyJSONEncoder)
    assert "Not acknowledged: the API at http://127.0.0.1:9 cannot be reached" in text
    assert "Retry" in text


def test_who_may_not_acknowledge_sees_no_button_and_no_field(stocked: sa.Engine) -> None:
    viewer = Principal("Vi", "session", permissions_of(("viewer",)))
    view = routing.read_context(stocked, settings=DashSettings(), theme="light")

    page = drawn_for(replace(view, who=viewer))

    assert '"Acknowledge"' not in page
    assert "Comment, if any" not in page
    assert "Operators acknowledge" in page


@pytest.mark.parametrize("state", ["acknowledged", "closed"])
def test_an_acknowledged_alert_keeps_its_place_for_a_minute(
    engine_sqlite: sa.Engine, state: str
) -> None:
    stock(engine_sqlite)
    view = routing.read_context(engine_sqlite, settings=DashSettings(), theme="light")
    pressed = alert(20, state=state, acknowledged_at=view.now, acknowledged_by="mk")
    with writing(engine_sqlite) as connection:
        write_alerts(connection, [pressed, alert(10, event="X1.0")])
    later = replace(view, now=view.now + timedelta(minutes=1))
    text_of = partial(json.dumps, cls=PlotlyJSONEncoder, ensure_ascii=False)

    listed = text_of(alert_list([pressed], view))
    moved = text_of(alert_list([pressed], later))

    assert "✓ Acknowledged by mk" in listed
    assert "Acknowledged and closed" not in listed
    assert "Acknowledged and closed" in moved
    assert "mk" in drawn_for(view, "?state=open")
    assert "mk" not in drawn_for(later, "?state=open")
    assert drawn_for(later, "?state=open").count('"Acknowledge"') == 1


def test_new_data_leave_the_buttons_of_an_open_alert_as_they_are(stocked: sa.Engine) -> None:
    view = routing.read_context(stocked, settings=DashSettings(), theme="light")
    first, higher = alert(20), alert(20, last_probability=0.4)
    before, after = (alert_list([one], view) for one in (first, higher))

    updates = delta.changes(after, delta.fingerprints(before), delta.fingerprints(after))

    assert [update.props for update in updates] == [
        {"children": f"Crossed 10{NARROW}% at 23{NARROW}%, peak 44{NARROW}%, now 40{NARROW}%."}
    ]
