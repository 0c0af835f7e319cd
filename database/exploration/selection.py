"""A selection: the stored predictions that a filter selects, written as conditions and joins.

The forecasts of the next 24 h are those of every record; those of another window are kept for the
first record of each region and hour, and only these records are then selected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from database.schema.forecast_tables import lead_forecasts
from database.schema.tables import observations, predictions, regions
from solar.errors import InvalidInputError
from solar.flares import EVENTS, Event
from solar.sharp import KEYWORDS
from solar.time import Window
from solar.windows import DAY, ForecastWindow

# The columns that can have limits: probabilities (0 to 1) and keywords (stored unit).
NUMBERS: dict[str, sa.ColumnElement[Any]] = {
    **{event.column: predictions.c[event.column] for event in EVENTS},
    **{keyword.column: observations.c[keyword.column] for keyword in KEYWORDS},
}

COLUMNS: dict[str, sa.ColumnElement[Any]] = {
    "region_id": predictions.c.region_id,
    "noaa_ars": regions.c.noaa_ars,
    "t_rec": predictions.c.t_rec,
    **{event.column: NUMBERS[event.column] for event in EVENTS},
    "rung": predictions.c.rung,
    "reason": predictions.c.reason,
    "imputed_share": predictions.c.imputed_share,
    **{keyword.column: NUMBERS[keyword.column] for keyword in KEYWORDS},
}


@dataclass(frozen=True)
class Limit:
    """Values with ``low <= value < high``; an open side is None, an absent value is outside."""

    column: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.column not in NUMBERS:
            raise InvalidInputError(
                f"{self.column!r} is no column of numbers; see the table's head"
            )
        if not all(math.isfinite(side) for side in (self.low, self.high) if side is not None):
            raise InvalidInputError(f"a limit of {self.column} is too large; give a smaller number")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise InvalidInputError(
                f"no value of {self.column} is from {self.low:g} to below {self.high:g};"
                " give a lower limit below the upper one"
            )


@dataclass(frozen=True)
class Selection:
    """The records of one model in a window; the filters narrow it when they are set.

    `of` is the window of the forecasts; `event` and `limits` keep the names of the next 24 h.
    `region_ids` None means every region, () none at all. With `event` only forecasts of at
    least `min_probability` for it are selected, so a record without a forecast is not. All
    `limits` hold at once. `rung` is the name of a rung, or a part of the reason why there is
    no forecast.
    """

    model_id: str
    window: Window
    region_ids: tuple[int, ...] | None = None
    event: Event | None = None
    min_probability: float = 0.0
    limits: tuple[Limit, ...] = ()
    rung: str = ""
    of: ForecastWindow = DAY

    @property
    def is_filtered(self) -> bool:
        """Tell whether anything but the model and the windows selects the records."""
        return self.region_ids is not None or self.has_conditions_on_values

    @property
    def has_conditions_on_values(self) -> bool:
        """Tell whether records are selected by their values, which no index can answer."""
        return self.event is not None or bool(self.limits) or bool(self.rung)


def number(name: str, of: ForecastWindow) -> sa.ColumnElement[Any]:
    """Return a column of numbers; ``m1`` is M1.0+ in the window."""
    event = next((event for event in EVENTS if event.column == name), None)
    return NUMBERS[name] if event is None else probability(event, of)


def probability(event: Event, of: ForecastWindow) -> sa.ColumnElement[Any]:
    """Return the column of an event of the next 24 h in a window."""
    table = predictions if of == DAY else lead_forecasts
    return table.c[event.within(of).column]


def column(name: str, of: ForecastWindow) -> sa.ColumnElement[Any]:
    """Return a column of `COLUMNS` for the forecasts of a window."""
    return number(name, of) if name in NUMBERS else COLUMNS[name]


def conditions(selection: Selection) -> list[sa.ColumnElement[bool]]:
    """Write a selection as conditions on the tables of `source`."""
    table = predictions.c if selection.of == DAY else lead_forecasts.c
    clauses = [
        table.model_id == selection.model_id,
        table.t_rec >= selection.window.start_at,
        table.t_rec < selection.window.end_at,
    ]
    if selection.region_ids is not None:
        clauses.append(table.region_id.in_(selection.region_ids))
    if selection.event is not None:
        least = selection.min_probability
        clauses.append(probability(selection.event, selection.of) >= least)
    for limit in selection.limits:
        clauses += _within(limit, selection.of)
    if selection.rung:
        clauses.append(_has_rung_or_reason(selection.rung))
    return clauses


def source(selection: Selection, *also: sa.FromClause) -> sa.FromClause:
    """Join to the predictions the tables that the conditions need, and those of `also`."""
    needed = {NUMBERS[limit.column].table for limit in selection.limits} | set(also)
    joined = of_window(predictions, selection.of)
    if observations in needed:
        joined = joined.outerjoin(observations, _is_same_record())
    if regions in needed:
        joined = joined.outerjoin(regions, regions.c.region_id == predictions.c.region_id)
    return joined


def of_window(joined: sa.FromClause, of: ForecastWindow) -> sa.FromClause:
    """Join to tables with the predictions their forecasts of another window.

    A prediction is the newest revision of its record, and of many revisions it finds its own.
    """
    if of == DAY:
        return joined
    key = ("region_id", "t_rec", "model_id", "revision")
    return joined.join(
        lead_forecasts, sa.and_(*(lead_forecasts.c[name] == predictions.c[name] for name in key))
    )


def _is_same_record() -> sa.ColumnElement[bool]:
    return sa.and_(
        observations.c.region_id == predictions.c.region_id,
        observations.c.t_rec == predictions.c.t_rec,
    )


def _within(limit: Limit, of: ForecastWindow) -> list[sa.ColumnElement[bool]]:
    value = number(limit.column, of)
    low = [] if limit.low is None else [value >= limit.low]
    high = [] if limit.high is None else [value < limit.high]
    return [*low, *high]


def _has_rung_or_reason(text: str) -> sa.ColumnElement[bool]:
    reason = predictions.c.reason.icontains(text, autoescape=True)
    # A rung is ASCII; MySQL refuses to compare it with anything else.
    return sa.or_(predictions.c.rung == text, reason) if text.isascii() else reason
