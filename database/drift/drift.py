"""Drift of a model's inputs and forecasts against its training set, from the daily counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.drift.rollup import Counts, Kind, Layout, Variable, layout_of
from database.models import ELSEWHERE, ModelRow
from database.schema.rollup_tables import drift_days
from solar.columns import Columns, Floats
from solar.drift import BINS, FEWEST_DAYS, Assessment, assess, median_shift
from solar.time import Window

_DAY = timedelta(days=1)
_SEED = 20100501
# A century of days.
_MOST_DAYS = 36_600
# A day with records in fewer of its hours than this share of the median is partial.
_WHOLE = 0.75


@dataclass(frozen=True)
class VariableDrift:
    """One keyword, or the probability of one event, over the whole days of a range.

    Parameters
    ----------
    n : values that were not missing
    missing_share, trained_missing_share : of the values, now and in training; None if unknown
    shifts : (d,) deciles between each day's median and that of training, NaN without values
    assessment : None where it is undefined, for the `reason`
    """

    name: str
    kind: Kind
    n: int
    missing_share: float | None
    trained_missing_share: float | None
    shifts: Floats
    assessment: Assessment | None
    reason: str | None


@dataclass(frozen=True)
class Drift:
    """All variables, keywords first; `days` (d,) are the whole days that count.

    `n_partial` days were left out because too few of their hours have records. Without variables
    `reason` says why.
    """

    model_id: str
    days: NDArray[np.datetime64]
    n_partial: int
    variables: tuple[VariableDrift, ...]
    reason: str | None = None


@dataclass(frozen=True)
class _Days(Columns):
    """The counted days: `day` (d,) datetime64[D], `hours` (d,), `counts` (d, v, 11)."""

    day: NDArray[np.datetime64]
    hours: Counts
    counts: Counts


def drift(connection: sa.Connection, *, model: ModelRow, window: Window) -> Drift:
    """Compare keywords and forecasts with the training set of a model.

    Only days that are in `window` from midnight to midnight UTC count.
    """
    layout = layout_of(model)
    if layout is None:
        no_days = np.array([], "datetime64[D]")
        reason = f"{model.model_id} has no training reference"
        if model.made_by == ELSEWHERE:
            reason += ": it was made elsewhere, and what it was trained on is not known"
        return Drift(model.model_id, no_days, 0, (), reason)
    days = _load(connection, model.model_id, layout, window)
    is_whole = days.hours >= _WHOLE * np.median(days.hours) if len(days) else days.hours > 0
    whole = days.take(is_whole)
    n_partial = int(np.count_nonzero(~is_whole))
    return Drift(model.model_id, whole.day, n_partial, _variables(layout, whole))


def _load(connection: sa.Connection, model_id: str, layout: Layout, window: Window) -> _Days:
    first, last = whole_days(window)
    table = drift_days.c
    # As the driver gives it: text or date, both of which numpy understands.
    day = sa.type_coerce(table.day, sa.types.NullType())
    query = (
        sa.select(day, table.hours, table.counts)
        .where(
            table.model_id == model_id,
            table.day >= first,
            table.day <= last,
            table.layout == layout.digest,
        )
        .order_by(table.day)
        .limit(_MOST_DAYS)
    )
    rows: Sequence[Any] = connection.execute(query).all()
    return _Days(
        np.array([row[0] for row in rows], "datetime64[D]"),
        np.array([row[1] for row in rows], np.int64),
        layout.unpack([row[2] for row in rows]),
    )


def whole_days(window: Window) -> tuple[date, date]:
    """Return the first and the last whole UTC day of a window; without any the last is earlier."""
    start = window.start_at
    first = start.date() + (_DAY if start != _midnight(start) else timedelta(0))
    return first, window.end_at.date() - _DAY


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.date(), time(), at.tzinfo)


def _variables(layout: Layout, days: _Days) -> tuple[VariableDrift, ...]:
    known = days.counts[..., :BINS]
    rng = np.random.default_rng(_SEED)
    assessments = assess(known, layout.reference, rng=rng)
    shifts = median_shift(known, layout.reference)
    return tuple(
        _variable(variable, days.counts[:, v], shifts=shifts[:, v], assessment=assessments[v])
        for v, variable in enumerate(layout.variables)
    )


def _variable(
    variable: Variable, counts: Counts, *, shifts: Floats, assessment: Assessment | None
) -> VariableDrift:
    n, cases = int(counts[:, :BINS].sum()), int(counts.sum())
    n_days = int(np.count_nonzero(counts[:, :BINS].sum(axis=1)))
    return VariableDrift(
        name=variable.name,
        kind=variable.kind,
        n=n,
        missing_share=1 - n / cases if cases else None,
        trained_missing_share=variable.missing_share,
        shifts=shifts,
        assessment=assessment,
        reason=None if assessment else f"{n_days} whole days; {FEWEST_DAYS} are needed",
    )
