"""The flare list: what was observed, in which class and on which flux scale, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.flares.coverage import coverage, covered_windows
from database.flares.storage import FlareRecord, FlareReport, store_flares
from database.tables import flares
from solar.flares import FluxScale
from solar.time import Window
from solar.truth import Truth

__all__ = [
    "Flare", "FlareColumns", "FlareRecord", "FlareReport", "coverage", "covered_windows",
    "flare_days", "flare_history", "flux_scales", "list_flares", "store_flares",
]  # fmt: skip

_FIELDS = (
    "flare_id", "start_at", "peak_at", "end_at", "goes_class", "peak_flux_w_m2", "flux_scale",
    "noaa_ar", "harpnum", "region_id", "assignment", "satellite", "source", "repairs", "revision",
    "updated_at",
)  # fmt: skip


@dataclass(frozen=True)
class Flare:
    """One stored flare; `region_id` is None when its region cannot be told."""

    flare_id: str
    start_at: datetime
    peak_at: datetime
    end_at: datetime | None
    goes_class: str
    peak_flux_w_m2: float
    flux_scale: str
    noaa_ar: int | None
    harpnum: int | None
    region_id: int | None
    assignment: str
    satellite: str | None
    source: str
    repairs: str | None
    revision: int
    updated_at: datetime


@dataclass(frozen=True)
class FlareColumns:
    """Flares as columns: `peak_at` (m,) datetime64[us] UTC ascending, `flux` (m,) W m-2,
    `region_id` (m,) int64 with 0 for a flare without a region.
    """

    peak_at: NDArray[np.datetime64]
    flux: NDArray[np.float64]
    region_id: NDArray[np.int64]

    def truth(self, covered: Sequence[Window]) -> Truth:
        """Tell what windows held, the list being complete over the stretches given."""
        return Truth(self.peak_at, self.flux, self.region_id, covered)


def flare_history(
    connection: sa.Connection, window: Window, *, min_flux: float | None = None
) -> FlareColumns:
    """Return the flares that peak in `window`, of at least `min_flux` [W m-2] if given."""
    # Read as the driver gives it: text or naive datetime, both of which numpy understands.
    peak_at = sa.type_coerce(flares.c.peak_at, sa.types.NullType()).label("peak_at")
    query = sa.select(peak_at, flares.c.peak_flux_w_m2, flares.c.region_id).where(
        *_peaking_in(window)
    )
    if min_flux is not None:
        query = query.where(flares.c.peak_flux_w_m2 >= min_flux)
    rows = connection.execute(query.order_by(flares.c.peak_at)).all()
    return FlareColumns(
        np.array([row[0] for row in rows], "datetime64[us]"),
        np.array([row[1] for row in rows], float),
        np.array([row[2] or 0 for row in rows], np.int64),
    )


def flare_days(
    connection: sa.Connection, window: Window, *, min_flux: float
) -> NDArray[np.datetime64]:
    """Return the UTC days on which a flare of at least `min_flux` [W m-2] peaked, (d,)."""
    # A time begins with its day in the text of every database.
    day = sa.func.substr(flares.c.peak_at, 1, 10, type_=sa.types.NullType())
    query = sa.select(day).where(*_peaking_in(window), flares.c.peak_flux_w_m2 >= min_flux)
    found = connection.execute(query.distinct()).scalars().all()
    return np.sort(np.array(found, "datetime64[D]"))


def list_flares(
    connection: sa.Connection,
    *,
    window: Window,
    region_id: int | None = None,
    min_flux: float | None = None,
    limit: int,
    after: tuple[datetime, str] | None = None,
) -> list[Flare]:
    """Return up to `limit` flares in order of peak; `after` is (peak_at, flare_id) of the last."""
    query = sa.select(*(flares.c[name] for name in _FIELDS)).where(*_peaking_in(window))
    if region_id is not None:
        query = query.where(flares.c.region_id == region_id)
    if min_flux is not None:
        query = query.where(flares.c.peak_flux_w_m2 >= min_flux)
    if after is not None:
        at, flare_id = after
        later = sa.and_(flares.c.peak_at == at, flares.c.flare_id > flare_id)
        query = query.where(flares.c.peak_at >= at, sa.or_(flares.c.peak_at > at, later))
    ordered = query.order_by(flares.c.peak_at, flares.c.flare_id).limit(limit)
    return [Flare(*row) for row in connection.execute(ordered)]


def flux_scales(connection: sa.Connection, window: Window) -> list[str]:
    """Return the flux scales met in `window`; two of them must not meet in one score."""
    probes = (
        sa.select(flares.c.flux_scale)
        .where(*_peaking_in(window), flares.c.flux_scale == scale.value)
        .limit(1)
        for scale in FluxScale
    )
    return [found for probe in probes if (found := connection.execute(probe).scalar())]


def _peaking_in(window: Window) -> tuple[sa.ColumnElement[bool], ...]:
    return flares.c.peak_at >= window.start_at, flares.c.peak_at < window.end_at
