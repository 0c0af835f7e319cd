"""The other windows of the stocked store: a share of the 24 h that differs from hour to hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from stocked_store import MANIFEST, MODEL, NOW, REGIONS

from database.engine import writing
from database.leads.leads import COLUMNS
from database.models import register
from database.schema.forecast_tables import lead_forecasts
from database.upsert import upsert
from solar.flares import LEADS, Event

SHARES = {"6h": 0.4, "12h": 0.6, "48h": 1.3, "d2": 0.8, "d3": 0.7}
OF_CLASS = {"C1.0": 2.0, "M1.0": 1.0, "M5.0": 0.5, "X1.0": 0.1}
HOURS = 30


def lead(target: Event, main: float, hours_back: int = 0) -> float:
    """Return what is stored for a target where M1.0+ in 24 h has `main`."""
    share = SHARES[target.window.name] * OF_CLASS[target.goes_class]
    return main * share * (1 - 0.02 * hours_back)


def stock_leads(engine: sa.Engine, *, bands: dict[str, Any] | None = None) -> None:
    """Add the windows of each region with a forecast to a stocked store, and bands by target."""
    known = bands or {}
    events = [event | {"band": known.get(event["name"])} for event in MANIFEST["events"]]
    targets = [{"name": t.name, "threshold": 0.1, "band": known.get(t.name)} for t in LEADS]
    manifest = {**MANIFEST, "events": events, "targets": targets}
    rows = [
        _row(region_id, NOW - timedelta(hours=silent + back), main, back)
        for region_id, _, _, silent, main in REGIONS
        if main is not None
        for back in range(HOURS)
    ]
    with writing(engine) as connection:
        register(connection, manifest, sha256="1" * 64, stage="live", now=NOW)
        upsert(connection, lead_forecasts, columns=COLUMNS, rows=rows)


def _row(region_id: int, t_rec: datetime, main: float, back: int) -> tuple[Any, ...]:
    values = {target.column: lead(target, main, back) for target in LEADS}
    named = {
        "region_id": region_id,
        "t_rec": t_rec,
        "model_id": MODEL,
        "revision": 0,
        "issued_at": t_rec,
        "repaired": 0,
        **values,
    }
    return tuple(named[name] for name in COLUMNS)
