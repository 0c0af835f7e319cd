"""Of the definitive archive the records of a cadence are asked for, and a model is trained on them.

Those are sent, all of them, once; the data set that is made of the store has them at their natural
rate; and the commands of docs/training.md make a model of it.
"""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from agency_readers import BEGIN, HOUR, JsocReader
from replayed_agencies import DEFINITIVE, Agencies, sharp_record, sharp_records

import database.__main__ as store_commands
from data_sender.options import parse_arguments
from model_training.__main__ import main as training_commands
from solar.time import nearest_slot, parse_time

ROOT = Path(__file__).parents[4]
SIX_HOURS = 6 * HOUR
GRID = ("00:00:00", "06:00:00", "12:00:00", "18:00:00")


def three_days() -> Iterator[dict[str, str]]:
    """Write three days of three regions: one flares not, one has no number, one has gaps."""
    yield from sharp_records(BEGIN, 360)
    yield from sharp_records(BEGIN, 360, 3740, NOAA_AR="0", NOAA_ARS="MISSING", R_VALUE="0.000")
    for place, record in enumerate(sharp_records(BEGIN, 360, 3750, NOAA_ARS="11995,11996")):
        if place not in (0, 31, 60):
            yield record | ({"USFLUX": "MISSING"} if place == 30 else {})


def on_the_grid(records: list[dict[str, str]]) -> list[tuple[int, str]]:
    """Return HARPNUM and T_REC of the records at 0, 6, 12 and 18 h of the TAI clock."""
    kept = [one for one in records if one["T_REC"][11:19] in GRID]
    return sorted((int(one["HARPNUM"]), one["T_REC"]) for one in kept)


def sent(jsoc: JsocReader) -> list[tuple[int, str]]:
    # TAI - UTC was 35 s in 2014.
    label = "%Y.%m.%d_%H:%M:%S_TAI"
    tai = timedelta(seconds=35)
    rows = [(row["harpnum"], parse_time(row["t_rec"]) + tai) for row in jsoc.sent]
    return sorted((harpnum, f"{at:{label}}") for harpnum, at in rows)


def ranges(jsoc: JsocReader) -> list[str]:
    queries = [parse_qs(urlsplit(asked).query) for asked in jsoc.agencies.asked]
    return [query["ds"][0].split("[")[2] for query in queries]


@pytest.mark.parametrize(
    ("begins_after", "slice_length"),
    [(timedelta(0), 24 * HOUR), (HOUR, 7 * HOUR), (7 * HOUR, 24 * HOUR)],
)
def test_every_patch_is_sent_at_the_slots_of_the_cadence_wherever_a_range_begins(
    jsoc: JsocReader, begins_after: timedelta, slice_length: timedelta
) -> None:
    jsoc.agencies.sharps[DEFINITIVE] = records = list(three_days())
    start_at, end_at = BEGIN + begins_after, BEGIN + timedelta(days=3)

    jsoc.read(start_at=start_at, end_at=end_at, cadence=SIX_HOURS, slice_length=slice_length)

    later = [one for one in records if parse_time(one["T_REC"]) >= start_at]
    assert sent(jsoc) == on_the_grid(later)
    # Each 6 h of three days for two regions; the third lacks those at 0 and 12 h of the first day.
    assert len(sent(jsoc)) == {0: 34, 1: 32, 7: 29}[begins_after // HOUR]
    missing = [row for row in jsoc.sent if "USFLUX" not in row["keywords"]]
    assert [row["t_rec"] for row in missing] == (["2014-03-01T05:59:25Z"] * (begins_after <= HOUR))
    assert {row["harpnum"] for row in jsoc.sent if not row.get("noaa_ars")} == {3740}


def test_the_server_is_asked_for_the_slots_alone_a_stretch_at_a_time(jsoc: JsocReader) -> None:
    end_at = BEGIN + timedelta(days=45)

    jsoc.read(end_at=end_at, cadence=SIX_HOURS, slice_length=timedelta(days=30))

    assert ranges(jsoc) == [
        "2014.03.01_00:00:00_TAI-2014.03.30_23:48:00_TAI@21600s]",
        "2014.03.31_00:00:00_TAI-2014.04.14_23:48:00_TAI@21600s]",
    ]


def test_of_a_server_that_ignores_the_cadence_the_other_records_are_left_out(
    jsoc: JsocReader,
) -> None:
    jsoc.agencies.ignores_steps = True
    jsoc.agencies.sharps[DEFINITIVE] = records = list(three_days())

    jsoc.read(end_at=BEGIN + timedelta(days=3), cadence=SIX_HOURS)

    assert sent(jsoc) == on_the_grid(records)


def test_the_slots_stay_at_midnight_tai_across_a_leap_second(jsoc: JsocReader) -> None:
    begin = nearest_slot(datetime(2012, 6, 30, tzinfo=UTC))
    jsoc.agencies.sharps[DEFINITIVE] = [
        sharp_record(nearest_slot(begin + n * SIX_HOURS)) for n in range(12)
    ]

    jsoc.read(start_at=begin, end_at=begin + timedelta(days=3), cadence=SIX_HOURS)

    # The second was inserted at the end of 30 June 2012: TAI - UTC went from 34 to 35 s.
    assert len(jsoc.times) == len(set(jsoc.times)) == 12
    assert jsoc.times[3:5] == ["2012-06-30T17:59:26Z", "2012-06-30T23:59:26Z"]
    assert jsoc.times[5] == "2012-07-01T05:59:25Z"


def test_another_cadence_of_a_range_has_a_checkpoint_of_its_own(jsoc: JsocReader) -> None:
    jsoc.agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 60)
    jsoc.read(end_at=BEGIN + 12 * HOUR, cadence=SIX_HOURS)
    first, jsoc.sent = jsoc.times, []

    jsoc.read(end_at=BEGIN + 12 * HOUR, cadence=HOUR)

    assert (len(first), len(jsoc.times)) == (2, 12)


@pytest.mark.parametrize(
    ("text", "cadence"),
    [("720s", HOUR / 5), ("96m", 1.6 * HOUR), ("5h", 5 * HOUR), ("1d", 24 * HOUR)],
)
def test_a_cadence_is_written_as_jsoc_writes_it(text: str, cadence: timedelta) -> None:
    assert parse_arguments(["jsoc", "--cadence", text]).cadence == cadence


@pytest.mark.parametrize("text", ["0h", "10m", "721s", "25h", "6", "6.5h", "-6h", "h", "99999999d"])
def test_a_cadence_that_no_record_keeps_is_refused_with_one_that_does(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse_arguments(["jsoc", f"--cadence={text}"])

    told = capsys.readouterr().err
    assert f"{text!r} is not a multiple of 12 minutes" in told
    assert "write 6h" in told


@pytest.fixture
def store(engine_sqlite: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands work on the store that the API of the test has."""
    address = engine_sqlite.url.render_as_string(hide_password=False)
    monkeypatch.setenv("FLARE_DATABASE_URL", address)


@pytest.mark.usefixtures("store")
def test_the_archive_becomes_a_data_set_at_its_natural_rate(
    run: Callable[..., int],
    agencies: Agencies,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("database.lab.snapshot._ROWS", 10)
    agencies.sharps[DEFINITIVE] = records = list(three_days())
    flares = tmp_path / "flares.csv"
    # The second flare is that of region 11990, between 18 h of the first day and 0 h of the third.
    flares.write_text(
        "start,peak,end,goes_class,noaa_ar,satellite\n"
        "2014-02-01T00:00Z,2014-02-01T00:10Z,2014-02-01T00:20Z,C1.0,11970,G15\n"
        "2014-03-02T13:00Z,2014-03-02T13:10Z,2014-03-02T13:20Z,M2.0,11990,G15\n"
        "2014-03-03T12:00Z,2014-03-03T12:10Z,2014-03-03T12:20Z,C1.0,11970,G15\n"
    )
    archive = ("jsoc", "--series", "definitive", "--cadence", "6h")
    stretch = ("--from", "2014-03-01T00:00:00Z", "--to", "2014-03-03T23:59:00Z")
    folder = str(tmp_path / "archive")

    statuses = [
        store_commands.main(["import-flares", str(flares)]),
        run(*archive, *stretch),
        training_commands(
            [
                "datasets",
                "snapshot",
                folder,
                "--from",
                "2014-02-28T23:59:00Z",
                "--to",
                "2014-03-04T00:00:00Z",
            ]
        ),
        training_commands(["datasets", "snapshot", folder, *stretch]),
    ]

    assert statuses == [0, 0, 0, 1]
    told = capsys.readouterr()
    assert f"34 records are in {folder}" in told.out
    assert "is not empty; name a new folder" in told.err
    rows = pq.read_table(f"{folder}/observations.parquet").to_pylist()
    tai = timedelta(seconds=35)
    label = "%Y.%m.%d_%H:%M:%S_TAI"
    assert sorted((row["harpnum"], f"{row['t_rec'] + tai:{label}}") for row in rows) == (
        on_the_grid(records)
    )
    flared = [f"{row['t_rec'] + tai:%d %H}" for row in rows if row["y24_M"] == 1]
    assert flared == ["01 18", "02 00", "02 06", "02 12"]
    # The list ends at 12:20 of the third day, so that nothing is known of the 24 h after 12:20.
    known = [row["y24_M"] for row in rows if row["y24_M"] is not None]
    assert sum(row["t_rec"] + tai < parse_time("2014-03-02T13:00:00Z") for row in rows) == len(
        known
    )


def years_of_regions(folder: Path) -> list[dict[str, str]]:
    """Write a region every 12 days, four days long, that flares by its flux; and its flares."""
    rng = np.random.default_rng(5)
    begin, records, flares = datetime(2010, 5, 3, tzinfo=UTC), [], []
    for place in range(300):
        first, strength = begin + place * timedelta(days=12), rng.normal()
        harpnum, noaa_ar = 1000 + place, 11070 + place
        for hours in range(0, 96, 3):
            at = nearest_slot(first + hours * HOUR)
            size = np.exp(strength + 0.2 * rng.normal(size=2))
            keywords = {"USFLUX": f"{1e22 * size[0]:.6e}", "TOTUSJH": f"{1e3 * size[1]:.6e}"}
            number = {"NOAA_AR": str(noaa_ar), "NOAA_ARS": str(noaa_ar)}
            if place % 5 == 4:
                number = {"NOAA_AR": "0", "NOAA_ARS": "MISSING"}
            records.append(sharp_record(at, harpnum, **keywords, **number))
        for day in range(5):
            magnitude = strength + 0.7 * rng.normal()
            if magnitude > 0.3 or day == place == 0 or (day == 4 and place == 299):
                start = first + timedelta(days=day, hours=float(rng.uniform(1, 23)))
                times = [f"{start + n * HOUR / 6:%Y-%m-%dT%H:%M:%SZ}" for n in range(3)]
                goes_class = f"{'M' if magnitude > 1 else 'C'}2.0"
                flares.append([*times, goes_class, 0 if place % 5 == 4 else noaa_ar, "G15"])
    with (folder / "flares.csv").open("w", newline="") as file:
        head = ["start", "peak", "end", "goes_class", "noaa_ar", "satellite"]
        csv.writer(file).writerows([head, *flares])
    pairs = [f"{1000 + n} {11070 + n}\n" for n in range(300) if n % 5 != 4]
    (folder / "all_harps_with_noaa_ars.txt").write_text("".join(pairs))
    return records


@pytest.mark.thorough
@pytest.mark.usefixtures("store")
def test_the_commands_of_the_page_train_a_model_on_the_archive(
    run: Callable[..., int], agencies: Agencies, tmp_path: Path
) -> None:
    page = (ROOT / "docs/training.md").read_text().split("## The whole SHARP archive")[1]
    page = re.split(r"^## ", page, flags=re.MULTILINE)[0].replace("\\\n", " ")
    told = [shlex.split(line)[1:] for line in re.findall(r"^flarewatch .*", page, re.MULTILINE)]
    agencies.sharps[DEFINITIVE] = records = years_of_regions(tmp_path)
    recipe = str(ROOT / "model_training/recipes/archive.toml")
    runs = {
        "send": lambda arguments: run(*arguments[1:]),
        "database": lambda arguments: store_commands.main(arguments[1:]),
        "datasets": training_commands,
        "train": lambda arguments: training_commands(["train", recipe, *arguments[2:]]),
    }

    with chdir(tmp_path):
        done = [(line[0], runs[line[0]](line)) for line in told if line[0] in runs]

    assert done == [("database", 0), ("database", 0), ("send", 0), ("datasets", 0), ("train", 0)]
    rows = pq.read_table(tmp_path / "my-archive" / "observations.parquet")
    assert len(rows) == len(on_the_grid(records)) == 300 * 16
    manifest = orjson.loads((tmp_path / "my-models/archive-1.0.0/manifest.json").read_bytes())
    assert manifest["recipe"]["name"] == "archive"
