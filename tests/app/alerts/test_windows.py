"""A rule may name another window than the next 24 h, over which its alerts are judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alert_calls import (
    HIGH,
    LOW,
    MODEL,
    START,
    Hourly,
    MakeApp,
    Row,
    changes_told,
    judged,
    listed,
    post_flares,
    send,
)
from flask.testing import FlaskClient
from handmade_models import ALL_WINDOWS, line_up

# p(M1.0+ in 6 h) is the sigmoid of MEANGAM - 50 - 2 - 1.5: 0.62 or 0.0006; the threshold is 0.5.
WINDOWED = replace(MODEL, windows=ALL_WINDOWS)
SIX_HOURS = "[[rule]]\nevent = 'M1.0'\nwindow = '6h'\n"
ONE_DAY = "[[rule]]\nevent = 'M1.0'\n"

Serve = Callable[..., FlaskClient]


@pytest.fixture
def serve(make_app: MakeApp, tmp_path: Path, clock: Any) -> Serve:
    # The model becomes live when the application is made, and forecasts after that.
    clock.now = datetime.now(UTC) + timedelta(minutes=1)

    def start(engine: sa.Engine, rules: str, **changes: Any) -> FlaskClient:
        path = tmp_path / "rules.toml"
        path.write_text(rules)
        models = line_up(tmp_path / "models", WINDOWED)
        return make_app(
            engine,
            artifacts_dir=models,
            alert_rules=path,
            webhook_url="https://example.org/alerts",
            webhook_secret="a secret of sixteen",
            **changes,
        ).test_client()

    return start


def at(hour: float) -> str:
    return (START + timedelta(hours=hour)).isoformat()


def peak(flare_row: Row, hour: float, **changes: Any) -> dict[str, Any]:
    times = {"start": at(hour), "peak": at(hour), "end": None}
    return flare_row(**times | {"noaa_ar": None} | changes)


def test_an_alert_of_six_hours_closes_six_hours_after_its_last_warning(
    serve: Serve, engine: sa.Engine, hourly: Hourly
) -> None:
    client = serve(engine, SIX_HOURS)
    send(client, hourly(LOW, HIGH, HIGH, *[LOW] * 8))

    (found,) = listed(client)

    assert found["id"].startswith("M1.0-6h-harp3721-20140301T020000Z-")
    assert (found["event"], found["window"], found["severity"]) == ("M1.0/6h", "6h", "R1")
    assert found["threshold"] == 0.5
    # sigmoid(54 - 50 - 2 - 1.5) = 0.622
    assert found["opened_probability"] == pytest.approx(0.622, abs=0.001)
    assert (found["state"], found["closed_at"]) == ("closed", "2014-03-01T08:00:00Z")
    assert client.get(f"/api/v1/alerts/{found['id']}").get_json() == found


def test_a_flare_within_the_six_hours_confirms_and_a_later_one_does_not(
    serve: Serve, engine_sqlite: sa.Engine, hourly: Hourly, flare_row: Row
) -> None:
    client = serve(engine_sqlite, SIX_HOURS)
    for harpnum in (1, 2, 3):
        send(client, hourly(LOW, HIGH, HIGH, *[LOW] * 8, harpnum=harpnum))
    # In the second region it comes half an hour after the close, in the third before the opening.
    hours = {1: 7.5, 2: 8.5, 3: 1.5}
    post_flares(
        client,
        *(
            peak(flare_row, hour, harpnum=region, goes_class="M2.6")
            for region, hour in hours.items()
        ),
    )

    judged(client)

    found = {a["region"]: a for a in listed(client) if a["outcome"] != "missed"}
    assert {region: a["outcome"] for region, a in found.items()} == {
        1: "confirmed",
        2: "false alarm",
        3: "false alarm",
    }
    assert found[1]["outcome_class"] == "M2.6"


def test_a_flare_without_its_region_leaves_only_the_window_unknown_in_which_it_lies(
    serve: Serve, engine_sqlite: sa.Engine, hourly: Hourly, flare_row: Row
) -> None:
    client = serve(engine_sqlite, SIX_HOURS + ONE_DAY)
    send(client, hourly(LOW, HIGH, HIGH, *[LOW] * 30))
    post_flares(client, peak(flare_row, 12))

    judged(client)

    assert {a["window"]: a["outcome"] for a in listed(client)} == {
        "6h": "false alarm",
        "24h": "unknown",
    }


def test_a_flare_is_missed_in_the_windows_whose_forecasts_reached_it(
    serve: Serve, engine: sa.Engine, hourly: Hourly, flare_row: Row
) -> None:
    client = serve(engine, SIX_HOURS + ONE_DAY)
    send(client, hourly(*[LOW] * 12, harpnum=1))
    send(client, hourly(*[LOW] * 60, harpnum=2))
    # The first region was last seen at 11:00: at 20:00 no forecast of six hours reached.
    post_flares(client, peak(flare_row, 20, harpnum=1), peak(flare_row, 20.5, harpnum=2))

    judged(client)
    judged(client)

    found = {(a["region"], a["window"]): a for a in listed(client)}
    assert sorted(found) == [(1, "24h"), (2, "24h"), (2, "6h")]
    assert {a["outcome"] for a in found.values()} == {"missed"}
    missed = found[2, "6h"]
    assert missed["id"].startswith("M1.0-6h-harp2-20140301T203000Z-")
    # sigmoid(46 - 50 - 2 - 1.5) = 0.00055
    assert missed["opened_probability"] == pytest.approx(0.00055, abs=0.00001)


def test_an_alert_of_the_second_day_is_judged_by_the_flares_of_the_second_day(
    serve: Serve, engine_sqlite: sa.Engine, hourly: Hourly, flare_row: Row
) -> None:
    client = serve(engine_sqlite, "[[rule]]\nevent = 'M1.0'\nwindow = 'd2'\n")
    for harpnum in (1, 2):
        send(client, hourly(LOW, HIGH, HIGH, *[LOW] * 60, harpnum=harpnum))
    # Opened at 02:00, it speaks of the time from 02:00 of the next day on.
    post_flares(client, peak(flare_row, 25, harpnum=1), peak(flare_row, 40, harpnum=2))

    judged(client)

    found = {a["region"]: a for a in listed(client) if a["outcome"] != "missed"}
    assert {region: a["outcome"] for region, a in found.items()} == {
        1: "false alarm",
        2: "confirmed",
    }
    assert {a["closed_at"] for a in found.values()} == {"2014-03-03T02:00:00Z"}


@pytest.mark.parametrize("lead_every", [60, 0])
def test_record_by_record_gives_the_alert_of_a_window_that_one_batch_gives(
    serve: Serve, engine_sqlite: sa.Engine, row: Row, lead_every: int
) -> None:
    client = serve(engine_sqlite, SIX_HOURS + ONE_DAY, lead_every=lead_every)
    # High in the second half of each hour from the second to the eighth, then high throughout.
    levels = [LOW] * 3 + [HIGH, LOW] * 6 + [HIGH] * 7 + [LOW] * 16

    def rows(harpnum: int) -> list[dict[str, Any]]:
        return [
            row(t_rec=at(half / 2), keywords={"MEANGAM": level}, harpnum=harpnum)
            for half, level in enumerate(levels)
        ]

    send(client, rows(1))
    for one in rows(2):
        send(client, [one])

    def of(region: int) -> list[dict[str, Any]]:
        ignored = {"id", "region", "raised_at", "changed_at"}
        found = listed(client, f"?region={region}&window=6h")
        return [{k: v for k, v in alert.items() if k not in ignored} for alert in found]

    assert of(1) == of(2)
    # 15 half hours are over at 07:30. Hourly, the first record of 08:00 and that of 09:00 count.
    opened = {60: "2014-03-01T09:00:00Z", 0: "2014-03-01T08:00:00Z"}
    assert [a["opened_at"] for a in of(1)] == [opened[lead_every]]


def test_a_late_record_opens_no_alert_of_a_window(
    serve: Serve, engine_sqlite: sa.Engine, hourly: Hourly
) -> None:
    client = serve(engine_sqlite, SIX_HOURS)
    send(client, hourly(LOW, LOW, start=10))
    send(client, hourly(HIGH, HIGH, HIGH, start=0))

    assert listed(client) == []


def test_an_alert_escalates_one_of_a_lower_class_in_the_same_window(
    serve: Serve, engine_sqlite: sa.Engine, hourly: Hourly
) -> None:
    client = serve(engine_sqlite, "[[rule]]\nevent = 'C1.0'\nwindow = '6h'\n" + SIX_HOURS + ONE_DAY)
    send(client, hourly(LOW, HIGH, HIGH))

    # C1.0+ in 6 h, M1.0+ in 6 h, and M1.0+ in 24 h.
    assert changes_told(client) == [
        ("C1.0", "opened"),
        ("M1.0", "escalated"),
        ("M1.0", "opened"),
    ]


def test_alerts_are_listed_by_class_and_window(
    serve: Serve, engine_sqlite: sa.Engine, hourly: Hourly
) -> None:
    client = serve(engine_sqlite, "[[rule]]\nevent = 'C1.0'\nwindow = '6h'\n" + SIX_HOURS + ONE_DAY)
    send(client, hourly(LOW, HIGH, HIGH))

    def events(query: str) -> list[str]:
        return sorted(alert["event"] for alert in listed(client, query))

    assert events("") == ["C1.0/6h", "M1.0", "M1.0/6h"]
    assert events("?event=M1.0") == events("?event=M1.0&window=d1") == ["M1.0"]
    assert events("?event=M1.0&window=6h") == ["M1.0/6h"]
    assert events("?window=6h") == ["C1.0/6h", "M1.0/6h"]
    refused = client.get("/api/v1/alerts?window=9h")
    assert refused.status_code == 422
    assert "choose one of 6h, 12h" in refused.text


def test_a_rule_for_a_window_that_the_model_lacks_raises_nothing_and_the_start_says_so(
    engine_sqlite: sa.Engine,
    make_app: MakeApp,
    tmp_path: Path,
    hourly: Hourly,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(SIX_HOURS + "on = 0.1\n" + ONE_DAY)
    models = line_up(tmp_path / "models", MODEL)
    client = make_app(engine_sqlite, artifacts_dir=models, alert_rules=rules).test_client()

    send(client, hourly(HIGH, HIGH, HIGH))

    assert [alert["event"] for alert in listed(client)] == ["M1.0"]
    assert "the alert rule for M1.0+ in 6 h raises nothing" in caplog.text
    assert "the alert rule for M1.0+ raises" not in caplog.text
