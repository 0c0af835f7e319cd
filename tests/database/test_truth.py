from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from pyarrow.parquet import read_table

from database.engine import reading, transact
from database.flare_import import import_flares
from database.flares import FlareColumns, covered_windows, flare_history
from database.harps import RegionName, import_harp_map, resolve_many
from database.truth import EVENT, NO_EVENT, UNKNOWN, Truth
from solar.flares import event
from solar.time import Window, tai_to_utc

MIDNIGHT = datetime(2014, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
COVERED = [Window(MIDNIGHT - 10 * DAY, MIDNIGHT + 10 * DAY)]
M1 = event("M1.0")


def columns(*flares: tuple[datetime, float, int]) -> FlareColumns:
    ordered = sorted(flares)
    return FlareColumns(
        np.array([at.replace(tzinfo=None) for at, _, _ in ordered], "datetime64[us]"),
        np.array([flux for _, flux, _ in ordered], float),
        np.array([region for _, _, region in ordered], np.int64),
    )


def times(*at: datetime) -> np.ndarray:
    return np.array([one.replace(tzinfo=None) for one in at], "datetime64[us]")


def region_truth(
    flares: FlareColumns, at: datetime, *, region: int = 1, covered: list[Window] = COVERED
) -> int:
    return int(Truth(flares, covered).of_regions(M1, np.array([region]), times(at))[0])


@pytest.mark.parametrize(
    ("issued_at", "expected"),
    [
        (MIDNIGHT, EVENT),  # a peak at the very start is inside
        (MIDNIGHT + timedelta(microseconds=1), NO_EVENT),
        (MIDNIGHT - DAY, NO_EVENT),  # a peak at the very end belongs to the next window
        (MIDNIGHT - DAY + timedelta(microseconds=1), EVENT),
    ],
)
def test_windows_are_half_open_in_the_time_of_peak(issued_at: datetime, expected: int) -> None:
    flares = columns((MIDNIGHT, 1e-5, 1))

    assert region_truth(flares, issued_at) == expected


@pytest.mark.parametrize(
    ("flux", "region", "expected"),
    [
        (1e-5, 1, EVENT),  # M1.0 itself counts
        (9.9e-6, 1, NO_EVENT),
        (1e-4, 2, NO_EVENT),  # of another region
        (1e-5, 0, UNKNOWN),  # whose region cannot be told
        (9.9e-6, 0, NO_EVENT),  # too weak to matter
    ],
)
def test_truth_depends_on_class_and_region(flux: float, region: int, expected: int) -> None:
    assert region_truth(columns((MIDNIGHT, flux, region)), MIDNIGHT) == expected


def test_an_own_event_is_known_even_beside_an_unassigned_one() -> None:
    flares = columns((MIDNIGHT, 1e-4, 0), (MIDNIGHT, 1e-5, 1))

    assert region_truth(flares, MIDNIGHT) == EVENT


@pytest.mark.parametrize(
    ("issued_at", "expected"),
    [
        (MIDNIGHT + 9 * DAY, NO_EVENT),  # the window ends with the coverage
        (MIDNIGHT + 9 * DAY + timedelta(microseconds=1), UNKNOWN),
        (MIDNIGHT - 10 * DAY, NO_EVENT),
        (MIDNIGHT - 10 * DAY - timedelta(microseconds=1), UNKNOWN),
    ],
)
def test_beyond_the_coverage_no_flare_does_not_mean_quiet(
    issued_at: datetime, expected: int
) -> None:
    assert region_truth(columns(), issued_at) == expected


def test_an_event_counts_though_its_window_is_not_covered() -> None:
    assert region_truth(columns((MIDNIGHT, 1e-5, 1)), MIDNIGHT, covered=[]) == EVENT


def test_the_disk_counts_flares_of_any_region_and_of_none() -> None:
    truth = Truth(columns((MIDNIGHT, 1e-5, 0)), COVERED)

    found = truth.of_disk(M1, times(MIDNIGHT - DAY, MIDNIGHT, MIDNIGHT + 20 * DAY))

    assert found.tolist() == [NO_EVENT, EVENT, UNKNOWN]


HOURS = st.integers(0, 96)
FLARES = st.lists(st.tuples(HOURS, st.sampled_from([1e-6, 1e-5, 1e-4]), st.integers(-2, 3)))
CASES = st.lists(st.tuples(st.integers(-2, 3), HOURS), min_size=1)


@given(FLARES, CASES)
def test_many_cases_at_once_equal_one_by_one(
    flares: list[tuple[int, float, int]], cases: list[tuple[int, int]]
) -> None:
    at = [(MIDNIGHT + timedelta(hours=h), flux, region) for h, flux, region in flares]
    issued = [MIDNIGHT + timedelta(hours=h) for _, h in cases]

    truth = Truth(columns(*at), COVERED)
    found = truth.any_within(
        M1, times(*issued), times(*issued) + np.timedelta64(24, "h"),
        region_id=np.array([region for region, _ in cases]),
    )  # fmt: skip

    expected = [
        any(r == region and flux >= 1e-5 and t <= peak < t + DAY for peak, flux, r in at)
        for (region, _), t in zip(cases, issued, strict=True)
    ]
    assert found.tolist() == expected


def test_truth_agrees_with_the_labels_of_the_hourly_set(
    engine_sqlite: sa.Engine, shared_data: Path
) -> None:
    def work(connection: sa.Connection) -> None:
        lines = (shared_data / "maps" / "all_harps_with_noaa_ars.txt").read_text().splitlines()
        import_harp_map(connection, lines)
        path = shared_data / "flares" / "goes_flares.parquet"
        import_flares(connection, path, now=MIDNIGHT)

    transact(engine_sqlite, work)
    hourly = read_table(shared_data / "sharp" / "hourly_2014.parquet")
    noaa_ars = hourly.column("noaa_ar").to_pylist()
    t = tai_to_utc(hourly.column("t_rec").to_numpy().astype("datetime64[us]"))

    with reading(engine_sqlite) as connection:
        regions = resolve_many(connection, [RegionName(None, (int(ar),)) for ar in noaa_ars])
        around = Window(MIDNIGHT - 30 * DAY, MIDNIGHT + 60 * DAY)
        truth = Truth(flare_history(connection, around), covered_windows(connection))

    def agreeing(name: str, label: str) -> float:
        came = truth.of_regions(event(name), np.array(regions), t) == EVENT
        return float(np.mean(came == (hourly.column(label).to_numpy() == 1)))

    # The labels count starts in (t, t + 24 h], the truth counts peaks in [t, t + 24 h).
    assert agreeing("M1.0", "y24_M") > 0.996
    assert agreeing("M5.0", "y24_M5") > 0.9997
    assert agreeing("X1.0", "y24_X") == 1
