"""A window takes the nearest record of its own region within the tolerance, and none after t."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from handmade_models import HandmadeModel
from hypothesis import given
from hypothesis import strategies as st

from app.scoring.windows import (
    NO_RECORD,
    gather_inputs,
    join_records,
    look_back,
    reach,
    touched_windows,
)
from database.observations.records import Records
from model_training.artefact.manifest import Manifest
from model_training.data.loading import cut_windows
from model_training.recipe.data import WindowConfig

START = np.datetime64("2014-03-01T00:00", "us")
SECOND = np.timedelta64(1, "s")


def shape_of(steps: int, *, cadence: int = 720, tolerance: int = 0) -> Manifest:
    model = HandmadeModel("shape", ("R_VALUE",), np.ones((steps, 1)))
    return model.manifest({}, cadence_seconds=cadence, tolerance_seconds=tolerance)


def records_at(*keys: tuple[int, int], value: float = 0.0) -> Records:
    region_id = np.array([region for region, _ in keys], np.int64)
    t_rec = START + np.array([seconds for _, seconds in keys], np.int64) * SECOND
    return Records(
        region_id,
        t_rec,
        np.ones(len(keys), np.int64),
        np.zeros(len(keys)),
        np.full((len(keys), 25), value),
    )


def windows_of(records: Records, manifest: Manifest) -> list[list[int]]:
    ends = np.arange(len(records))
    found: list[list[int]] = look_back(records, ends, manifest).tolist()
    return found


def test_a_step_without_a_record_is_a_gap() -> None:
    records = records_at((1, 0), (1, 720), (1, 2160))

    assert windows_of(records, shape_of(3)) == [
        [NO_RECORD, NO_RECORD, 0], [NO_RECORD, 0, 1], [1, NO_RECORD, 2],
    ]  # fmt: skip


def test_the_records_of_other_regions_are_never_taken() -> None:
    records = records_at((-11990, 720), (1, 0), (1, 720), (2, 0), (2, 1440))

    assert windows_of(records, shape_of(2, tolerance=720)) == [
        [0, 0], [1, 1], [1, 2], [3, 3], [3, 4],
    ]  # fmt: skip


def test_of_two_records_as_near_to_a_step_the_earlier_is_taken() -> None:
    records = records_at((1, 0), (1, 200), (1, 820))

    assert windows_of(records, shape_of(2, tolerance=360))[2] == [0, 2]


def test_a_record_just_within_the_tolerance_counts_and_one_just_beyond_does_not() -> None:
    records = records_at((1, 0), (1, 1020))

    assert windows_of(records, shape_of(2, tolerance=300))[1] == [0, 1]
    assert windows_of(records, shape_of(2, tolerance=299))[1] == [NO_RECORD, 1]


def test_a_window_reaches_back_over_its_steps_and_the_tolerance() -> None:
    assert reach(shape_of(60, tolerance=360)) == timedelta(seconds=59 * 720 + 360)
    assert reach(shape_of(1, tolerance=360)) == timedelta(0)


def test_of_records_with_the_same_key_the_last_part_holds() -> None:
    old = records_at((1, 0), (1, 720), (2, 0), value=1.0)
    new = records_at((2, 0), (1, 360), value=2.0)

    records, part = join_records(old, new)

    assert records.region_id.tolist() == [1, 1, 1, 2]
    assert part.tolist() == [0, 1, 0, 1]
    assert records.keywords[:, 0].tolist() == [1.0, 2.0, 1.0, 2.0]


def test_a_gap_is_nan_in_every_feature() -> None:
    matrix = np.array([[1, 2], [3, 4]], np.float32)

    found = gather_inputs(matrix, np.array([[NO_RECORD, 0], [0, 1]]))

    assert np.array_equal(found[1], matrix)
    assert np.isnan(found[0, 0]).all()
    assert gather_inputs(matrix, np.array([[1], [0]])).tolist() == [[3, 4], [1, 2]]


keys = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 40)), min_size=1, max_size=30, unique=True
)
shapes = st.builds(
    shape_of, st.integers(1, 6), cadence=st.integers(1, 9), tolerance=st.integers(0, 12)
)


def nearest(known: list[tuple[int, int]], end: tuple[int, int], *, step: int, far: int) -> int:
    """Look at every record of the region up to t."""
    candidates = [
        (abs(seconds - step), seconds, place)
        for place, (region, seconds) in enumerate(known)
        if region == end[0] and seconds <= end[1] and abs(seconds - step) <= far
    ]
    return min(candidates)[2] if candidates else NO_RECORD


@given(keys, shapes)
def test_windows_are_those_found_by_looking_at_every_record(
    pairs: list[tuple[int, int]], manifest: Manifest
) -> None:
    known = sorted(pairs)
    back = [manifest.cadence_seconds * k for k in reversed(range(manifest.window_length))]

    found = windows_of(records_at(*known), manifest)

    assert found == [
        [nearest(known, end, step=end[1] - b, far=manifest.tolerance_seconds) for b in back]
        for end in known
    ]


@given(keys, shapes)
def test_a_model_is_served_the_windows_that_it_was_trained_on(
    pairs: list[tuple[int, int]], manifest: Manifest
) -> None:
    records = records_at(*sorted(pairs))
    choice = WindowConfig(
        steps=manifest.window_length,
        cadence_hours=manifest.cadence_seconds / 3600,
        tolerance_hours=manifest.tolerance_seconds / 3600,
    )

    trained = cut_windows(records.region_id, records.t_rec, choice)

    assert windows_of(records, manifest) == trained.tolist()


@given(keys, shapes, st.integers(0, 2**30))
def test_the_windows_touched_are_all_that_hold_a_fresh_record(
    pairs: list[tuple[int, int]], manifest: Manifest, seed: int
) -> None:
    records = records_at(*sorted(pairs))
    is_fresh = np.random.default_rng(seed).random(len(pairs)) < 0.3
    fresh = set(np.flatnonzero(is_fresh).tolist())

    touched = [place for ends, _ in touched_windows(records, is_fresh, manifest) for place in ends]

    windows = windows_of(records, manifest)
    assert touched == [place for place, window in enumerate(windows) if fresh & set(window)]


def test_a_leap_second_between_two_records_is_bridged_by_the_tolerance() -> None:
    # 720 s of TAI across the leap second of 2012-06-30 are 719 s of UTC.
    records = records_at((1, 0), (1, 719))

    assert windows_of(records, shape_of(2, tolerance=1))[1] == [0, 1]
    assert windows_of(records, shape_of(2))[1] == [NO_RECORD, 1]
