"""Validation: the rules for observations beyond their schema, checked column by column."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from app.contract.problems import Fault, Rejection
from app.ingest.batch import Batch
from solar.columns import Floats
from solar.sharp import KEYWORDS, QUALITY_LIMIT, describe_quality
from solar.time import isoformat, to_datetime, to_datetime64

# Clocks differ a little; a forecast from a record that lies further ahead would be a guess.
CLOCK_TOLERANCE = timedelta(hours=1)
_LOW = np.array([keyword.low for keyword in KEYWORDS])
_HIGH = np.array([keyword.high for keyword in KEYWORDS])
_POSITIONS = (("lon_fwt", 180.0), ("lat_fwt", 90.0))

RowFault = tuple[int, Fault]


def validate(batch: Batch, *, now: datetime) -> tuple[Batch, list[Rejection]]:
    """Part a batch into the rows that may be stored and those that may not."""
    if not _is_any_faulty(batch, to_datetime64(now + CLOCK_TOLERANCE)):
        return batch, []
    faults: dict[int, list[Fault]] = defaultdict(list)
    for check in (_nameless, _too_late, _made_later, _poor_quality, _misplaced, _out_of_range):
        for row, fault in check(batch, now):
            path = f"observations[{batch.index[row]}].{fault.path}"
            faults[row].append(Fault(path, fault.message))
    if not faults:
        return batch, []
    kept = batch.take(np.delete(np.arange(len(batch)), list(faults)))
    return kept, [Rejection(int(batch.index[row]), tuple(wrong)) for row, wrong in faults.items()]


def _is_any_faulty(batch: Batch, latest: np.datetime64) -> bool:
    """Tell whether any of the checks finds something; comparisons with NaN and NaT are false."""
    quality = batch.quality
    return bool(
        (batch.harpnum == 0).any()
        or (batch.t_rec > latest).any()
        or (batch.made_at > latest).any()
        or ((quality < 0) | (quality >= QUALITY_LIMIT) | (quality % 1 > 0)).any()
        or any((np.abs(getattr(batch, name)) > limit).any() for name, limit in _POSITIONS)
        or ((batch.keywords < _LOW) | (batch.keywords > _HIGH)).any()
    )


def _nameless(batch: Batch, _now: datetime) -> Iterator[RowFault]:
    message = "is missing, and noaa_ars names no region either; give one of them"
    nameless = (batch.harpnum == 0) & ~batch.noaa_ars.map(bool, bool)
    for row in np.flatnonzero(nameless).tolist():
        yield row, Fault("harpnum", message)


def _too_late(batch: Batch, now: datetime) -> Iterator[RowFault]:
    limit = to_datetime64(now + CLOCK_TOLERANCE)
    for row in np.flatnonzero(batch.t_rec > limit).tolist():
        at = isoformat(to_datetime(batch.t_rec[row]))
        yield row, Fault("t_rec", f"{at} lies in the future; it is {isoformat(now)} now")


def _made_later(batch: Batch, now: datetime) -> Iterator[RowFault]:
    # A version from the future would outrank every later correction.
    limit = to_datetime64(now + CLOCK_TOLERANCE)
    for row in np.flatnonzero(batch.made_at > limit).tolist():
        at = isoformat(to_datetime(batch.made_at[row]))
        yield row, Fault("made_at", f"{at} lies in the future; it is {isoformat(now)} now")


def _poor_quality(batch: Batch, _now: datetime) -> Iterator[RowFault]:
    quality = batch.quality
    unusable = (quality < 0) | (quality >= QUALITY_LIMIT) | (quality != np.trunc(quality))
    for row in np.flatnonzero(unusable & ~np.isnan(quality)).tolist():
        yield row, Fault("quality", _quality_message(float(quality[row])))


def _quality_message(quality: float) -> str:
    if quality != int(quality):
        return f"is {quality:g}; expected a whole number of bits"
    bits = int(quality)
    return (
        f"0x{bits & 0xFFFFFFFF:08x} ({describe_quality(bits)}) spoils the field maps;"
        f" send records with QUALITY below 0x{QUALITY_LIMIT:x}"
    )


def _misplaced(batch: Batch, _now: datetime) -> Iterator[RowFault]:
    for name, limit in _POSITIONS:
        column: Floats = getattr(batch, name)
        for row in np.flatnonzero(np.abs(column) > limit).tolist():
            message = f"{column[row]:g} deg is no position; expected -{limit:g} to {limit:g} deg"
            yield row, Fault(name, message)


def _out_of_range(batch: Batch, _now: datetime) -> Iterator[RowFault]:
    # Comparisons with NaN are false, so that a missing value passes.
    outside = (batch.keywords < _LOW) | (batch.keywords > _HIGH)
    for row, place in np.argwhere(outside).tolist():
        keyword = KEYWORDS[place]
        yield (
            row,
            Fault(
                f"keywords.{keyword.name}",
                f"{batch.keywords[row, place]:g} {keyword.unit} is outside"
                f" {keyword.low:g} to {keyword.high:g} {keyword.unit}; check the unit",
            ),
        )
