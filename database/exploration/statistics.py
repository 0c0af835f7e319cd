"""The statistics of a selection: keywords, histograms of probabilities, and counts over time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.exploration.selection import Selection, conditions, probability, source
from database.schema.tables import observations, predictions
from solar.flares import EVENTS, Event
from solar.sharp import KEYWORDS, Keyword
from solar.time import Window

# Most probabilities are near zero: 1 % bins below 10 %, then 5 %. Each bin includes its lower
# edge, the last one both.
BIN_EDGES: tuple[float, ...] = (
    *(step / 100 for step in range(10)),
    *(step / 20 for step in range(2, 21)),
)
N_BINS = len(BIN_EDGES) - 1
# From a cadence to a month; a chart has no more bars than can be told apart.
_STEPS = np.array(
    [12, 60, 180, 360, 720, *(1440 * days for days in (1, 2, 4, 8, 16, 32))], "timedelta64[m]"
)
MOST_BARS = 250


@dataclass(frozen=True)
class KeywordStatistics:
    """Least, greatest and mean value of one keyword, None where no record has it.

    `n` records have a value; all in the stored unit of the keyword.
    """

    keyword: Keyword
    n: int
    minimum: float | None
    maximum: float | None
    mean: float | None


@dataclass(frozen=True)
class Distribution:
    """Histograms of one selection: `counts[event name]` has one count per bin of `BIN_EDGES`.

    The name of an event is that of 24 h, whatever the window of the selection is.
    `n` is the number of records, `without_forecast` how many of them are in no bin,
    `peaks[event name]` the greatest probability, None without a forecast.
    """

    n: int
    without_forecast: int
    counts: dict[str, list[int]]
    peaks: dict[str, float | None]


@dataclass(frozen=True)
class Times:
    """Records at moments: `at` (k,) datetime64[us] ascending, how many `n` (k,) there are, and
    the greatest probability of one event `peak` (k,), NaN without a forecast.
    """

    at: NDArray[np.datetime64]
    n: NDArray[np.int64]
    peak: NDArray[np.float64]


@dataclass(frozen=True)
class Bars:
    """Records per stretch of length `step`, each from `at` (k,) on; `n` and `peak` as in Times."""

    at: NDArray[np.datetime64]
    n: NDArray[np.int64]
    peak: NDArray[np.float64]
    step: np.timedelta64


def statistics(connection: sa.Connection, selection: Selection) -> list[KeywordStatistics]:
    """Find the extremes and the mean of every keyword over the records of a selection."""
    columns = [observations.c[keyword.column] for keyword in KEYWORDS]
    kinds = (sa.func.count, sa.func.min, sa.func.max, sa.func.avg)
    aggregates = [kind(column).label(None) for column in columns for kind in kinds]
    values = connection.execute(
        sa.select(*aggregates)
        .select_from(source(selection, observations))
        .where(*conditions(selection))
    ).one()
    width = len(kinds)
    return [
        KeywordStatistics(keyword, *values[width * i : width * (i + 1)])
        for i, keyword in enumerate(KEYWORDS)
    ]


def distribution(connection: sa.Connection, selection: Selection) -> Distribution:
    """Count the predictions of every event in the bins of `BIN_EDGES`, in one pass."""
    columns = [probability(event, selection.of) for event in EVENTS]
    bins = [
        _bin_of(column).label(_bin_name(event))
        for event, column in zip(EVENTS, columns, strict=True)
    ]
    peaks = [sa.func.max(column) for column in columns]
    statement = (
        sa.select(*bins, *peaks, sa.func.count().label("n"))
        .select_from(source(selection))
        .where(*conditions(selection))
        .group_by(*(sa.literal_column(_bin_name(event)) for event in EVENTS))
    )
    groups = [tuple(group) for group in connection.execute(statement)]
    n_events = len(EVENTS)
    counts = {event.name: [0] * N_BINS for event in EVENTS}
    for group in groups:
        for event, index in zip(EVENTS, group[:n_events], strict=True):
            if index is not None:
                counts[event.name][index] += group[-1]
    empty = [group for group in groups if all(index is None for index in group[:n_events])]
    return Distribution(
        n=sum(group[-1] for group in groups),
        without_forecast=sum(group[-1] for group in empty),
        counts=counts,
        peaks={
            event.name: max((g[n_events + i] for g in groups if g[i] is not None), default=None)
            for i, event in enumerate(EVENTS)
        },
    )


def distribution_ignoring_own_limits(
    connection: sa.Connection, selection: Selection
) -> Distribution:
    """Count as `distribution`, but each event without the limits on itself.

    So a histogram in which a bar is selected still shows the others.
    """
    drawn = distribution(connection, selection)
    chosen = {limit.column for limit in selection.limits}
    counts = dict(drawn.counts)
    for event in EVENTS:
        if event.column in chosen:
            others = tuple(limit for limit in selection.limits if limit.column != event.column)
            without_own = distribution(connection, replace(selection, limits=others))
            counts[event.name] = without_own.counts[event.name]
    return replace(drawn, counts=counts)


def _bin_of(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    # Comparisons and no arithmetic: 0.15 * 20 need not be 3 on every dialect.
    rising: list[tuple[sa.ColumnElement[bool], sa.ColumnElement[Any]]] = [
        (column < upper, sa.literal_column(str(index)))
        for index, upper in enumerate(BIN_EDGES[1:-1])
    ]
    rising.append((column >= BIN_EDGES[-2], sa.literal_column(str(len(BIN_EDGES) - 2))))
    return sa.case(*rising, else_=sa.null())


# Not the name of the column, which GROUP BY would take for the probability itself.
def _bin_name(event: Event) -> str:
    return f"bin_{event.column}"


def record_times(connection: sa.Connection, selection: Selection, event: Event) -> Times:
    """Count the records at every time of a bounded selection."""
    # As the driver gives it: text or naive datetime, both of which numpy understands.
    t_rec = sa.type_coerce(predictions.c.t_rec, sa.types.NullType())
    rows = connection.execute(
        sa.select(t_rec, sa.func.count(), sa.func.max(probability(event, selection.of)))
        .select_from(source(selection))
        .where(*conditions(selection))
        .group_by(predictions.c.t_rec)
        .order_by(predictions.c.t_rec)
    ).all()
    return Times(
        np.array([row[0] for row in rows], "datetime64[us]"),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64),
    )


def bars(times: Times, window: Window, *, whole_days: bool) -> Bars:
    """Sum moments over stretches of equal length, as short as `MOST_BARS` over the window allow.

    `whole_days` tells that a moment stands for all of its day, which no bar may divide.
    """
    span = np.timedelta64(window.end_at - window.start_at)
    steps = _STEPS[5:] if whole_days else _STEPS
    step = next((s for s in steps if span / s <= MOST_BARS), steps[-1]).astype("timedelta64[us]")
    number = times.at.astype(np.int64) // step.astype(np.int64)
    occupied, member = np.unique(number, return_inverse=True)
    peak = np.full(len(occupied), np.nan)
    np.fmax.at(peak, member, times.peak)
    n = np.bincount(member, weights=times.n, minlength=len(occupied)).astype(np.int64)
    return Bars((occupied * step.astype(np.int64)).astype("datetime64[us]"), n, peak, step)
