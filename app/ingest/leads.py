"""Leads: which forecasts of other windows than the next 24 h are kept, one for each hour.

Those of the first record of a region in each hour count, whatever order the records come in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import sqlalchemy as sa

from app.ingest.outcomes import newest_of_rows
from app.scoring.forecasts import IssuedForecasts
from database.leads.leads import delete_leads, store_leads
from database.observations.records import Key, load_records
from database.rollup_days import mark_exploration
from model_training.artefact.artifact import Artifact
from solar.columns import Bools, Integers, Times
from solar.time import SLOT, nominal_times, to_datetime

HOURLY = timedelta(hours=1)
_EPOCH = np.datetime64(0, "us")
_NONE = np.empty(0, np.int64), np.empty(0, "datetime64[us]")

# Regions and times of records, (n,) each.
_Places = tuple[Integers, Times]


def keep_leads(
    connection: sa.Connection,
    forecasts: IssuedForecasts,
    models: Sequence[Artifact],
    *,
    newest: Mapping[int, datetime],
    every: timedelta,
) -> IssuedForecasts:
    """Store the leads of the first record in each hour, and delete those that it replaces.

    Returns all the forecasts, with leads only where they were stored.

    Only for records that are not newer than all before is the store asked for their neighbours.

    Parameters
    ----------
    forecasts : from records that are stored already
    newest : the newest record that each region had before
    every : the length of an hour; zero keeps the leads of every record
    """
    with_windows = {model.model_id for model in models if model.manifest.targets}
    has_windows = forecasts.model_ids.map(with_windows.__contains__, bool)
    if not has_windows.any():
        return forecasts
    everything, forecasts = forecasts, forecasts.take(has_windows)
    kept = np.ones(len(forecasts), np.bool_)
    if every:
        is_late = forecasts.t_rec <= newest_of_rows(forecasts.region_id, newest)
        around = _stored_around(connection, forecasts.take(is_late), every)
        kept = _is_first(forecasts, _and_newest(around, newest), every)
        is_new_first = kept & is_late & (forecasts.revision == 1)
        if is_new_first.any():
            replaced = _replaced(forecasts, is_new_first, around, every)
            delete_leads(connection, replaced, sorted(with_windows))
            # The hour of a replaced record may be that of midnight, and its day the next one.
            mark_exploration(connection, {t_rec.date() for _, t_rec in replaced})
    store_leads(connection, forecasts.take(kept).lead_columns())
    return _with_leads_of(everything, np.flatnonzero(has_windows)[kept])


def first_of_hours(
    forecasts: IssuedForecasts, *, newest: Mapping[int, datetime], every: timedelta
) -> IssuedForecasts:
    """Return the forecasts with leads only where the record is the first of its region and hour.

    A record that is not newer than all before may be none: the store is not asked.
    """
    if not every or np.isnan(forecasts.leads).all():
        return forecasts
    is_first = _is_first(forecasts, _and_newest(_NONE, newest), every)
    return _with_leads_of(forecasts, np.flatnonzero(is_first))


def _with_leads_of(forecasts: IssuedForecasts, places: Integers) -> IssuedForecasts:
    """Return all forecasts, those at other places without leads."""
    leads = np.full_like(forecasts.leads, np.nan)
    leads[places] = forecasts.leads[places]
    return replace(forecasts, leads=leads)


def hours_of(t_rec: Times, every: timedelta) -> Times:
    """Return the begin of the hour of each record (n,); that of 22:59:25 UTC is called 23:00."""
    since_epoch = nominal_times(t_rec) - _EPOCH
    begin: Times = _EPOCH + since_epoch // np.timedelta64(every) * np.timedelta64(every)
    return begin


def _stored_around(connection: sa.Connection, late: IssuedForecasts, every: timedelta) -> _Places:
    """Return all records in the hours between the first and the last of each region."""
    if not len(late):
        return _NONE
    order = np.lexsort((late.t_rec, late.region_id))
    regions, firsts = np.unique(late.region_id[order], return_index=True)
    hours = hours_of(late.t_rec, every)[order]
    lasts = np.append(firsts[1:], len(order)) - 1
    # What is called by a full hour lies up to a slot before it.
    spans = {
        region_id: (to_datetime(first - SLOT), to_datetime(last) + every)
        for region_id, first, last in zip(
            regions.tolist(), hours[firsts], hours[lasts], strict=True
        )
    }
    records = load_records(connection, spans, keywords=())
    return records.region_id, records.t_rec


def _and_newest(around: _Places, newest: Mapping[int, datetime]) -> _Places:
    region_ids = np.array(list(newest), np.int64)
    return (
        np.concatenate([around[0], region_ids]),
        np.concatenate([around[1], newest_of_rows(region_ids, newest)]),
    )


def _is_first(forecasts: IssuedForecasts, others: _Places, every: timedelta) -> Bools:
    """Tell which forecasts (n,) are of the first record of their region and hour."""
    region_id = np.concatenate([forecasts.region_id, others[0]])
    t_rec = np.concatenate([forecasts.t_rec, others[1]])
    hours = hours_of(t_rec, every)
    order = np.lexsort((t_rec, hours, region_id))
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (np.diff(region_id[order]) != 0) | (hours[order][1:] != hours[order][:-1])
    first = np.empty_like(t_rec)
    first[order] = t_rec[order][begins][np.cumsum(begins) - 1]
    is_first: Bools = (t_rec == first)[: len(forecasts)]
    return is_first


def _replaced(
    forecasts: IssuedForecasts, is_new_first: Bools, around: _Places, every: timedelta
) -> list[Key]:
    """Return the other records in the hours that have a new first one, but those that are new."""
    firsts = forecasts.take(is_new_first)
    new = forecasts.take(forecasts.revision == 1)
    hours = set(_keys(firsts.region_id, hours_of(firsts.t_rec, every)))
    known = set(_keys(new.region_id, new.t_rec))
    region_id, t_rec = around
    pairs = zip(_keys(region_id, t_rec), _keys(region_id, hours_of(t_rec, every)), strict=True)
    return [record for record, hour in pairs if hour in hours and record not in known]


def _keys(region_id: Integers, times: Times) -> list[Key]:
    return list(zip(region_id.tolist(), map(to_datetime, times), strict=True))
