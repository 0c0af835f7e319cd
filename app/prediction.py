"""Prediction of a window that is handed in and not stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from app.contract.schemas import Flare
from app.ingest.batch import Batch
from app.ingest.forecasts import Forecasts, forecasts_of
from app.ingest.history import stored_history
from app.ingest.ingest import resolve_regions
from app.ingest.windows import gathered, joined, look_back, records_of
from app.scoring import features_of, forecast
from database.harps import RegionName, resolve_many
from model_training.artifact import Artifact
from model_training.features import FlareHistory
from solar.flares import peak_flux

# Stands for the revision of a record that is not stored.
_UNSTORED = 0


def predict(
    connection: sa.Connection,
    model: Artifact,
    batch: Batch,
    *,
    flares: Sequence[Flare] | None,
    now: datetime,
) -> Forecasts:
    """Score the newest row of each region.

    The rows of a region are its window; nothing that is stored joins them.

    Parameters
    ----------
    flares : all there were in the last 27 days; None takes what the store knows
    """
    region_ids = resolve_regions(connection, batch)
    records, _ = joined(records_of(batch, region_ids, [_UNSTORED] * len(batch)))
    history, known = (
        stored_history(connection, records.t_rec)
        if flares is None
        else (_given_history(connection, flares), np.ones(len(records), np.bool_))
    )
    matrix = model.matrix(features_of(records, history, known=known))
    # The number 0 is no region's, so that the last record is seen to end one too.
    newest = np.flatnonzero(np.diff(records.region_id, append=0) != 0)
    windows = look_back(records, newest, model.manifest)
    scores = forecast(model, gathered(matrix, windows), records.lon_fwt[newest])
    return forecasts_of(
        model.model_id, records.region_id[newest], records.t_rec[newest],
        scores=scores, revision=np.full(len(newest), _UNSTORED), now=now,
    )  # fmt: skip


def _given_history(connection: sa.Connection, flares: Sequence[Flare]) -> FlareHistory:
    ordered = sorted(flares, key=lambda flare: flare.peak)
    return FlareHistory(
        np.array([flare.peak.replace(tzinfo=None) for flare in ordered], "datetime64[us]"),
        np.array([peak_flux(flare.goes_class) for flare in ordered], float),
        _regions_of(connection, ordered),
    )


def _regions_of(connection: sa.Connection, flares: Sequence[Flare]) -> NDArray[np.int64]:
    """Return the region of each flare, 0 where it names none."""
    named = [flare.harpnum is not None or flare.noaa_ar is not None for flare in flares]
    names = [
        RegionName(flare.harpnum, () if flare.noaa_ar is None else (flare.noaa_ar,))
        for flare, is_named in zip(flares, named, strict=True)
        if is_named
    ]
    region_ids = np.zeros(len(flares), np.int64)
    region_ids[np.array(named, np.bool_)] = resolve_many(connection, names)
    return region_ids
