"""The parts of verification: what the rollup keeps of a stretch of days, computed from rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from database.forecasts import Forecasts, Issues, Latencies, full_disk
from database.verification.board import Board, Flags, lay_out
from database.verification.daily_counts import Cases, cases, count
from database.verification.day_table import DAY, DayTable
from database.verification.dekads import Key
from database.verification.entrants import PERSISTENCE
from solar.durations import FORECAST_LATENCY_BINS as LATENCY_BINS
from solar.durations import forecast_latency_bin
from solar.flares import EVENTS, HORIZON, Event
from solar.histogram import BIN
from solar.strata import ACTIVE, history, longitude_band
from solar.truth import Truth

_HORIZON = np.timedelta64(HORIZON)
Tables = dict[Key, DayTable]


@dataclass(frozen=True)
class Scene:
    """One event on a board: the cases (u,) as each model and as persistence `found` them.

    `daily` are those that forecast a region once a day, as agencies do: the cases that all share
    are counted without them, and once more, as `daily` cases, with them.
    """

    board: Board
    event: Event
    scope: str
    found: Mapping[str, Cases]
    persistence: Cases
    daily: frozenset[str] = frozenset()


def region_tables(
    issues: Mapping[str, Issues], truth: Truth, days: Sequence[date], *,
    daily: frozenset[str] = frozenset(),
) -> Tables:  # fmt: skip
    """Count the cases of single regions; `daily` names those of agencies."""
    kept = {name: one.where(_is_of(one, days)) for name, one in issues.items()}
    board = lay_out({name: one.forecasts for name, one in kept.items()})
    bands = longitude_band(_longitudes(board, kept))
    return dict(_tables("region", board, truth, bands=bands, daily=daily))


def disk_tables(
    issues: Mapping[str, Issues], truth: Truth, days: Sequence[date], *,
    spoken: Mapping[str, Forecasts] | None = None,
) -> Tables:  # fmt: skip
    """Count the cases of the whole disk, one each midnight.

    Who has spoken of the disk itself, as agencies do, is taken at its word in `spoken`; what
    the others say of it follows from their regions.
    """
    midnights = np.array(days, "datetime64[us]")
    own = {name: said.where(np.isin(said.t, midnights)) for name, said in (spoken or {}).items()}
    derived = {
        name: full_disk(one.forecasts, midnights) for name, one in issues.items() if name not in own
    }
    return dict(_tables("disk", lay_out({**derived, **own}), truth))


def latency_table(found: Latencies) -> DayTable:
    """Count forecasts by the time from observation to issue."""
    day = found.t.astype("datetime64[D]").astype(np.int64)
    cell, member = np.unique(
        day * LATENCY_BINS + forecast_latency_bin(found.seconds), return_inverse=True
    )
    bins = np.zeros(len(cell), BIN)
    bins["bin"], bins["n"] = cell % LATENCY_BINS, np.bincount(member, weights=found.n)
    days, starts = np.unique(cell // LATENCY_BINS, return_index=True)
    rows = np.zeros(len(days), DAY)
    rows["day"], rows["bins"] = days, np.diff(np.append(starts, len(cell)))
    if len(days):
        rows["n"] = np.add.reduceat(bins["n"], starts)
    return DayTable(rows, bins)


def event_tables(scene: Scene) -> Iterator[tuple[Key, DayTable]]:
    """Count the cases of one event: all of each model's, and those that all models share."""
    board, event, scope = scene.board, scene.event, scene.scope
    models = [name for name in board.made if name not in scene.daily]
    given, shared = board.given(event), board.shared(event, without=scene.daily)
    any_made, any_given = (_any(flags, models, shared) for flags in (board.made, given))
    of_any = _withholding(scene.persistence, any_given).where(any_made)
    yield Key(PERSISTENCE, event.name, scope), count(of_any)
    yield Key(PERSISTENCE, event.name, scope, "shared"), count(scene.persistence.where(shared))
    for name, made in board.made.items():
        own = scene.found[name]
        yield Key(name, event.name, scope), count(own.where(made))
        if name not in scene.daily:
            yield Key(name, event.name, scope, "shared"), count(own.where(shared & given[name]))
        beside = _withholding(scene.persistence, given[name]).where(made)
        yield Key(name, event.name, scope, "persistence"), count(beside)
    yield from _daily_tables(scene, given)


def _daily_tables(scene: Scene, given: Mapping[str, Flags]) -> Iterator[tuple[Key, DayTable]]:
    """Count the cases that the models share with those who forecast once a day."""
    daily = [name for name in given if name in scene.daily]
    if daily:
        shared = scene.board.shared(scene.event)
        shared &= _any(given, daily, shared)
        everyone = {**scene.found, PERSISTENCE: scene.persistence}
        for name, own in everyone.items():
            kept = shared & given.get(name, shared)
            yield Key(name, scene.event.name, scene.scope, "daily"), count(own.where(kept))


def _any(flags: Mapping[str, Flags], names: Sequence[str], like: Flags) -> Flags:
    found: Flags = np.logical_or.reduce([flags[name] for name in names] or [np.zeros_like(like)])
    return found


def set_scene(
    board: Board, event: Event, *, truth: Truth, scope: str, daily: frozenset[str] = frozenset()
) -> Scene:
    """Meet the forecasts of one event with the truth; persistence forecasts every case."""
    region_id = board.region_id if scope == "region" else None
    if region_id is None:
        observed = truth.of_disk(event, board.t)
    else:
        observed = truth.of_regions(event, region_id, board.t)
    column = EVENTS.index(event)
    found = {name: cases(board.t, p[:, column], observed) for name, p in board.probability.items()}
    came = truth.any_within(event, board.t - _HORIZON, board.t, region_id=region_id)
    said = cases(board.t, came.astype(float), observed)
    return Scene(board, event, scope, found, said, daily)


def _tables(
    scope: str, board: Board, truth: Truth, *, bands: NDArray[np.uint8] | None = None,
    daily: frozenset[str] = frozenset(),
) -> Iterator[tuple[Key, DayTable]]:  # fmt: skip
    region_id = board.region_id if scope == "region" else None
    for event in EVENTS:
        scene = set_scene(board, event, truth=truth, scope=scope, daily=daily)
        yield from event_tables(scene)
        before = history(truth, event, board.t, region_id=region_id)
        yield from _stratum_tables(scene, "quiet", before, kept=before != ACTIVE)
        if bands is not None:
            yield from _stratum_tables(scene, "longitude", bands, kept=np.ones(len(bands), bool))


def _stratum_tables(
    scene: Scene, part: str, stratum: NDArray[np.uint8], *, kept: Flags
) -> Iterator[tuple[Key, DayTable]]:
    for name, made in scene.board.made.items():
        key, used = Key(name, scene.event.name, scene.scope, part), made & kept
        yield key, count(scene.found[name].where(used), stratum[used])


def _withholding(said: Cases, given: Flags) -> Cases:
    """Let persistence say nothing where there is no case for the event."""
    return Cases(
        said.day,
        np.where(given, said.probability, np.nan),
        np.where(given, said.bin, -1),
        said.truth,
    )


def _is_of(issues: Issues, days: Sequence[date]) -> Flags:
    return np.isin(issues.forecasts.t.astype("datetime64[D]"), np.array(days, "datetime64[D]"))


def _longitudes(board: Board, issues: Mapping[str, Issues]) -> NDArray[np.float64]:
    """Return the longitude (u,) of each case; any model's record of it tells."""
    longitude = np.full(len(board.t), np.nan)
    for name, one in issues.items():
        # Both are in the order of time and region once the model's own rows are.
        order = np.lexsort((one.forecasts.region_id, one.forecasts.t))
        longitude[board.made[name]] = one.longitude[order]
    return longitude
