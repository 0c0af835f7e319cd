"""What a selection of predictions amounts to: keyword statistics and histograms, from SQL."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from database.exploration.selection import Selection, conditions, source
from database.tables import observations, predictions
from solar.flares import EVENTS, Event
from solar.sharp import KEYWORDS, Keyword

# Probabilities crowd near zero: 1 % bins below 10 %, then 5 %. Each bin holds its lower edge,
# the last one both.
BIN_EDGES: tuple[float, ...] = (
    *(step / 100 for step in range(10)),
    *(step / 20 for step in range(2, 21)),
)
N_BINS = len(BIN_EDGES) - 1


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

    `n` is the number of records, `without_forecast` how many of them are in no bin,
    `peaks[event name]` the greatest probability, None without a forecast.
    """

    n: int
    without_forecast: int
    counts: dict[str, list[int]]
    peaks: dict[str, float | None]


def statistics(connection: sa.Connection, selection: Selection) -> list[KeywordStatistics]:
    """Find the extremes and the mean of every keyword over the records of a selection."""
    columns = [observations.c[keyword.column] for keyword in KEYWORDS]
    kinds = (sa.func.count, sa.func.min, sa.func.max, sa.func.avg)
    asked = [kind(column).label(None) for column in columns for kind in kinds]
    found = connection.execute(
        sa.select(*asked).select_from(source(selection, observations)).where(*conditions(selection))
    ).one()
    width = len(kinds)
    return [
        KeywordStatistics(keyword, *found[width * i : width * (i + 1)])
        for i, keyword in enumerate(KEYWORDS)
    ]


def distribution(connection: sa.Connection, selection: Selection) -> Distribution:
    """Count the predictions of every event in the bins of `BIN_EDGES`, in one pass."""
    bins = [_bin_of(predictions.c[event.column]).label(_bin_name(event)) for event in EVENTS]
    peaks = [sa.func.max(predictions.c[event.column]) for event in EVENTS]
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


def distribution_beside(connection: sa.Connection, selection: Selection) -> Distribution:
    """Count as `distribution`, but each event as if it had no limits itself.

    So a histogram in which a bar has been chosen still shows the others.
    """
    drawn = distribution(connection, selection)
    chosen = {limit.column for limit in selection.limits}
    counts = dict(drawn.counts)
    for event in EVENTS:
        if event.column in chosen:
            others = tuple(limit for limit in selection.limits if limit.column != event.column)
            found = distribution(connection, replace(selection, limits=others))
            counts[event.name] = found.counts[event.name]
    return replace(drawn, counts=counts)


def _bin_of(probability: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    # Comparisons and no arithmetic: 0.15 * 20 need not be 3 on every dialect.
    rising: list[tuple[sa.ColumnElement[bool], sa.ColumnElement[Any]]] = [
        (probability < upper, sa.literal_column(str(index)))
        for index, upper in enumerate(BIN_EDGES[1:-1])
    ]
    rising.append((probability >= BIN_EDGES[-2], sa.literal_column(str(len(BIN_EDGES) - 2))))
    return sa.case(*rising, else_=sa.null())


# Not the column's own name, which GROUP BY would take for the probability itself.
def _bin_name(event: Event) -> str:
    return f"bin_{event.column}"
