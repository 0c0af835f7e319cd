"""Agency forecasts: what others forecast for regions and for the full disk, to be scored too."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.harps import RegionName, resolve_many
from database.models import AGENCY, STAGES, find_model, register
from database.predictions.forecasts import Forecasts
from database.predictions.predictions import COLUMNS, supersede_model
from database.rollup_days import mark_exploration, mark_stale
from database.schema.forecast_tables import agency_forecasts
from database.schema.tables import disk_forecasts, models, predictions
from database.upsert import upsert
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.probability import exceedance
from solar.time import Window, nearest_slot, to_datetime64
from solar.windows import DAY, WINDOWS, ForecastWindow, forecast_window

# A later correction has seen some of what it forecasts.
GRACE = timedelta(hours=3)
RUNG = "full"
# Of at least the class, or of the class and no higher one.
EXCEED, EXACT = "exceed", "exact"
# What the name of the entrant ends with whose probabilities were derived from exact ones.
DERIVED = "+derived"
DISK = 0

_COLUMNS = tuple(column.name for column in agency_forecasts.columns)
_DISK_COLUMNS = tuple(column.name for column in disk_forecasts.columns)
_N_EVENTS = len(EVENTS)
# The classes that have no upper limit within their letter; M5.0 and no higher is no class.
_LETTERS = ("C1.0", "M1.0", "X1.0")

Probabilities = tuple[float | None, ...]
# Begin of the window, region or `DISK`, and name of the window.
Key = tuple[datetime, int, str]
NONE: Probabilities = (None,) * _N_EVENTS


@dataclass(frozen=True)
class AgencyForecast:
    """A forecast for a window that begins at `valid_from`, of a region or, without one, the disk.

    `probabilities` are in the order of `EVENTS`, None where the agency gives none, and so are
    their bounds. `semantics` is `EXCEED` or `EXACT`.
    """

    index: int
    valid_from: datetime
    noaa_ar: int | None
    probabilities: Probabilities
    issued_at: datetime
    window: ForecastWindow = DAY
    semantics: str = EXCEED
    lower: Probabilities = NONE
    upper: Probabilities = NONE

    @property
    def content(self) -> Probabilities:
        """The probabilities and their bounds: what a revision changes."""
        return (*self.probabilities, *self.lower, *self.upper)

    @property
    def settles_at(self) -> datetime:
        """When the forecast can be changed no more: a day 2 changed on day 1 would be another."""
        return self.valid_from - self.window.latency + GRACE

    @property
    def is_scored_by_day(self) -> bool:
        """Whether it is of at least the class and for 24 h, as those of the models here are."""
        return self.semantics == EXCEED and self.window == DAY


@dataclass(frozen=True)
class AgencyReport:
    """The counts of one call; `late` are the indexes of changes that came too late."""

    added: int
    revised: int
    unchanged: int
    late: tuple[int, ...]


@dataclass(frozen=True)
class _Stored:
    content: Probabilities
    revision: int


def load_window_forecasts(
    connection: sa.Connection, issued: Window
) -> dict[ForecastWindow, dict[str, Forecasts]]:
    """Read the disk forecasts of all agencies for windows other than 24 h, by window and agency.

    `issued` bounds the times t that the windows are counted from; t_rec is that time. Exact
    probabilities are left out: they are those of another event.
    """
    table = agency_forecasts.c
    rows = connection.execute(
        sa.select(
            table.window_name,
            table.model_id,
            sa.type_coerce(table.valid_from, sa.types.NullType()),
            *(table[event.column] for event in EVENTS),
        )
        .where(
            table.region_id == DISK,
            table.window_name != DAY.name,
            table.semantics == EXCEED,
            table.valid_from >= issued.start_at,
            table.valid_from < issued.end_at + max(window.latency for window in WINDOWS),
        )
        .order_by(table.valid_from)
    ).all()
    grouped: dict[ForecastWindow, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for name, model_id, *row in rows:
        grouped[forecast_window(name)][model_id].append(row)
    return {
        window: {name: _issued(of_agency, window, issued) for name, of_agency in by_agency.items()}
        for window, by_agency in grouped.items()
    }


def _issued(rows: Sequence[Any], window: ForecastWindow, issued: Window) -> Forecasts:
    begins: NDArray[np.datetime64] = np.array([row[0] for row in rows], "datetime64[us]")
    times = begins - np.timedelta64(window.latency)
    probability = np.array([row[1:] for row in rows], float).reshape(len(rows), _N_EVENTS)
    within = (times >= to_datetime64(issued.start_at)) & (times < to_datetime64(issued.end_at))
    return Forecasts(np.zeros(len(rows), np.int64), times, probability).take(within)


def load_disk_forecasts(connection: sa.Connection, model_id: str, *, window: Window) -> Forecasts:
    """Read an agency's own forecasts of the full disk that begin in `window`; region_id is 0."""
    table = disk_forecasts.c
    valid_from = sa.type_coerce(table.valid_from, sa.types.NullType())
    rows = connection.execute(
        sa.select(valid_from, *(table[event.column] for event in EVENTS))
        .where(
            table.model_id == model_id,
            table.valid_from >= window.start_at,
            table.valid_from < window.end_at,
        )
        .order_by(table.valid_from)
    ).all()
    probability = np.array([row[1:] for row in rows], float).reshape(len(rows), _N_EVENTS)
    times = np.array([row[0] for row in rows], "datetime64[us]")
    return Forecasts(np.zeros(len(rows), np.int64), times, probability)


def store_forecasts(
    connection: sa.Connection, model_id: str, forecasts: Sequence[AgencyForecast], *, now: datetime
) -> AgencyReport:
    """Write an agency's forecasts and mark their days for verification.

    A region forecast is stored at the record time nearest to the begin of its window, like the
    models' forecasts that it is compared with. Several regions in one HARP are one forecast,
    1 - prod(1 - p): give all regions of a day in one call. A known forecast can be changed until
    `GRACE` after the time that its window is counted from; the earlier forecast of a region is
    kept as superseded.

    Raises
    ------
    InvalidInputError
        When the name is that of a served model, or when the agency would give events both as
        `EXACT` and as `EXCEED`.
    """
    _register_agency(connection, model_id, now=now)
    _refuse_mixed(connection, model_id, forecasts)
    by_key = _by_key(connection, forecasts)
    known = _known(connection, model_id, list(by_key))
    changed = {
        key: one
        for key, one in by_key.items()
        if key not in known or known[key].content != one.content
    }
    late = {key for key, one in changed.items() if key in known and now > one.settles_at}
    fresh = {key: one for key, one in changed.items() if key not in late}
    _write(connection, model_id, fresh, known, now=now)
    mark_stale(
        connection,
        {(at - one.window.latency).date() for (at, _, _), one in fresh.items()},
    )
    of_models_kind = [key for key, one in fresh.items() if one.is_scored_by_day]
    mark_exploration(connection, {at.date() for at, region, _ in of_models_kind if region != DISK})
    revised = sum(key in known for key in fresh)
    return AgencyReport(
        added=len(fresh) - revised,
        revised=revised,
        unchanged=len(forecasts) - len(changed),
        late=tuple(sorted(changed[key].index for key in late)),
    )


def derived(forecasts: Sequence[AgencyForecast]) -> list[AgencyForecast]:
    """Return exact forecasts as those of at least the class.

    The bounds of exact probabilities bound no exceedance, and are left out.

    Raises
    ------
    InvalidInputError
        When a forecast is of at least the class already.
    """
    if any(one.semantics != EXACT for one in forecasts):
        raise InvalidInputError(
            "only exact probabilities have others derived from them; leave `derived` out, or give"
            " every forecast with semantics exact"
        )
    letters = [EVENTS.index(event) for event in EVENTS if event.name in _LETTERS]
    rows = []
    for one in forecasts:
        p = exceedance([one.probabilities[k] for k in letters])
        probabilities = tuple(
            p[letters.index(k)] if k in letters else None for k in range(_N_EVENTS)
        )
        rows.append(
            replace(one, probabilities=probabilities, semantics=EXCEED, lower=NONE, upper=NONE)
        )
    return rows


def _register_agency(connection: sa.Connection, model_id: str, *, now: datetime) -> None:
    """Register the agency at its first forecast; the name of a served model is refused."""
    stage = connection.scalar(sa.select(models.c.stage).where(models.c.model_id == model_id))
    if stage == AGENCY:
        return
    if stage is not None:
        raise InvalidInputError(
            f"{find_model(connection, model_id).model_id} is a model that is served here"
            f" ({stage}); give the agency another name"
        )
    name, _, version = model_id.partition("@")
    events = [{"name": event.name, "threshold": None} for event in EVENTS]
    manifest = {"name": name, "version": version, "events": events, "origin": AGENCY}
    register(connection, manifest, sha256="", stage=STAGES[-1], now=now)


def _refuse_mixed(
    connection: sa.Connection, model_id: str, forecasts: Sequence[AgencyForecast]
) -> None:
    """Refuse both senses under one name: M1.0 of at least and of exactly the class are two events.

    X1.0 is the same in both, so that nobody needs to mix them.
    """
    senses = {one.semantics for one in forecasts}
    table = agency_forecasts.c
    other = sa.select(table.semantics).where(
        table.model_id == model_id, table.semantics.in_({EXCEED, EXACT} - senses)
    )
    stored = connection.scalar(other.limit(1)) if len(senses) == 1 else None
    if stored is not None or len(senses) > 1:
        raise InvalidInputError(
            f"{model_id} would give the same event both as exceed (of at least the class) and as"
            " exact (of the class and no higher); post one of them under another name, X1.0 with"
            " either"
        )


def _by_key(
    connection: sa.Connection, forecasts: Sequence[AgencyForecast]
) -> dict[Key, AgencyForecast]:
    """Give each forecast its key; of several for the same region or the disk the last counts."""
    last = {(one.valid_from, one.noaa_ar, one.window.name): one for one in forecasts}
    of_regions = [one for one in last.values() if one.noaa_ar is not None]
    names = [RegionName(None, (one.noaa_ar or 0,)) for one in of_regions]
    by_key: dict[Key, AgencyForecast] = {
        (one.valid_from, DISK, one.window.name): one for one in last.values() if one.noaa_ar is None
    }
    by_region = defaultdict(list)
    for one, region_id in zip(of_regions, resolve_many(connection, names), strict=True):
        by_region[nearest_slot(one.valid_from), region_id, one.window.name].append(one)
    for key, ones in by_region.items():
        by_key[key] = ones[0] if len(ones) == 1 else _joined(ones)
    return by_key


def _joined(ones: Sequence[AgencyForecast]) -> AgencyForecast:
    """Make one forecast of several regions in a HARP; the bounds of each bound none of all."""
    columns = (
        [p for p in column if p is not None]
        for column in zip(*(one.probabilities for one in ones), strict=True)
    )
    union = tuple(1 - math.prod(1 - p for p in column) if column else None for column in columns)
    return replace(ones[-1], probabilities=union, lower=NONE, upper=NONE)


def _known(connection: sa.Connection, model_id: str, keys: Sequence[Key]) -> dict[Key, _Stored]:
    table, n_key = agency_forecasts.c, 3
    content = (
        table[f"{bound}{event.column}"] for bound in ("", "lower_", "upper_") for event in EVENTS
    )
    query = sa.select(
        table.valid_from, table.region_id, table.window_name, *content, table.revision
    ).where(table.model_id == model_id, table.valid_from.in_(sorted({key[0] for key in keys})))
    return {
        (row[0], row[1], row[2]): _Stored(tuple(row[n_key:-1]), row[-1])
        for row in connection.execute(query)
    }


def _write(
    connection: sa.Connection,
    model_id: str,
    fresh: Mapping[Key, AgencyForecast],
    known: Mapping[Key, _Stored],
    *,
    now: datetime,
) -> None:
    """Write the forecasts as issued, and those that are scored like the models' beside theirs."""
    issued: list[tuple[Any, ...]] = []
    disk: list[tuple[Any, ...]] = []
    rows: list[tuple[Any, ...]] = []
    replaced: list[tuple[int, datetime]] = []
    for key, one in fresh.items():
        at, region_id, window = key
        revision = known[key].revision + 1 if key in known else 1
        identity = (model_id, at, region_id, window)
        issued.append((*identity, one.semantics, *one.content, one.issued_at, revision))
        if not one.is_scored_by_day:
            continue
        if region_id == DISK:
            disk.append((model_id, at, *one.probabilities, one.issued_at))
            continue
        if key in known:
            replaced.append((region_id, at))
        is_withheld = all(p is None for p in one.probabilities)
        reason = "the agency gave none" if is_withheld else None
        values = (*one.probabilities, *NONE, RUNG, reason, None, revision)
        rows.append((region_id, at, model_id, *values, one.issued_at))
    # Written in the order of the keys, so that two writers cannot wait for each other.
    issued.sort(key=lambda row: row[:4])
    upsert(connection, agency_forecasts, columns=_COLUMNS, rows=issued)
    supersede_model(connection, model_id, dict.fromkeys(replaced, now))
    upsert(connection, disk_forecasts, columns=_DISK_COLUMNS, rows=disk)
    rows.sort(key=lambda row: row[:2])
    upsert(connection, predictions, columns=COLUMNS, rows=rows)
