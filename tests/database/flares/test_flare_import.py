from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from database.engine import reading, transact
from database.flares import flare_files as repairs
from database.flares.coverage import coverage
from database.flares.flare_files import ImportReport, import_flares
from database.flares.flares import list_flares
from solar.errors import InvalidInputError
from solar.flares import FluxScale
from solar.time import Window

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVER = Window(datetime(1970, 1, 2, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
HEADER = "start,peak,end,goes_class,noaa_ar,satellite\n"


def run(engine: sa.Engine, path: Path, scale: FluxScale | None = None) -> ImportReport:
    return transact(engine, lambda c: import_flares(c, path, flux_scale=scale, now=NOW))


def imported(
    engine: sa.Engine, folder: Path, rows: str, header: str = HEADER
) -> list[dict[str, object]]:
    path = folder / "list.csv"
    path.write_text(header + rows)
    run(engine, path)
    with reading(engine) as connection:
        return [vars(f) for f in list_flares(connection, window=EVER, limit=100)]


def test_the_goes_list_is_repaired_and_counted(engine: sa.Engine, shared_data: Path) -> None:
    path = shared_data / "flares" / "goes_flares.parquet"

    first, second = run(engine, path), run(engine, path)

    # Counted in the file itself: 41 peaks and 84 ends written with the day of the start, 4
    # ends minutes before the peak, 31 identical rows and 2 more once repaired, 9 pairs of
    # satellites; 30,407 - 33 - 9 = 30,365.
    assert first.rows == 30_407
    assert (first.stored.added, first.stored.revised) == (30_365, 0)
    assert first.repairs[repairs.PEAK_MOVED] == 41
    assert first.repairs[repairs.END_MOVED] == 84
    assert first.repairs[repairs.END_DROPPED] == 4
    assert first.repairs[repairs.DUPLICATE_MERGED] == 33
    assert first.repairs[repairs.SATELLITES_MERGED] == 9
    assert (second.stored.added, second.stored.revised, second.stored.unchanged) == (0, 0, 30_365)
    with reading(engine) as connection:
        covered = coverage(connection)
    assert covered == Window(
        datetime(2010, 1, 1, 12, 2, tzinfo=UTC), datetime(2025, 11, 15, 23, 34, tzinfo=UTC)
    )


def test_a_peak_past_midnight_gets_its_day(engine: sa.Engine, tmp_path: Path) -> None:
    rows = "2023-12-30 23:56,2023-12-30 00:06,2023-12-30 00:15,C1.8,13536,G16\n"

    (flare,) = imported(engine, tmp_path, rows)

    assert flare["start_at"] == datetime(2023, 12, 30, 23, 56, tzinfo=UTC)
    assert flare["peak_at"] == datetime(2023, 12, 31, 0, 6, tzinfo=UTC)
    assert flare["end_at"] == datetime(2023, 12, 31, 0, 15, tzinfo=UTC)
    assert flare["repairs"] == f"{repairs.PEAK_MOVED}; {repairs.END_MOVED}"


def test_an_end_minutes_before_the_peak_is_dropped(engine: sa.Engine, tmp_path: Path) -> None:
    rows = "2020-05-28 10:13,2020-05-28 10:36,2020-05-28 10:27,B2.9,0,G16\n"

    (flare,) = imported(engine, tmp_path, rows)

    assert flare["end_at"] is None
    assert flare["noaa_ar"] is None
    assert flare["repairs"] == repairs.END_DROPPED


@pytest.mark.parametrize(
    ("year", "written", "whole"),
    [(2025, 4231, 14231), (2003, 486, 10486), (1989, 5395, 5395), (2000, 9077, 9077),
     (2002, 30, 10030), (2011, 11158, 11158)],
)  # fmt: skip
def test_dropped_thousands_are_restored_near_the_numbers_of_the_time(
    engine_sqlite: sa.Engine, tmp_path: Path, year: int, written: int, whole: int
) -> None:
    rows = f"{year}-11-01 10:00,{year}-11-01 10:05,,M1.0,{written},G15\n"

    (flare,) = imported(engine_sqlite, tmp_path, rows)

    assert flare["noaa_ar"] == whole


def test_4529_seen_near_14500_is_14529() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)

    assert abs(repairs.noaa_number_near(at) - 14_529) < 500


def test_the_scale_follows_the_satellite(engine: sa.Engine, tmp_path: Path) -> None:
    rows = (
        "2019-12-13 08:20,2019-12-13 08:25,,B1.0,0,G15\n"
        "2019-12-14 08:20,2019-12-14 08:25,,B1.0,0,G16\n"
    )

    flares = imported(engine, tmp_path, rows)

    assert [f["flux_scale"] for f in flares] == ["operational_pre16", "true"]


def test_a_list_without_satellites_needs_the_scale(engine: sa.Engine, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        "start,peak,end,goes_class,noaa_ar\n2014-03-01T10:00:00Z,2014-03-01T10:05:00Z,,M1,\n"
    )

    with pytest.raises(InvalidInputError, match="--flux-scale"):
        run(engine, path)

    assert run(engine, path, FluxScale.TRUE).stored.added == 1


def test_the_number_0_names_no_region(engine: sa.Engine, tmp_path: Path) -> None:
    rows = (
        "2014-03-01 10:00,2014-03-01 10:05,,M1.0,0,0,G15\n"
        "2014-03-01 12:00,2014-03-01 12:05,,M1.0,0,3721,G15\n"
    )

    flares = imported(engine, tmp_path, rows, HEADER.replace("satellite", "harpnum,satellite"))

    assert [flare["region_id"] for flare in flares] == [None, 3721]


def test_one_flare_seen_by_two_satellites_is_kept_once_with_its_region(
    engine: sa.Engine, tmp_path: Path
) -> None:
    rows = (
        "2023-07-18 20:16,2023-07-18 20:28,2023-07-19 10:19,M2.2,13372,G18\n"
        "2023-07-18 20:16,2023-07-18 20:27,2023-07-18 20:35,M2.1,0,G16\n"
    )

    (flare,) = imported(engine, tmp_path, rows)

    assert (flare["satellite"], flare["goes_class"], flare["noaa_ar"]) == ("G16", "M2.1", 13372)
    assert flare["end_at"] == datetime(2023, 7, 18, 20, 35, tzinfo=UTC)


def test_peaks_three_minutes_apart_are_two_flares(engine: sa.Engine, tmp_path: Path) -> None:
    rows = (
        "2023-07-18 20:16,2023-07-18 20:30,,M2.1,13372,G18\n"
        "2023-07-18 20:16,2023-07-18 20:27,,M2.1,13372,G16\n"
    )

    assert len(imported(engine, tmp_path, rows)) == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2014-03-01 10:00,2014-03-01 10:05,,K9,11990,G15", "K9"),
        ("2014-03-01 10:00,soon,,M1.0,11990,G15", "soon"),
        ("2014-03-01 10:00,,,M1.0,11990,G15", "missing"),
        ("2014-03-01 10:00,2014-03-01 10:05,,M1.0,eleven,G15", "eleven"),
        ("2014-03-01 10:00,2014-03-01 10:05,,M1.0,-4,G15", "region number"),
        ("2014-03-01 10:00,2014-03-01 10:05,,M1.0,11990,Yohkoh", "Yohkoh"),
        ("2014-03-01 10:00,2014-03-03 10:05,,M1.0,11990,G15", "does not fit"),
        ("2014-03-01 15:00,2014-03-01 10:05,,M1.0,11990,G15", "does not fit"),
    ],
)
def test_an_unreadable_row_is_named_by_its_line_and_nothing_is_stored(
    engine_sqlite: sa.Engine, tmp_path: Path, row: str, reason: str
) -> None:
    good = "2014-02-01 10:00,2014-02-01 10:05,,M1.0,11990,G15\n"

    with pytest.raises(InvalidInputError, match=f"line 3 of the flare list.*{reason}"):
        imported(engine_sqlite, tmp_path, good + row + "\n")

    with reading(engine_sqlite) as connection:
        assert list_flares(connection, window=EVER, limit=10) == []


def test_a_file_that_is_no_list_is_refused(engine_sqlite: sa.Engine, tmp_path: Path) -> None:
    broken, empty = tmp_path / "x.parquet", tmp_path / "y.csv"
    broken.write_bytes(b"PAR1nonsense")
    empty.write_text(HEADER)

    for path, reason in ((broken, "cannot be read"), (empty, "no flares"),
                         (tmp_path / "absent.csv", "cannot be read")):  # fmt: skip
        with pytest.raises(InvalidInputError, match=reason):
            run(engine_sqlite, path)


def test_a_missing_column_is_named(engine_sqlite: sa.Engine, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no column peak"):
        imported(engine_sqlite, tmp_path, "2014-02-01 10:00,M1.0\n", header="start,goes_class\n")


def test_a_list_imported_again_with_a_longer_end_extends_the_coverage(
    engine: sa.Engine, tmp_path: Path
) -> None:
    first = "2014-03-01 10:00,2014-03-01 10:05,2014-03-01 10:10,M1.0,11990,G15\n"
    imported(engine, tmp_path, first)
    imported(engine, tmp_path, first + "2014-03-04 10:00,2014-03-04 10:05,,M1.0,11990,G15\n")

    with reading(engine) as connection:
        covered = coverage(connection)
    start = datetime(2014, 3, 1, 10, tzinfo=UTC)
    assert covered == Window(start, start + timedelta(days=3, minutes=5))
