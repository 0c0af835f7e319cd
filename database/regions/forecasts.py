"""The forecasts of one region by every model, as they were issued or as they stand now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.tables import predictions, superseded_predictions
from solar.flares import EVENTS, HORIZON
from solar.time import Window, to_datetime64

# A passage over the disk at the instrument's cadence is about 1,700 records.
MOST_RECORDS = 5_000
_T_REC, _MODEL, _ISSUED, _FIRST_PROBABILITY = 0, 1, 5, 6

Times = NDArray[np.datetime64]


@dataclass(frozen=True)
class ForecastLine:
    """Forecasts of one region by time; `probability` (n, 4) in the order of EVENTS, NaN if none.

    `issued_at` (n,) is the clock's time at which the revision shown was issued.
    """

    t_rec: Times
    probability: NDArray[np.float64]
    imputed_share: NDArray[np.float64]
    issued_at: Times
    rungs: tuple[str, ...]
    reasons: tuple[str | None, ...]
    model_ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.t_rec)

    def where(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> ForecastLine:
        """Keep the forecasts marked in (n,), or those at some places in the order of these."""
        places = np.arange(len(self))[kept].tolist()
        return ForecastLine(
            self.t_rec[kept], self.probability[kept], self.imputed_share[kept],
            self.issued_at[kept], tuple(self.rungs[i] for i in places),
            tuple(self.reasons[i] for i in places), tuple(self.model_ids[i] for i in places),
        )  # fmt: skip


def joined(lines: Sequence[ForecastLine]) -> ForecastLine:
    """Put lines one behind the other."""
    parts = [*lines, _line([])]
    return ForecastLine(
        np.concatenate([part.t_rec for part in parts]),
        np.concatenate([part.probability for part in parts]),
        np.concatenate([part.imputed_share for part in parts]),
        np.concatenate([part.issued_at for part in parts]),
        tuple(rung for part in parts for rung in part.rungs),
        tuple(reason for part in parts for reason in part.reasons),
        tuple(model_id for part in parts for model_id in part.model_ids),
    )


def forecast_lines(
    connection: sa.Connection, region_id: int, *, model_ids: Sequence[str], window: Window,
    as_issued: bool, known_until: datetime | None = None,
) -> dict[str, ForecastLine]:  # fmt: skip
    """Return the forecasts for t_rec in a window by model, each in the order of time.

    Parameters
    ----------
    as_issued : take of each forecast the revision that stood at `known_until`, and of one that
        was issued more than 24 h after its record, as in a replay, the first; else the newest
    known_until : a time of the clock, None for now
    """
    asked = (region_id, list(model_ids), window)
    rows = _rows(connection, predictions, asked)
    if as_issued:
        earlier = defaultdict(list)
        for row in _rows(connection, superseded_predictions, asked):
            earlier[row[_MODEL], row[_T_REC]].append(row)
        rows = _standing(rows, earlier, known_until) if earlier else rows
    by_model: dict[str, list[Sequence[Any]]] = {model_id: [] for model_id in model_ids}
    for row in rows:
        by_model[row[_MODEL]].append(row)
    return {model_id: _line(found) for model_id, found in by_model.items()}


def _rows(
    connection: sa.Connection, table: sa.Table, asked: tuple[int, list[str], Window]
) -> list[Sequence[Any]]:
    region_id, model_ids, window = asked
    column = table.c
    order = [column.t_rec.desc()]
    if table is superseded_predictions:
        order.append(column.revision.desc())
    query = (
        sa.select(
            _raw(column.t_rec), column.model_id, column.rung, column.reason, column.imputed_share,
            _raw(column.issued_at), *(column[event.column] for event in EVENTS),
        )
        .where(
            column.region_id == region_id, column.model_id.in_(model_ids),
            column.t_rec >= window.start_at, column.t_rec < window.end_at,
        )
        .order_by(*order)
        .limit(MOST_RECORDS * max(len(model_ids), 1))
    )  # fmt: skip
    return list(connection.execute(query).all()[::-1])


def _standing(
    rows: Sequence[Sequence[Any]],
    earlier: Mapping[tuple[str, object], Sequence[Sequence[Any]]],
    known_until: datetime | None,
) -> list[Sequence[Any]]:
    limit = None if known_until is None else to_datetime64(known_until)
    return [
        _stood([*earlier.get((row[_MODEL], row[_T_REC]), ()), row], limit) for row in rows
    ]  # fmt: skip


def _stood(revisions: Sequence[Sequence[Any]], limit: np.datetime64 | None) -> Sequence[Any]:
    """Choose among the revisions of one forecast, the oldest first."""
    if len(revisions) == 1:
        return revisions[0]
    issued = np.array([row[_ISSUED] for row in revisions], "datetime64[us]")
    if issued[0] - np.datetime64(revisions[0][_T_REC], "us") > np.timedelta64(HORIZON):
        return revisions[0]
    standing = len(revisions) if limit is None else int((issued <= limit).sum())
    return revisions[max(standing - 1, 0)]


def _line(rows: Sequence[Sequence[Any]]) -> ForecastLine:
    return ForecastLine(
        t_rec=np.array([row[_T_REC] for row in rows], "datetime64[us]"),
        probability=np.array([row[_FIRST_PROBABILITY:] for row in rows], np.float64).reshape(
            -1, len(EVENTS)
        ),
        imputed_share=np.array([row[4] for row in rows], np.float64),
        issued_at=np.array([row[_ISSUED] for row in rows], "datetime64[us]"),
        rungs=tuple(row[2] for row in rows),
        reasons=tuple(row[3] for row in rows),
        model_ids=tuple(row[_MODEL] for row in rows),
    )


def _raw(column: sa.ColumnElement[object]) -> sa.ColumnElement[object]:
    # As the driver gives it, text or naive datetime: numpy reads both faster than we convert.
    return sa.type_coerce(column, sa.types.NullType())
