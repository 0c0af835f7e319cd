from __future__ import annotations

import itertools
import re
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest


def test_a_replay_sends_every_row_once_in_event_time(api, sender, write_table):
    path = write_table(hours=20)

    status, summary, _ = sender.run("replay", path, "--batch", 7)

    assert status == 0
    assert (summary["sent"], summary["accepted"], summary["duplicates"]) == (40, 40, 0)
    assert len(api.stored) == 40
    assert api.order == sorted(api.order)
    assert api.sizes == [7, 7, 7, 7, 7, 5]
    assert [entry["sequence"] for entry in api.senders] == [1, 2, 3, 4, 5, 6]


def test_a_row_has_the_shape_of_the_contract(api, sender, write_table):
    path = write_table(
        hours=1, QUALITY=[0.0, np.nan], LON_FWT=[-12.3, np.nan], R_VALUE=[np.nan, 0.0]
    )

    sender.run("replay", path)

    # 2014-03-01 00:00:00 TAI is 35 s ahead of UTC.
    assert api.stored[3721, "2014-02-28T23:59:25Z"] == {
        "harpnum": 3721,
        "noaa_ars": [11990],
        "t_rec": "2014-02-28T23:59:25Z",
        "series": "unstated",
        "quality": 0,
        "lon_fwt": -12.3,
        "keywords": {"USFLUX": 1e22, "TOTUSJH": 100.0},
    }
    second = api.stored[3740, "2014-02-28T23:59:25Z"]
    assert second["quality"] is None
    assert "lon_fwt" not in second
    assert second["keywords"]["R_VALUE"] == 0.0


def test_a_second_replay_goes_on_at_the_end_and_restart_sends_only_duplicates(
    api, sender, write_table
):
    path = write_table()
    sender.run("replay", path)

    _, again, _ = sender.run("replay", path)
    _, restarted, _ = sender.run("replay", path, "--restart")

    assert again["sent"] == 0
    assert (restarted["accepted"], restarted["duplicates"]) == (0, 40)
    assert len(api.stored) == 40


def test_speed_lets_event_time_pass_at_its_pace(api, sender, write_table):
    path = write_table(hours=5)

    # 5 hours at 7,200 times real time: an hour each half second.
    status, _, _ = sender.run("replay", path, "--speed", 7200)

    gaps = [after - before for before, after in itertools.pairwise(api.arrivals)]
    assert status == 0
    assert api.sizes == [2, 2, 2, 2, 2]
    assert gaps == pytest.approx([0.5] * 4, abs=0.2)


def test_the_key_is_sent_when_there_is_one(api, sender, write_table):
    sender.run("replay", write_table(hours=1), env={"FLARE_API_KEY": "secret"})

    assert api.keys == ["secret"]


def test_rows_that_json_cannot_carry_are_written_down_and_the_others_sent(api, sender, write_table):
    path = write_table(
        hours=2,
        USFLUX=[1e22, np.inf, 1e22, 1e22],
        harpnum=pa.array([3721, 3721, None, 3740]),
        noaa_ar=pa.array([11990, 11990, None, 11996]),
    )

    status, summary, log = sender.run("replay", path)

    assert status == 0
    assert (summary["sent"], summary["unreadable"]) == (2, 2)
    assert f"2 rows were not taken; {sender.own('rejected.jsonl')} says why" in log
    reasons = sorted(entry["errors"][0] for entry in sender.rejected())
    assert reasons == [
        "USFLUX is inf: JSON carries finite numbers only",
        "neither HARPNUM nor NOAA_AR: the row belongs to no region",
    ]


def test_a_row_without_a_time_is_written_down_at_any_speed(api, sender, write_table):
    times = np.array(["2014-03-01T01", "NaT", "2014-03-01T00", "2014-03-01T01"], "datetime64[us]")

    _, summary, _ = sender.run("replay", write_table(hours=2, t_rec=times), "--speed", 36000)

    assert (summary["sent"], summary["unreadable"]) == (3, 1)
    assert sender.rejected()[0]["errors"] == ["T_REC is missing"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("broken.parquet", b"PAR1 but not really", "Parquet"),
        ("rows.xlsx", b"", "its name ends in none of"),
        ("empty.csv", b"", "no SHARP keyword|no column T_REC|Empty"),
        ("text.csv", b"T_REC,HARPNUM,USFLUX\n2014.03.01_00:00:00_TAI,1,much\n", "much"),
        ("time.csv", b"T_REC,HARPNUM,USFLUX\nyesterday,1,1e22\n", "yesterday"),
        ("rows.csv.gz", b"not gzipped", "gzip|magic|zlib"),
    ],
)
def test_an_unreadable_file_is_named_with_the_reason(api, sender, tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)

    status, summary, log = sender.run("replay", path)

    assert status == 2
    assert summary == {}
    assert f"{path} cannot be read" in log
    assert "Traceback" not in log
    assert re.search(reason, log)


def test_a_missing_file_is_named(sender, tmp_path):
    status, _, log = sender.run("replay", tmp_path / "nowhere.parquet")

    assert status == 2
    assert "nowhere.parquet cannot be read: No such file or directory" in log


def test_flares_are_told_once_they_have_ended_and_their_list_covers_the_time(
    api, sender, write_table, tmp_path
):
    at = np.array(["2014-03-01T01:50", "2014-03-01T05:10", "2014-03-05T00:00"], "datetime64[us]")
    minutes = np.timedelta64(1, "m")
    flares = tmp_path / "goes flares.parquet"
    pyarrow.parquet.write_table(
        pa.table(
            {
                "start_time": at - 10 * minutes,
                "peak_time": at,
                "end_time": at + 20 * minutes,
                "goes_class": ["C3.4", "X1.0", "M2.0"],
                "noaa_ar": [11990, 0, 11990],
                "obs": ["G15", "G16", "G15"],
            }
        ),
        flares,
    )

    status, summary, _ = sender.run(
        "replay", write_table(hours=12), "--flares", flares, "--batch", 2
    )

    assert status == 0
    assert summary["flares"] == 2
    assert api.flares[0] == {
        "start": "2014-03-01T01:40:00Z", "peak": "2014-03-01T01:50:00Z",
        "end": "2014-03-01T02:10:00Z", "goes_class": "C3.4",
        "flux_scale": "operational_pre16", "noaa_ar": 11990,
    }  # fmt: skip
    assert (api.flares[1]["flux_scale"], api.flares[1]["noaa_ar"]) == ("true", None)
    # Before the first row that it may matter to, and after all others.
    where = api.log.index(("flare", "2014-03-01T02:10:00Z"))
    assert api.log[where - 1][1] < "2014-03-01T02:10:00Z" < api.log[where + 1][1]
    # The coverage has no hole, and runs on until the truth of the last row is known.
    assert all(first["to"] == then["from"] for first, then in itertools.pairwise(api.covers))
    assert api.covers[0]["from"] == "2014-03-01T01:40:00Z"
    assert api.covers[-1]["to"] == "2014-03-02T10:59:25Z"


def test_a_sender_name_in_use_is_refused(api, sender, write_table, wait_until):
    path = write_table(hours=20)
    sender.start("replay", path, "--speed", 3600)
    wait_until(lambda: len(api.stored) > 0)

    status, _, log = sender.run("replay", path)

    assert status == 2
    assert "another process sends as 's1'" in log


def test_swan_sf_instances_carry_the_harp_of_their_name(api, sender, shared_data):
    status, summary, log = sender.run("replay", shared_data / "training" / "swansf_samples")

    assert status == 0
    # 12 instances of 60 rows; some overlap, and the server knows those rows already.
    assert summary["sent"] == 720
    assert "1 file(s) beside the SWAN-SF instances are left out" in log
    row = api.stored[3686, "2014-02-03T16:59:25Z"]
    assert row["noaa_ars"] == [11967]
    assert row["quality"] == 0
    assert "lon_fwt" not in row
    assert row["keywords"]["R_VALUE"] == pytest.approx(5.325, abs=0.001)


def test_the_hourly_series_arrives_whole(api, sender, shared_data):
    started = time.monotonic()

    status, summary, _ = sender.run("replay", shared_data / "sharp" / "hourly_2014.parquet")

    assert status == 0
    assert (summary["accepted"], summary["rejected"]) == (8570, 0)
    assert len(api.stored) == 8570
    assert time.monotonic() - started < 30


def test_a_file_without_rows_is_a_short_replay(api, sender, tmp_path):
    path = tmp_path / "none.csv"
    path.write_text("T_REC,HARPNUM,USFLUX\n")

    status, summary, _ = sender.run("replay", path)

    assert (status, summary["sent"]) == (0, 0)
    assert api.arrivals == []
