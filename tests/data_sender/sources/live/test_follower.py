"""The commands jsoc and swpc, from an agency's answer to what a reader of the API sees."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import replayed_agencies as replayed
import requests
import sqlalchemy as sa
from replayed_agencies import DEFINITIVE, NRT, Agencies, fill_products, sharp_records

from database.engine import reading, transact
from database.flares.coverage import coverage
from database.harps import add_harp_pairs
from database.schema.forecast_tables import agency_forecasts
from database.schema.tables import observations, predictions, senders
from database.verification.rollup import refresh
from solar.time import nearest_slot

BEGIN = nearest_slot(datetime(2014, 3, 1, tzinfo=UTC))
RANGE = ("--from", "2014-02-28T23:59:00Z", "--to", "2014-03-01T02:00:00Z", "--every", "0.05")


Run = Callable[..., int]


def stored(engine: sa.Engine) -> list[tuple[int, str]]:
    table = observations.c
    query = sa.select(table.region_id, table.series).order_by(table.t_rec, table.region_id)
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(query)]


def counts(engine: sa.Engine) -> dict[str, int]:
    names = ("accepted", "duplicates", "revised", "rejected", "sent")
    with reading(engine) as connection:
        row = connection.execute(sa.select(*(senders.c[name] for name in names))).one()
    return dict(zip(names, row, strict=True))


def test_a_range_is_stored_once_however_often_it_is_asked_for(
    run: Run, agencies: Agencies, engine_sqlite: sa.Engine
) -> None:
    agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 10)
    agencies.faults.extend([replayed.half, replayed.without("DATE"), None])

    statuses = [run("jsoc", "--series", "definitive", "--slice-hours", "1", *RANGE) for _ in "12"]

    assert statuses == [0, 0]
    assert stored(engine_sqlite) == [(3721, DEFINITIVE)] * 10
    stored_counts = counts(engine_sqlite)
    assert (stored_counts["accepted"], stored_counts["rejected"]) == (10, 0)
    assert stored_counts["sent"] == stored_counts["accepted"] + stored_counts["duplicates"]


@pytest.mark.parametrize(("is_mapped", "region"), [(False, -11990), (True, 3721)])
def test_the_definitive_record_replaces_the_near_real_time_one(
    run: Run, agencies: Agencies, engine_sqlite: sa.Engine, is_mapped: bool, region: int
) -> None:
    if is_mapped:
        transact(engine_sqlite, lambda connection: add_harp_pairs(connection, [(3721, 11990)]))
    agencies.sharps[NRT] = sharp_records(BEGIN, 10, 9001)
    run("jsoc", *RANGE)
    quick = stored(engine_sqlite)
    agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 8, USFLUX="5e21")

    # A restart asks for the near-real-time records again, which change nothing now.
    status = run("jsoc", "--restart", *RANGE)

    assert status == 0
    assert quick == [(region, NRT)] * 10
    assert stored(engine_sqlite) == [(region, DEFINITIVE)] * 8 + [(region, NRT)] * 2
    stored_counts = counts(engine_sqlite)
    assert (stored_counts["accepted"], stored_counts["revised"], stored_counts["duplicates"]) == (
        10,
        8,
        10,
    )


def test_a_bad_quality_reaches_the_api_which_says_what_it_means(
    run: Run, agencies: Agencies, engine_sqlite: sa.Engine, tmp_path: Path
) -> None:
    spoiled = sharp_records(BEGIN + timedelta(hours=1), 1, QUALITY="-2147483648")
    agencies.sharps[DEFINITIVE] = [*sharp_records(BEGIN, 1), *spoiled]

    status = run("jsoc", "--series", "definitive", *RANGE)

    assert status == 0
    assert counts(engine_sqlite)["rejected"] == 1
    assert "no data" in (tmp_path / "sender" / "live" / "rejected.jsonl").read_text()


def test_a_range_that_cannot_be_read_has_a_status_of_its_own(
    run: Run, agencies: Agencies, engine_sqlite: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 10)
    agencies.faults.extend([replayed.renamed("QUALITY")] * 5)

    status = run("jsoc", "--series", "definitive", *RANGE)

    assert status == 5
    assert stored(engine_sqlite) == []
    assert "lacks QUALITY" in caplog.text


def test_a_range_that_is_turned_round_is_refused(run: Run) -> None:
    assert run("jsoc", "--from", "2014-03-02T00:00:00Z", "--to", "2014-03-01T00:00:00Z") == 2


@pytest.mark.parametrize("series", ["nrt", "both"])
def test_a_cadence_is_refused_where_records_are_near_real_time(
    run: Run, series: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert run("jsoc", "--series", series, "--cadence", "6h") == 2
    assert f"not for --series {series}; give --series definitive" in caplog.text


def test_an_answer_has_as_many_records_at_any_cadence(run: Run, agencies: Agencies) -> None:
    year = ("--from", "2014-01-01T00:00:00Z", "--to", "2015-01-01T00:00:00Z")

    status = run("jsoc", "--series", "definitive", "--cadence", "6h", *year)

    # 30 days of four records a region in the place of one of 120: 365 days take 13 questions.
    assert (status, len(agencies.asked)) == (0, 13)


def test_the_agency_is_an_entrant_after_one_look(
    run: Run, agencies: Agencies, api_url: str, engine_sqlite: sa.Engine
) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    day = now.replace(hour=0, minute=0)
    fill_products(agencies)
    scored, before = (f"{day - timedelta(days=n):%Y-%m-%d}" for n in (2, 3))
    flare = replayed.listed_flare(f"{scored}T04:00:00Z")
    agencies.products |= {
        "goes/primary/xrays-7-day.json": replayed.xrays(3 * 24 * 60, until=now),
        "goes/primary/xray-flares-7-day.json": [flare],
        "edited_events.json": [],
        "solar_regions.json": [replayed.region_summary(before)],
        "solar_probabilities.json": [replayed.disk_probabilities(scored)],
    }

    assert run("swpc", "--once") == 0

    refresh(engine_sqlite)
    # The day is covered, and has an M1.2 flare at 04:10.
    body = requests.get(f"{api_url}/api/v1/skill", timeout=30, params={
        "model": "swpc@1", "event": "M1.0", "scope": "disk", "threshold": "0.3",
    }).json()  # fmt: skip
    assert body["contingency"] == {
        "hits": 1, "misses": 0, "false_alarms": 0, "correct_negatives": 0
    }  # fmt: skip
    with reading(engine_sqlite) as connection:
        covered = coverage(connection)
        forecast = connection.execute(sa.select(predictions.c.region_id, predictions.c.m1)).all()
    assert covered is not None
    assert covered.end_at - covered.start_at > timedelta(hours=71)
    assert [tuple(row) for row in forecast] == [(-14529, 0.25)]


def test_one_look_that_fails_in_part_says_so(
    run: Run, agencies: Agencies, caplog: pytest.LogCaptureFixture
) -> None:
    fill_products(agencies)
    del agencies.products["solar_regions.json"]

    assert run("swpc", "--once") == 5
    assert "not read: regions" in caplog.text


def test_a_sender_that_is_stopped_while_it_waits_ends_at_once(
    run: Run, agencies: Agencies, engine_sqlite: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    recent = nearest_slot(datetime.now(UTC) - timedelta(hours=5))
    agencies.sharps[NRT] = sharp_records(recent, 5, 9001)
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    seconds: list[float] = []

    def stop_when_it_waits() -> None:
        deadline = time.monotonic() + 20
        while len(stored(engine_sqlite)) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        seconds.append(time.monotonic())
        signal.pthread_kill(main_thread, signal.SIGTERM)

    stopper = threading.Thread(target=stop_when_it_waits)
    stopper.start()

    status = run("jsoc", "--series", "nrt")

    stopper.join()
    assert status == 0
    assert time.monotonic() - seconds[0] < 5
    assert len(stored(engine_sqlite)) == 5


def test_a_sender_that_waits_for_an_answer_ends_when_its_grace_is_over(
    run: Run, agencies: Agencies, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solar.process.GRACE_SECONDS", 0.2)
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    is_over = threading.Event()

    def hang(content: object) -> tuple[int, bytes]:
        signal.pthread_kill(main_thread, signal.SIGTERM)
        is_over.wait(20)
        return replayed.sound(content)

    agencies.faults.append(hang)

    status = run("jsoc", "--series", "nrt")

    is_over.set()
    assert status == 0
    assert "no answer when this sender was stopped" in caplog.text


@pytest.mark.parametrize(("cadence", "records"), [((), 120), (("--cadence", "36m"), 40)])
def test_a_sender_that_is_killed_goes_on_and_every_record_is_stored_once(
    run: Run,
    agencies: Agencies,
    engine_sqlite: sa.Engine,
    cadence: tuple[str, ...],
    records: int,
) -> None:
    agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 60) + sharp_records(BEGIN, 60, 3740)
    end = ("--to", "2014-03-01T12:00:00Z", "--slice-hours", "1", "--batch", "5", *cadence)
    end = (*end, "--sender", "live")
    command = [sys.executable, "-m", "data_sender", "jsoc", "--series", "definitive", *RANGE, *end]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not stored(engine_sqlite) and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.kill()
    killed.wait()

    status = run("jsoc", "--series", "definitive", *RANGE, *end[:-2])

    assert status == 0
    assert len(stored(engine_sqlite)) == records
    stored_counts = counts(engine_sqlite)
    assert stored_counts["accepted"] == records
    assert stored_counts["sent"] == stored_counts["accepted"] + stored_counts["duplicates"]


def test_what_was_read_while_the_api_was_away_is_delivered_when_it_is_back(
    run: Run, agencies: Agencies, api_url: str, engine_sqlite: sa.Engine
) -> None:
    agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 10)
    away = ("jsoc", "--series", "definitive", *RANGE, "--api-url", "http://127.0.0.1:9")

    left_behind = run(*away, "--give-up-after", "0.1")
    nothing = stored(engine_sqlite)
    status = run("jsoc", "--series", "definitive", *RANGE)

    assert (left_behind, status) == (4, 0)
    assert nothing == []
    assert len(stored(engine_sqlite)) == 10


def test_a_file_of_an_agencys_forecasts_is_sent_once(
    run: Run, engine_sqlite: sa.Engine, tmp_path: Path
) -> None:
    path = tmp_path / "issued.txt"
    # The second line has seen half of the day; the fourth day has no window.
    path.write_text(
        "2014 01 01 00 59 60 50 40 30 20 15 10 5\n"
        "2014 01 01 13 42 90 90 90 90 90 90 90 90\n"
        "2014 01 02 00 20 70 nan 50 40 30 20 10 5\n"
    )
    arguments = ("forecasts", str(path), "--model", "metoffice@archive", "--semantics", "exact")

    statuses = [run(*arguments, "--derived") for _ in "12"]

    assert statuses == [0, 0]
    table = agency_forecasts.c
    query = sa.select(table.valid_from, table.window_name, table.m1, table.x1)
    query = query.where(table.semantics == "exact").order_by(table.valid_from, table.window_name)
    with reading(engine_sqlite) as connection:
        rows = [(f"{at:%d}", *values) for at, *values in connection.execute(query)]
        derived = connection.scalars(
            sa.select(table.m1).where(table.semantics == "exceed").order_by(table.valid_from)
        ).first()
    assert rows == [
        ("01", "24h", 0.6, 0.2),
        ("02", "24h", 0.7, 0.3),
        ("02", "d2", 0.5, 0.15),
        ("03", "d2", None, 0.2),
        ("03", "d3", 0.4, 0.1),
        ("04", "d3", 0.5, 0.1),
    ]
    assert derived == pytest.approx(1 - 0.4 * 0.8)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2014 01 01 00 59 60 50 40", "line 1: 3 values, not as many of M as of X"),
        ("2014 01 99 00 59 60 50", "line 1: day"),
        ("", "has no forecast"),
    ],
)
def test_a_file_in_another_form_is_refused_with_its_line(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture, line: str, words: str
) -> None:
    path = tmp_path / "issued.txt"
    path.write_text(line)

    assert run("forecasts", str(path), "--model", "metoffice@archive") == 2
    assert words in caplog.text
