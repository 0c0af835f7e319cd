from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from database.engine import reading
from database.flares.xray import flux_line
from database.nowcast.detection import import_xray
from solar.errors import InvalidInputError
from solar.flare_detection import MINUTE
from solar.time import Window, parse_time
from solar.xray_files import read_minutes

HEAD = "time_utc,xrsb_flux,xrsb_flag\n"


def written(folder: Path, text: str, name: str = "sci_xrsf_g16_d2022.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_flagged_or_impossible_flux_is_no_measurement(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + "2022-01-01T00:00:00,2e-7,0\n2022-01-01T00:01:00,3e-7,1\n"
                   "2022-01-01T00:02:00,-99999,0\n2022-01-01T00:03:00,1e-9,0\n"
                   "2022-01-01T00:04:00,,0\n")  # fmt: skip

    minutes = list(read_minutes(path, satellite=None))

    assert [minute.flux_w_m2 for minute in minutes] == [2e-7, None, None, None, None]
    assert {minute.satellite for minute in minutes} == {"G16"}
    assert minutes[1].minute_at == parse_time("2022-01-01T00:01:00Z")


def test_the_own_spelling_needs_no_flag(tmp_path: Path) -> None:
    path = written(tmp_path, "minute_at,flux_w_m2,satellite\n2022-01-01T00:00:00,2e-7,G18\n")

    (minute,) = read_minutes(path, satellite=None)

    assert (minute.flux_w_m2, minute.satellite) == (2e-7, "G18")


def test_a_file_that_does_not_tell_its_satellite_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + "2022-01-01T00:00:00,2e-7,0\n", "flux.csv")

    with pytest.raises(InvalidInputError, match="--satellite"):
        read_minutes(path, satellite=None)
    assert next(iter(read_minutes(path, satellite="G17"))).satellite == "G17"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time_utc,xrsa_flux\n2022-01-01T00:00:00,2e-7\n", "no column flux_w_m2"),
        (HEAD + "yesterday,2e-7,0\n", "a time cannot be read"),
        (HEAD + "2022-01-01T00:00:00,bright,0\n", "a flux is no number"),
        (HEAD + ",2e-7,0\n2022-01-01T00:00:00,2e-7,0\n", "has no time"),
        ("", "cannot be read as X-ray flux"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read_minutes(written(tmp_path, text), satellite=None)


def test_importing_again_changes_nothing(tmp_path: Path, engine: sa.Engine) -> None:
    path = written(tmp_path, HEAD + "2022-01-01T00:00:00,2e-7,0\n2022-01-01T00:01:00,,2\n")

    first, second = (import_xray(engine, path, satellite=None) for _ in range(2))

    assert str(first).startswith("2 minutes added, 0 revised, 0 already known; 1 of them")
    assert str(second).startswith("0 minutes added, 0 revised, 2 already known")


def test_the_flux_of_goes_16_holds_the_flare_of_the_tenth_of_may_2022(
    shared_data: Path, engine_sqlite: sa.Engine
) -> None:
    (path,) = (shared_data / "xrs").glob("g16_xrs_avg1m_*.parquet")
    minutes = list(read_minutes(path, satellite=None))
    day = Window(parse_time("2022-05-10T13:00:00Z"), parse_time("2022-05-10T15:00:00Z"))
    chosen = [m for m in minutes if day.start_at <= m.minute_at < day.end_at]

    # GOES-16 gave X1.5 on the true scale, peak 13:55 UTC (NOAA event list of 10 May 2022).
    highest = max(chosen, key=lambda minute: minute.flux_w_m2 or 0.0)
    assert highest.flux_w_m2 == pytest.approx(1.5e-4, rel=0.05)
    assert abs(highest.minute_at - parse_time("2022-05-10T13:55:00Z")) <= 2 * MINUTE
    assert sum(minute.flux_w_m2 is None for minute in minutes) == 4961
    with reading(engine_sqlite) as connection:
        assert flux_line(connection, day) is None
