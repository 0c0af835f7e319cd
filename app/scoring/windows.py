"""Windows: for each forecast, the records of its region at the steps before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np

from database.observations.records import Records
from model_training.artefact.artifact import Artifact
from model_training.artefact.manifest import Manifest
from model_training.features import Inputs
from solar.columns import Bools, Integers, Times
from solar.time import to_datetime

NO_RECORD = -1
# How many windows are looked up and scored at a time, which bounds the memory of a request.
_WINDOWS_AT_ONCE = 5_000
_MILLISECOND = np.timedelta64(1, "ms")


def join_records(*parts: Records) -> tuple[Records, Integers]:
    """Sort records by region and time; return them with the part that each comes from.

    Of records with the same key the last is kept.
    """
    records = Records.concatenate(parts)
    part = np.repeat(np.arange(len(parts)), [len(one) for one in parts])
    # The sort is stable, so that the last of equal keys stays the last.
    order = np.lexsort((records.t_rec, records.region_id))
    is_last = np.ones(len(order), np.bool_)
    is_last[:-1] = (np.diff(records.region_id[order]) != 0) | (
        np.diff(records.t_rec[order]) != np.timedelta64(0, "us")
    )
    kept = order[is_last]
    return records.take(kept), part[kept]


def reach(manifest: Manifest) -> timedelta:
    """Return how far before t the oldest record may lie that a model looks at."""
    if manifest.window_length == 1:
        return timedelta(0)
    back = (manifest.window_length - 1) * manifest.cadence_seconds
    return timedelta(seconds=back + manifest.tolerance_seconds)


def spans_around(
    region_ids: Integers, times: Times, models: Sequence[Artifact]
) -> dict[int, tuple[datetime, datetime]]:
    """Return between which times records of each region share a window with one of these.

    Without a model with a window of several steps there are no spans.
    """
    longest = max(reach(model.manifest) for model in models)
    if not longest:
        return {}
    order = np.lexsort((times, region_ids))
    regions, firsts = np.unique(region_ids[order], return_index=True)
    oldest, newest = times[order[firsts]], times[order[np.append(firsts[1:], len(order)) - 1]]
    return {
        region_id: (to_datetime(first) - longest, to_datetime(last) + longest)
        for region_id, first, last in zip(regions.tolist(), oldest, newest, strict=True)
    }


def step_features(models: Sequence[Artifact]) -> set[str]:
    """Return the features that models look at in the steps of a window before the last one."""
    return {
        name for model in models if model.manifest.window_length > 1 for name in model.feature_names
    }


def touched_windows(
    records: Records, is_fresh: Bools, manifest: Manifest
) -> Iterator[tuple[Integers, Integers]]:
    """Find the windows that hold a fresh record: those of fresh records and of some after them.

    Yields
    ------
    (k,) rows of the records that the windows end with, and the windows (k, L) as `look_back`
    returns them
    """
    if manifest.window_length == 1:
        ends = np.flatnonzero(is_fresh)
        yield ends, ends[:, None]
        return
    keys, back = _keys(records, manifest), reach(manifest) // timedelta(milliseconds=1)
    fresh = keys[is_fresh]
    near = np.searchsorted(fresh, keys, "right") > np.searchsorted(fresh, keys - back)
    candidates = np.flatnonzero(near)
    marks = np.append(is_fresh, False)
    for start in range(0, len(candidates), _WINDOWS_AT_ONCE):
        ends = candidates[start : start + _WINDOWS_AT_ONCE]
        windows = _windows(keys, ends, manifest)
        holds_fresh = marks[windows].any(axis=1)
        yield ends[holds_fresh], windows[holds_fresh]


def look_back(records: Records, ends: Integers, manifest: Manifest) -> Integers:
    """Return the windows that end with some records.

    Parameters
    ----------
    records : sorted by region and time
    ends : (k,) rows of the records at t

    Returns
    -------
    (k, L) row of the record nearest to each step, the earlier of two that are equally near;
    `NO_RECORD` where the region has none within the tolerance. No record lies after t.
    """
    return _windows(_keys(records, manifest), ends, manifest)


def gather_inputs(matrix: Inputs, windows: Integers) -> Inputs:
    """Return the (k, L, f) inputs of windows over a matrix (m, f); (k, f) for a single step."""
    if windows.shape[1] == 1:
        return matrix[windows[:, 0]]
    # NO_RECORD is the row behind the last one, which is a gap.
    gap = np.full((1, matrix.shape[1]), np.nan, np.float32)
    return np.concatenate([matrix, gap])[windows]


def _keys(records: Records, manifest: Manifest) -> Integers:
    """Return (m,) rising milliseconds, with the regions further apart than any reach."""
    at = (records.t_rec - records.t_rec.min()) // _MILLISECOND
    span = int(at.max()) + reach(manifest) // timedelta(milliseconds=1) + 1
    region = np.cumsum(np.diff(records.region_id, prepend=records.region_id[0]) != 0)
    keys: Integers = region * span + at.astype(np.int64)
    return keys


def _windows(keys: Integers, ends: Integers, manifest: Manifest) -> Integers:
    back = 1000 * manifest.cadence_seconds * np.arange(manifest.window_length)[::-1]
    wanted = keys[ends][:, None] - back
    # A step is never after t, so that the first record at or after it is not either.
    after = np.searchsorted(keys, wanted)
    before = np.maximum(after - 1, 0)
    is_nearer = np.abs(wanted - keys[before]) <= keys[after] - wanted
    nearest = np.where(is_nearer, before, after)
    distance = np.abs(wanted - keys[nearest])
    windows = np.where(distance <= 1000 * manifest.tolerance_seconds, nearest, NO_RECORD)
    windows[:, -1] = ends
    return windows
