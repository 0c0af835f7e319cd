"""X-ray minutes of a replay: sent when their time has come, each of them, whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kafka_broker import broker, read_all

from data_sender.delivery.spool import Post
from data_sender.xrays import XrayMinutes, XrayPublisher, read_xrays
from solar.errors import InvalidInputError
from solar.flare_detection import MINUTE
from solar.time import parse_time, to_datetime64

# The records are of 2014-03-01, 00:00 to 04:00 TAI.
FIRST, LAST = parse_time("2014-02-28T23:59:25Z"), parse_time("2014-03-01T03:59:25Z")
DAY = timedelta(days=1)
FAULT = """
[[fault]]
kind = "xrs-gap"
from = 2014-03-01T01:00:00Z
to = 2014-03-01T02:00:00Z

[[fault]]
kind = "satellite-switch"
from = 2014-03-01T02:00:00Z
to = 2014-03-01T03:00:00Z
"""


@pytest.fixture
def xray_file(tmp_path: Path) -> Path:
    """Write the minutes of six days, the first hour of March unmeasured."""
    begin = datetime(2014, 2, 26, tzinfo=UTC)
    lines = ["time_utc,xrsb_flux,xrsb_flag"]
    for place in range(6 * 1440):
        at = begin + place * MINUTE
        flag = int(at.month == 3 and at.day == 1 and at.hour == 0)
        lines.append(f"{at:%Y-%m-%dT%H:%M:%S},{1e-6 + place * 1e-10},{flag}")
    path = tmp_path / "sci_g15_2014.csv"
    path.write_text("\n".join(lines))
    return path


def expected() -> list[datetime]:
    """Return the minutes from a day before the first record to a day after the last."""
    begin = (FIRST - DAY).replace(second=0) + MINUTE
    return [begin + n * MINUTE for n in range(int((LAST + DAY - begin) / MINUTE) + 1)]


def test_a_replay_sends_each_minute_of_its_time_and_no_other(
    api: Any, sender: Any, write_table: Any, xray_file: Path
) -> None:
    table = write_table(hours=5)

    status, summary, _ = sender.run("replay", table, "--xray", xray_file)

    assert (status, summary["accepted"], summary["rejected"]) == (0, 10, 0)
    assert summary["xray-flux"] == len(api.minutes)
    assert [at for at, _, _ in api.minutes] == expected()
    assert {satellite for _, satellite, _ in api.minutes} == {"G15"}
    unmeasured = [at for at, _, flux in api.minutes if flux is None]
    assert (len(unmeasured), unmeasured[0]) == (60, parse_time("2014-03-01T00:00:00Z"))


def test_beside_records_on_kafka_the_minutes_go_over_http(
    api: Any, sender: Any, write_table: Any, xray_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broker() as address:
        monkeypatch.setenv("FLARE_KAFKA_BOOTSTRAP", address)

        status, summary, _ = sender.run(
            "replay", write_table(hours=5), "--via", "kafka", "--xray", xray_file
        )

        assert (status, len(read_all(address, "sharp.observations"))) == (0, 10)
    assert summary["xray-flux"] == len(api.minutes)
    assert [at for at, _, _ in api.minutes] == expected()
    assert api.stored == {}


@pytest.mark.thorough
def test_minutes_arrive_when_they_are_due(
    api: Any, sender: Any, write_table: Any, xray_file: Path
) -> None:
    speed = 14_400

    status, _, _ = sender.run("replay", write_table(hours=5), "--xray", xray_file, "--speed", speed)

    assert status == 0
    assert sorted({at for at, _, _ in api.minutes}) == expected()
    # They leave a second ahead by the clock of the store, so that it has them when they are due.
    ahead = [at - now for (at, _, _), now in zip(api.minutes, api.came_at, strict=True)]
    assert max(ahead) <= timedelta(seconds=1.1 * speed)
    assert min(ahead[1440 + 8 * 60 :]) > -timedelta(seconds=0.4 * speed)


@pytest.mark.thorough
def test_paused_no_minute_is_sent(
    api: Any, sender: Any, write_table: Any, xray_file: Path, wait_until: Any
) -> None:
    table = write_table(hours=48)
    process = sender.start("replay", table, "--xray", xray_file, "--speed", 3600)
    wait_until(lambda: len(api.minutes) > 1500)
    api.clock.set(speed=0.0)
    # A sender looks once a second.
    time.sleep(1.2)
    paused, sent = api.clock.now(), len(api.minutes)
    time.sleep(0.7)

    assert len(api.minutes) == sent
    api.clock.set(speed=None)
    process.communicate(timeout=20)
    assert process.returncode == 0
    # What it had let go ahead of the pause comes again.
    assert next(at for at, _, _ in api.minutes[sent:]) <= paused + MINUTE


def test_the_faults_of_xrays_are_injected_where_minutes_are_sent_and_refused_elsewhere(
    api: Any, sender: Any, write_table: Any, xray_file: Path, tmp_path: Path
) -> None:
    table, faults = write_table(hours=5), tmp_path / "faults.toml"
    faults.write_text(FAULT)

    refused, _, log = sender.run("replay", table, "--faults", faults)
    status, _, _ = sender.run("replay", table, "--faults", faults, "--xray", xray_file)

    assert refused == 2
    assert "the fault xrs-gap needs X-ray minutes; give a replay some with --xray" in log
    assert status == 0
    hours = {at.hour for at, _, _ in api.minutes if at.date() == LAST.date()}
    assert hours == set(range(24)) - {1}
    switched = [at for at, satellite, _ in api.minutes if satellite == "G16"]
    assert [at.hour for at in switched] == [2] * 60
    assert [fault["affected"] for fault in api.faults] == [60, 60]


def test_a_file_of_another_time_is_refused(sender: Any, write_table: Any, tmp_path: Path) -> None:
    path = tmp_path / "g16.csv"
    path.write_text("minute_at,flux_w_m2\n2022-01-01T00:00:00,2e-7\n")

    status, _, log = sender.run("replay", write_table(hours=5), "--xray", path)

    assert status == 2
    assert "has no minute from 2014-02-27T23:59:25Z to 2014-03-02T03:59:25Z" in log


def test_a_file_that_does_not_tell_its_satellite_is_refused_with_what_to_do(
    tmp_path: Path,
) -> None:
    path = tmp_path / "flux.csv"
    path.write_text("minute_at,flux_w_m2\n2014-03-01T00:00:00,2e-7\n")

    with pytest.raises(InvalidInputError, match="a column satellite or a name such as g16"):
        read_xrays(path, (to_datetime64(FIRST), to_datetime64(LAST)))


def three_days(posted: list[str]) -> tuple[XrayMinutes, Callable[[Post], bool]]:
    times = to_datetime64(FIRST) + np.arange(3 * 1440) * np.timedelta64(1, "m")
    minutes = XrayMinutes(times, times, np.full(len(times), 1e-6), np.full(len(times), "G15"))

    def deliver(post: Post) -> bool:
        posted.extend(item["minute_at"] for item in post.items)
        return True

    return minutes, deliver


def test_after_a_kill_at_any_position_no_minute_is_left_out() -> None:
    for hours in (1, 5, 23, 24, 25, 47):
        posted: list[str] = []
        minutes, deliver = three_days(posted)
        before = XrayPublisher(minutes, deliver, published_to=None)
        for hour in range(hours):
            assert before.publish(minutes.times[60 * hour])
        position = minutes.times[60 * (hours - 1)]

        after = XrayPublisher(minutes, deliver, published_to=position)
        assert after.finish()

        assert len(set(posted)) == len(minutes)
        assert len(posted) <= len(minutes) + 1440


def test_what_a_late_pause_let_go_too_early_is_sent_again_in_time() -> None:
    posted: list[str] = []
    minutes, deliver = three_days(posted)
    publisher = XrayPublisher(minutes, deliver, published_to=None)

    assert publisher.follow(minutes.times[1700])
    assert publisher.follow(minutes.times[1500])
    assert publisher.finish()

    assert len(posted) == len(minutes) + 200
    assert len(set(posted)) == len(minutes)


def test_a_post_that_the_stop_signal_ends_is_not_counted_as_sent() -> None:
    posted: list[str] = []
    minutes, deliver = three_days(posted)
    is_stopped = [True]
    publisher = XrayPublisher(
        minutes, lambda post: not is_stopped[0] and deliver(post), published_to=None
    )

    assert not publisher.finish()
    is_stopped[0] = False
    assert publisher.finish()

    assert len(posted) == len(minutes)
