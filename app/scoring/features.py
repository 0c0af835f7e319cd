"""Features: what the models look at, from records and flare history, and their scores of it.

The flare history at t is what a list knew at t that publishes each flare at its end, whatever the
store knows by now (decision 0025).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import sqlalchemy as sa

from database.flares.coverage import covered_windows
from database.flares.flares import FlarePhases, flare_phases
from database.flares.shared_numbers import regions_as_known
from database.known import known_until
from database.observations.records import Records
from database.schema.tables import flare_list_version
from database.version_cache import VersionCache, read_version
from model_training.artefact.artifact import Artifact, Scores
from model_training.features import HISTORY_REACH, FlareHistory, Inputs, history_features
from solar.columns import Bools, Floats, Times
from solar.flares import EVENTS, LEADS, LIST_MAY_LAG, LONGEST_FLARE
from solar.sharp import KEYWORDS, LONGITUDE_LIMIT_DEG
from solar.time import Window, to_datetime, to_datetime64

# A flare list that ends a little before t still covers the history; one that ends longer ago
# would let a flare that is merely not listed yet pass for quiet.
_HISTORY_NEEDED = np.timedelta64(timedelta(hours=24))
_LIST_MAY_LAG = np.timedelta64(LIST_MAY_LAG)
_LONGEST_FLARE = np.timedelta64(LONGEST_FLARE)
_DAY = timedelta(days=1)
# Flares, and the stretches in which none is missing.
_FlareList = tuple[FlarePhases, list[Window]]
# Kept until the list changes, in whatever process: for records of now and those of some replays,
# each with the four weeks before it.
_recent: VersionCache[tuple[datetime | None, Window], _FlareList] = VersionCache(most=8)
_BEYOND_LIMIT = (
    f"more than {LONGITUDE_LIMIT_DEG:.0f} degrees from the central meridian,"
    " where the field maps cannot be trusted"
)


def stored_features(connection: sa.Connection, records: Records) -> dict[str, Floats]:
    """Return the features of records with the stored flares that had ended before each of them."""
    region_id, times = records.region_id, records.t_rec
    first, last = to_datetime(times.min()), to_datetime(times.max())
    # With those under way at the last record, which peak after it.
    around = Window(first - HISTORY_REACH, last + LONGEST_FLARE)
    stored, covered = _flare_list(connection, around)
    known, since = known_history(times, covered, stored), listed_since(times, covered)
    flares = FlareHistory(stored.peak_at, stored.flux, stored.region_id, stored.end_at)
    features = features_of(records, flares, known=known, since=since)
    for rows, of_flare in regions_as_known(connection, region_id, times, stored):
        then = replace(flares, region_id=of_flare)
        columns = history_features(
            region_id[rows], times[rows], then, known=known[rows], listed_since=since[rows]
        )
        for name, column in columns.items():
            features[name][rows] = column
    return features


def _flare_list(connection: sa.Connection, window: Window) -> _FlareList:
    """Return the flares that peak in a window, widened to whole UTC days."""
    version = read_version(connection, flare_list_version)
    days = Window(_midnight(window.start_at), _midnight(window.end_at) + _DAY)
    name = known_until(connection), days
    known = _recent.get(name, version=version)
    if known is None:
        known = flare_phases(connection, days), covered_windows(connection)
        _recent.put(name, known, version=version)
    return known


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def known_history(times: Times, covered: Sequence[Window], flares: FlarePhases) -> Bools:
    """Tell for each time (n,) whether the flare list covered the day before it then.

    While a flare is under way a list is complete up to its start.
    """
    known: Bools = ~np.isnat(listed_since(times, covered))
    start_at = np.maximum(flares.start_at, flares.end_at - _LONGEST_FLARE)
    for flare in np.flatnonzero(flares.end_at - start_at > _LIST_MAY_LAG):
        known &= (times - _LIST_MAY_LAG <= start_at[flare]) | (flares.end_at[flare] <= times)
    return known


def listed_since(times: Times, covered: Sequence[Window]) -> Times:
    """Return from when on the flare list covers all up to each time (n,), NaT where it does not."""
    since = np.full(len(times), np.datetime64("NaT"), "datetime64[us]")
    for window in covered:
        starts_in_time = times - _HISTORY_NEEDED >= to_datetime64(window.start_at)
        is_within = starts_in_time & (times - _LIST_MAY_LAG <= to_datetime64(window.end_at))
        since[is_within] = to_datetime64(window.start_at)
    return since


def features_of(
    records: Records, flares: FlareHistory, *, known: Bools, since: Times | None = None
) -> dict[str, Floats]:
    """Return the features that models may look at by name: (m,) each, NaN where missing.

    `known` and `since` are those of `history_features`.
    """
    keywords = {k.name: records.keywords[:, place] for place, k in enumerate(KEYWORDS)}
    return keywords | history_features(
        records.region_id, records.t_rec, flares, known=known, listed_since=since
    )


def forecast(model: Artifact, inputs: Inputs, lon_fwt: Floats) -> Scores:
    """Score rows, with columns in the order of `EVENTS` and of `LEADS`, which may lack windows.

    Beyond 70 degrees there is no score.
    """
    scores = model.score_inputs(inputs)
    names = model.manifest.event_names
    order = [names.index(event.name) if event.name in names else None for event in EVENTS]
    beyond = np.abs(lon_fwt) > LONGITUDE_LIMIT_DEG
    leads = _leads(model, scores.leads, beyond)
    repaired = np.where(beyond, 0, scores.repaired)
    if order == list(range(len(names))) and not beyond.any():
        return replace(scores, leads=leads, repaired=repaired)
    reason = list(scores.reason)
    for place in np.flatnonzero(beyond).tolist():
        reason[place] = _BEYOND_LIMIT
    return replace(
        scores,
        raw=_arranged(scores.raw, order, beyond),
        calibrated=_arranged(scores.calibrated, order, beyond),
        leads=leads,
        repaired=repaired,
        fallback_level=np.where(beyond, "none", scores.fallback_level),
        reason=reason,
    )


def _leads(model: Artifact, leads: Floats, withheld: Bools) -> Floats:
    """Return (n, leads), or (n, 0) of a model that forecasts the next 24 h alone."""
    names = [target.name for target in model.manifest.targets]
    if not names:
        return leads
    order = [names.index(lead.name) if lead.name in names else None for lead in LEADS]
    return _arranged(leads, order, withheld)


def _arranged(columns: Floats, order: Sequence[int | None], withheld: Bools) -> Floats:
    arranged = np.full((len(columns), len(order)), np.nan)
    for place, column in enumerate(order):
        if column is not None:
            arranged[:, place] = columns[:, column]
    arranged[withheld] = np.nan
    return arranged
