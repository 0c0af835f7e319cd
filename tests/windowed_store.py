"""The store of `synthetic_store`, whose model forecasts some other windows as well."""

from __future__ import annotations

from datetime import date

import numpy as np
import sqlalchemy as sa
from stored_rows import store_leads
from synthetic_store import FIRST, MANIFEST, MODEL, NOW, fill

from database.agencies.forecasts import AgencyForecast, store_forecasts
from database.engine import transact
from database.models import register
from database.rollup_days import mark_stale
from database.schema.tables import predictions
from database.verification.rollup import refresh
from solar.flares import LEADS
from solar.windows import DAYS_AHEAD

AGENCY = "swpc@1"
# The agency forecasts the disk on days 1, 2 and 3; nobody forecasts day 3 of a region.
WINDOWS = ("6h", "48h", "d2")
N_AGENCY_DAYS = 12


def fill_with_windows(engine: sa.Engine) -> None:
    """Fill an empty store, and count its days."""
    fill(engine)
    targets = [
        {"name": lead.name, "threshold": 0.1} for lead in LEADS if lead.window.name in WINDOWS
    ]

    def add(connection: sa.Connection) -> None:
        manifest = MANIFEST | {"targets": targets}
        register(connection, manifest, sha256="1" * 64, stage="live", now=NOW)
        columns = (predictions.c.region_id, predictions.c.t_rec, predictions.c.m1)
        rows = connection.execute(sa.select(*columns).where(predictions.c.model_id == MODEL)).all()
        store_leads(connection, [(*row[:2], MODEL, 1, *_leads(row.m1), NOW) for row in rows])
        said = [
            AgencyForecast(
                0, FIRST.replace(day=1 + k) + of.latency, None, (0.6, k / 20, None, None), NOW, of
            )
            for k in range(N_AGENCY_DAYS)
            for of in DAYS_AHEAD
        ]
        store_forecasts(connection, AGENCY, said, now=NOW)
        days: set[date] = {row.t_rec.date() for row in rows}
        mark_stale(connection, days)

    transact(engine, add)
    refresh(engine)


def _leads(p: float | None) -> list[float | None]:
    """Spread a probability over the windows in a simple rising way; the test wants no physics."""
    shares = np.linspace(0.3, 0.9, len(LEADS))
    return [
        None if p is None or lead.window.name not in WINDOWS else float(share * p)
        for lead, share in zip(LEADS, shares, strict=True)
    ]
