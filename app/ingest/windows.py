"""Windows: the records of its region that each forecast looks back at, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from app.ingest.batch import Batch
from database.observations.records import Records
from model_training.artifact import Artifact, Inputs
from model_training.manifest import Manifest
from solar.time import to_datetime

Integers = NDArray[np.int64]

NO_RECORD = -1
# So many windows are looked up and scored at a time, which bounds the memory of a request.
_WINDOWS_AT_ONCE = 5_000
_MILLISECOND = np.timedelta64(1, "ms")


def records_of(
    batch: Batch, region_ids: Sequence[int] | Integers, revisions: Sequence[int] | Integers
) -> Records:
    """Return the rows of a batch as records, in the order of the batch."""
    return Records(
        np.array(region_ids, np.int64),
        batch.times,
        np.array(revisions, np.int64),
        batch.lon_fwt,
        batch.keywords,
    )


def joined(*parts: Records) -> tuple[Records, Integers]:
    """Put records in order, of those with the same key the last; and tell the part of each."""
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in (field.name for field in fields(Records))
    }
    part = np.repeat(np.arange(len(parts)), [len(records) for records in parts])
    region_id, t_rec = columns["region_id"], columns["t_rec"]
    # The sort is stable, so that the last of equal keys stays the last.
    order = np.lexsort((t_rec, region_id))
    is_last = np.ones(len(order), np.bool_)
    is_last[:-1] = (np.diff(region_id[order]) != 0) | (
        np.diff(t_rec[order]) != np.timedelta64(0, "us")
    )
    kept = order[is_last]
    return Records(**{name: column[kept] for name, column in columns.items()}), part[kept]


def reach(manifest: Manifest) -> timedelta:
    """Return how long before t a record may lie that a model still looks at."""
    if manifest.window_length == 1:
        return timedelta(0)
    back = (manifest.window_length - 1) * manifest.cadence_seconds
    return timedelta(seconds=back + manifest.tolerance_seconds)


def spans_around(
    batch: Batch, region_ids: Sequence[int] | Integers, models: Sequence[Artifact]
) -> dict[int, tuple[datetime, datetime]]:
    """Return between which times records of each region share a window with one of a batch.

    No model with a window of several steps, no spans.
    """
    longest = max(reach(model.manifest) for model in models)
    if not longest:
        return {}
    ids, times = np.array(region_ids, np.int64), batch.times
    order = np.lexsort((times, ids))
    regions, firsts = np.unique(ids[order], return_index=True)
    oldest, newest = times[order[firsts]], times[order[np.append(firsts[1:], len(order)) - 1]]
    return {
        region_id: (to_datetime(first) - longest, to_datetime(last) + longest)
        for region_id, first, last in zip(regions.tolist(), oldest, newest, strict=True)
    }


def steps_hold(models: Sequence[Artifact]) -> set[str]:
    """Return the names of what models look at in the steps of a window before the last one."""
    return {
        name for model in models if model.manifest.window_length > 1 for name in model.feature_names
    }


def touched_windows(
    records: Records, is_fresh: NDArray[np.bool_], manifest: Manifest
) -> Iterator[tuple[Integers, Integers]]:
    """Find the windows that hold a fresh record: of the fresh ones, and of some after them.

    Yields
    ------
    (k,) places of the records that the windows end with, and the windows (k, L) as
    `look_back` returns them
    """
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
    records : in the order of region and time
    ends : (k,) places of the records at t

    Returns
    -------
    (k, L) place of the record nearest to each step, of two equally near the earlier;
    `NO_RECORD` where the region has none within the tolerance. None lies after t.
    """
    return _windows(_keys(records, manifest), ends, manifest)


def gathered(matrix: Inputs, windows: Integers) -> Inputs:
    """Return the (k, L, f) inputs of windows over a matrix (m, f); (k, f) for a single step."""
    if windows.shape[1] == 1:
        return matrix[windows[:, 0]]
    # The row behind the last one, which NO_RECORD means, is that of a gap.
    gap = np.full((1, matrix.shape[1]), np.nan, np.float32)
    return np.concatenate([matrix, gap])[windows]


def _keys(records: Records, manifest: Manifest) -> Integers:
    """Return (m,) rising numbers: milliseconds, with the regions further apart than any reach."""
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
