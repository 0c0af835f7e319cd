"""A forecast over its threshold becomes one alert, and the alert gets its end and its outcome."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from handmade_models import HandmadeModel, line_up

from app.alerts import verdicts
from app.alerts.rules import load_rules
from app.alerts.verdicts import Docket, judge_alerts
from app.services import Services
from database.engine import reading
from database.tables import alert_tracks, notices
from solar.errors import InvalidInputError

MakeApp = Callable[..., Flask]
Row = Callable[..., dict[str, Any]]

START = datetime(2014, 3, 1, tzinfo=UTC)
URL = "/api/v1/observations"
# p(C1.0+) is the sigmoid of MEANGAM - 50, and M1.0+ has its odds divided by e squared.
MODEL = HandmadeModel("point", ("MEANGAM",), np.array([[1.0]]), bias=-50.0)
# So M1.0+ has 0.88 and 0.0025; the handmade threshold is far from both.
HIGH, LOW = 54.0, 46.0
RULES = """
[[rule]]
event = "M1.0"
on = 0.5
[[rule]]
event = "C1.0"
on = 0.9
"""


@pytest.fixture
def app(engine: sa.Engine, make_app: MakeApp, tmp_path: Path, clock: Any) -> Flask:
    # The model becomes live when the application is made, and forecasts after that.
    clock.now = datetime.now(UTC) + timedelta(minutes=1)
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    models = line_up(tmp_path / "models", MODEL)
    return make_app(
        engine, artifacts_dir=models, alert_rules=rules,
        webhook_url="https://example.org/alerts", webhook_secret="a secret of sixteen",
    )  # fmt: skip


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def hourly(row: Row) -> Callable[..., list[dict[str, Any]]]:
    def make(*levels: float, start: int = 0, **changes: Any) -> list[dict[str, Any]]:
        times = [START + timedelta(hours=start + hour) for hour in range(len(levels))]
        return [
            row(t_rec=at.isoformat(), keywords={"MEANGAM": level}, **changes)
            for at, level in zip(times, levels, strict=True)
        ]

    return make


Hourly = Callable[..., list[dict[str, Any]]]


def send(client: FlaskClient, rows: list[dict[str, Any]]) -> None:
    answer = client.post(URL, json={"observations": rows})
    assert answer.status_code == 200, answer.text


def listed(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/api/v1/alerts{query}").get_json()["items"]
    return items


def judged(client: FlaskClient) -> None:
    given: Services = client.application.extensions["flarewatch"]
    judge_alerts(given.engine, given.watch, now=given.clock() + timedelta(hours=1))


def changes_told(client: FlaskClient) -> list[tuple[str, str]]:
    with reading(client.application.extensions["flarewatch"].engine) as connection:
        rows = connection.execute(sa.select(notices.c.alert_id, notices.c.change))
        return sorted((row.alert_id.split("-")[0], row.change) for row in rows)


def post_flares(client: FlaskClient, *flares: dict[str, Any], days: int = 10) -> None:
    covers = {"from": "2014-02-20T00:00:00Z", "to": (START + timedelta(days=days)).isoformat()}
    answer = client.post("/api/v1/flares", json={"flares": list(flares), "covers": covers})
    assert answer.status_code == 200, answer.text


def test_a_lasting_rise_opens_an_alert_of_each_event(client: FlaskClient, hourly: Hourly) -> None:
    send(client, hourly(LOW, HIGH, HIGH))

    found = listed(client)

    assert [(a["event"], a["severity"], a["state"]) for a in found] == [
        ("C1.0", "R0", "open"), ("M1.0", "R1", "open"),
    ]  # fmt: skip
    assert {a["opened_at"] for a in found} == {"2014-03-01T02:00:00Z"}
    (main,) = listed(client, "?event=M1.0")
    assert main["region"] == 3721
    assert main["model"] == MODEL.model_id
    # sigmoid(4 - 2) = 0.881
    assert main["opened_probability"] == pytest.approx(0.881, abs=0.001)
    assert (main["threshold"], main["off_threshold"]) == (0.5, pytest.approx(0.3))
    assert changes_told(client) == [("C1.0", "opened"), ("M1.0", "escalated")]


def test_record_by_record_gives_the_alert_that_one_batch_gives(
    client: FlaskClient, hourly: Hourly
) -> None:
    levels = (LOW, HIGH, HIGH, HIGH + 1, *[LOW] * 30, HIGH + 2, HIGH + 2)
    send(client, hourly(*levels, harpnum=1))
    for one in hourly(*levels, harpnum=2):
        send(client, [one])

    def of(region: int) -> list[dict[str, Any]]:
        ignored = {"id", "region", "raised_at", "changed_at"}
        found = listed(client, f"?region={region}")
        return [{k: v for k, v in alert.items() if k not in ignored} for alert in found]

    assert of(1) == of(2)
    assert [a["closed_at"] for a in of(1) if a["event"] == "M1.0"] == [None, "2014-03-02T03:00:00Z"]


def test_the_same_records_again_change_nothing(client: FlaskClient, hourly: Hourly) -> None:
    rows = hourly(LOW, HIGH, HIGH)
    send(client, rows)
    before = listed(client), changes_told(client)

    send(client, rows)

    assert (listed(client), changes_told(client)) == before


def test_of_many_senders_with_the_same_rows_one_raises_the_alert(
    client: FlaskClient, hourly: Hourly
) -> None:
    rows = hourly(*[HIGH] * 30)
    start = Barrier(4)

    def deliver(sender: str) -> int:
        start.wait()
        body = {"sender": {"id": sender}, "observations": rows}
        own = client.application.test_client()
        return own.post(URL, json=body).status_code

    with ThreadPoolExecutor(4) as senders:
        assert set(senders.map(deliver, "abcd")) == {200}

    assert [a["event"] for a in listed(client)] == ["C1.0", "M1.0"]
    assert len(changes_told(client)) == 2


def test_a_late_record_neither_opens_nor_closes(client: FlaskClient, hourly: Hourly) -> None:
    send(client, hourly(LOW, LOW, start=10))
    send(client, hourly(HIGH, HIGH, HIGH, start=0))

    assert listed(client) == []


def test_an_alert_confirmed_by_a_flare_says_by_which(
    client: FlaskClient, hourly: Hourly, flare_row: Row
) -> None:
    send(client, hourly(HIGH, HIGH, *[LOW] * 26))
    late = {"start": "2014-03-01T10:00:00Z", "peak": "2014-03-01T10:05:00Z", "end": None}
    later = {"start": "2014-03-01T12:00:00Z", "peak": "2014-03-01T12:05:00Z", "end": None}
    post_flares(client, flare_row(**late, goes_class="M2.6"), flare_row(**later))

    judged(client)

    (main,) = listed(client, "?event=M1.0")
    assert (main["state"], main["outcome"], main["outcome_class"]) == (
        "closed", "confirmed", "M2.6",
    )  # fmt: skip
    assert main["outcome_at"] == "2014-03-01T10:05:00Z"


def test_nothing_in_a_complete_list_is_a_false_alarm(client: FlaskClient, hourly: Hourly) -> None:
    send(client, hourly(HIGH, HIGH, *[LOW] * 26))
    post_flares(client, days=1)
    judged(client)
    # The list ends before the alert does, so a flare may still be reported.
    assert {a["outcome"] for a in listed(client)} == {None}

    post_flares(client, days=10)
    judged(client)

    assert {a["outcome"] for a in listed(client)} == {"false alarm"}


def test_a_flare_without_a_region_leaves_the_outcome_unknown(
    client: FlaskClient, hourly: Hourly, flare_row: Row
) -> None:
    send(client, hourly(HIGH, HIGH, *[LOW] * 26))
    times = {"start": "2014-03-01T10:00:00Z", "peak": "2014-03-01T10:05:00Z", "end": None}
    post_flares(client, flare_row(**times, noaa_ar=None, goes_class="C2.0"))

    judged(client)

    outcomes = {a["event"]: a["outcome"] for a in listed(client)}
    assert outcomes == {"C1.0": "unknown", "M1.0": "false alarm"}


def test_a_flare_that_no_alert_announced_is_missed_until_the_list_is_revised(
    client: FlaskClient, hourly: Hourly, flare_row: Row
) -> None:
    send(client, hourly(*[LOW] * 48))
    times = {"start": "2014-03-01T10:00:00Z", "peak": "2014-03-01T10:05:00Z", "end": None}
    post_flares(client, flare_row(**times, goes_class="M1.4"))
    judged(client)
    judged(client)

    found = listed(client)
    assert [(a["event"], a["outcome"], a["outcome_class"]) for a in found] == [
        ("C1.0", "missed", "M1.4"), ("M1.0", "missed", "M1.4"),
    ]  # fmt: skip
    # sigmoid(-4 - 2) = 0.0025: what was said in the hour before.
    assert found[1]["opened_probability"] == pytest.approx(0.0025, abs=0.0001)

    post_flares(client, flare_row(**times, goes_class="C5.0"))
    judged(client)
    assert [(a["event"], a["outcome_class"]) for a in listed(client)] == [("C1.0", "C5.0")]


def test_a_flare_of_a_region_without_a_forecast_was_not_missed(
    client: FlaskClient, hourly: Hourly, flare_row: Row
) -> None:
    send(client, hourly(*[LOW] * 48, lon_fwt=80.0))
    times = {"start": "2014-03-01T10:00:00Z", "peak": "2014-03-01T10:05:00Z", "end": None}
    post_flares(client, flare_row(**times))

    judged(client)

    assert listed(client) == []


def test_the_alert_of_a_region_that_fell_silent_closes_and_goes_on_when_it_speaks_again(
    client: FlaskClient, hourly: Hourly
) -> None:
    send(client, hourly(HIGH, HIGH, harpnum=1))
    send(client, hourly(LOW, start=30, harpnum=2))

    judged(client)
    assert {a["closed_at"] for a in listed(client)} == {"2014-03-02T01:00:00Z"}

    send(client, hourly(HIGH, start=20, harpnum=1))
    assert [(a["state"], a["closed_at"]) for a in listed(client)] == [("open", None)] * 2


def test_judging_again_happens_only_when_something_has_come(
    client: FlaskClient, hourly: Hourly, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: Services = client.application.extensions["flarewatch"]
    monkeypatch.setattr(verdicts, "_REST", 0)
    docket = Docket()
    later = given.clock() + timedelta(hours=1)
    send(client, hourly(HIGH, HIGH, *[LOW] * 26))
    post_flares(client)

    first = docket.look(given.engine, given.watch, now=later)
    again = [docket.look(given.engine, given.watch, now=later) for _ in range(2)]

    assert (first, again) == (2, [0, 0])


def test_while_records_stream_in_most_of_the_time_is_left_to_them(
    client: FlaskClient, hourly: Hourly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts, "_REST", 1e6)
    given: Services = client.application.extensions["flarewatch"]
    docket = Docket()
    later = given.clock() + timedelta(hours=1)
    send(client, hourly(HIGH, HIGH, *[LOW] * 26))
    docket.look(given.engine, given.watch, now=later)

    post_flares(client)

    assert docket.look(given.engine, given.watch, now=later) == 0


def test_who_acknowledges_first_stays(client: FlaskClient, hourly: Hourly) -> None:
    send(client, hourly(HIGH, HIGH))
    (main,) = listed(client, "?event=M1.0")
    url = f"/api/v1/alerts/{main['id']}"

    first = client.post(f"{url}/acknowledge", json={"by": "mk", "comment": "seen"}).get_json()
    again = client.post(f"{url}/acknowledge", json={"by": "someone else"}).get_json()

    assert (first["state"], first["acknowledged_by"], first["comment"]) == (
        "acknowledged", "mk", "seen",
    )  # fmt: skip
    assert again == first == client.get(url).get_json()
    assert [a["event"] for a in listed(client, "?state=acknowledged")] == ["M1.0"]
    assert len(listed(client, "?state=open,acknowledged")) == 2


def test_an_acknowledged_alert_stays_so_while_records_come_and_closes_with_its_word(
    client: FlaskClient, hourly: Hourly
) -> None:
    send(client, hourly(HIGH, HIGH))
    (main,) = listed(client, "?event=M1.0")
    client.post(f"/api/v1/alerts/{main['id']}/acknowledge", json={"by": "mk"})

    send(client, hourly(HIGH, start=2))
    (during,) = listed(client, "?event=M1.0")
    send(client, hourly(*[LOW] * 26, start=3))
    (after,) = listed(client, "?event=M1.0")

    assert (during["state"], during["acknowledged_by"]) == ("acknowledged", "mk")
    assert (after["state"], after["acknowledged_by"]) == ("closed", "mk")


@pytest.mark.parametrize(
    ("body", "path"),
    [({}, "by"), ({"by": " "}, "by"), ({"by": "mk", "comment": "x" * 1001}, "comment")],
)
def test_an_acknowledgement_that_cannot_be_used_names_the_field(
    client: FlaskClient, body: dict[str, Any], path: str
) -> None:
    answer = client.post("/api/v1/alerts/M1.0-harp1/acknowledge", json=body)

    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.get_json()["errors"]] == [path]


@pytest.mark.parametrize("name", ["M1.0-harp1-20140301T000000Z-abcdef01", "ä", "x" * 200])
def test_an_alert_that_does_not_exist_is_not_found(client: FlaskClient, name: str) -> None:
    assert client.get(f"/api/v1/alerts/{name}").status_code == 404
    answer = client.post(f"/api/v1/alerts/{name}/acknowledge", json={"by": "mk"})
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


def test_an_unknown_state_is_refused_with_the_known_ones(client: FlaskClient) -> None:
    answer = client.get("/api/v1/alerts?state=loud")

    assert answer.status_code == 422
    assert "open, acknowledged, closed" in answer.text


def test_the_list_is_read_page_by_page(client: FlaskClient, hourly: Hourly) -> None:
    for harpnum in (1, 2, 3):
        send(client, hourly(HIGH, HIGH, harpnum=harpnum, start=harpnum % 2))

    seen, cursor = [], ""
    while cursor is not None:
        answer = client.get(f"/api/v1/alerts?limit=2{cursor and f'&cursor={cursor}'}").get_json()
        seen += [item["id"] for item in answer["items"]]
        cursor = answer["next_cursor"]

    assert len(seen) == 6
    assert seen == [a["id"] for a in listed(client)]


def test_only_what_is_not_idle_is_remembered(client: FlaskClient, hourly: Hourly) -> None:
    send(client, hourly(*[LOW] * 3, harpnum=1))
    send(client, hourly(LOW, HIGH, LOW, harpnum=2))
    send(client, hourly(LOW, HIGH, harpnum=3))

    with reading(client.application.extensions["flarewatch"].engine) as connection:
        phases = connection.execute(sa.select(alert_tracks.c.region_id, alert_tracks.c.phase))
        assert set(map(tuple, phases)) == {(3, "rising")}


def test_without_a_threshold_of_its_own_a_rule_takes_the_models(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("".join(f"[[rule]]\nevent = '{name}'\n" for name in ("M1.0", "M5.0", "X1.0")))

    rules = load_rules(path, {"M1.0": 0.043, "M5.0": 0.0072, "X1.0": None})

    assert [(rule.event.name, rule.on) for rule in rules] == [("M1.0", 0.043), ("M5.0", 0.0072)]
    assert rules[0].off == pytest.approx(0.0258)


def test_the_shipped_rules_take_the_models_threshold_for_the_common_class_alone() -> None:
    rules = load_rules(None, {"M1.0": 0.043, "M5.0": 0.0072, "X1.0": 0.0024})

    assert [(r.event.name, r.on) for r in rules] == [
        ("M1.0", 0.043),
        ("M5.0", 0.05),
        ("X1.0", 0.03),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rule]]\nevent = 'M2.0'", "M2.0"),
        ("[[rule]]\nevent = 'M1.0'\nof = 1", "of"),
        ("[[rule]]\nevent = 'M1.0'\noff_factor = 2", "off_factor"),
        ("[[rule]]\nevent = 'M1.0'\nsettle_hours = 0", "settle"),
        ("[[rule]]\nevent = 'M1.0'\n[[rule]]\nevent = 'M1.0'", "two rules"),
        ("[[rule", "not TOML"),
    ],
)
def test_a_wrong_rule_file_is_refused_by_name_with_what_is_wrong(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)

    with pytest.raises(InvalidInputError, match=said) as error:
        load_rules(path, {"M1.0": 0.1})
    assert str(path) in str(error.value)


def test_the_api_does_not_start_with_rules_that_are_not_there(
    engine_sqlite: sa.Engine, make_app: MakeApp, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match="FLARE_ALERT_RULES"):
        make_app(engine_sqlite, alert_rules=tmp_path / "absent.toml")


def test_only_the_live_model_raises_alerts(
    engine_sqlite: sa.Engine, make_app: MakeApp, tmp_path: Path, hourly: Hourly
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    calm = HandmadeModel("calm", ("MEANGAM",), np.array([[0.0]]), bias=-9.0)
    models = line_up(tmp_path / "models", calm, replace(MODEL, name="loud"))
    client = make_app(engine_sqlite, artifacts_dir=models, alert_rules=rules).test_client()

    send(client, hourly(HIGH, HIGH, HIGH))

    assert listed(client) == []
