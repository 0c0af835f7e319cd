"""The feed: records that arrive while a measurement runs, slot after slot."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import orjson
import requests
import sqlalchemy as sa

from database.schema.tables import observations, regions
from solar.sharp import CADENCE_SECONDS, LIVE_KEYWORDS
from solar.time import isoformat

_SLOT = timedelta(seconds=CADENCE_SECONDS)
_MOST_REGIONS = 20
_ROTATION_DEG = 0.11


class LiveFeed:
    """The next slots of the regions on the disk, delivered to an API one at a time.

    Each region goes on from its newest record, so that a slot is what a sender would bring.
    """

    def __init__(self, engine: sa.Engine, api: str, *, every_seconds: float) -> None:
        self.every_seconds = every_seconds
        self._api = api
        self._session = requests.Session()
        self._sequence = 0
        with engine.connect() as connection:
            self._rows = _newest(connection)

    def deliver(self) -> int:
        """Post the next slot; return how many records were new."""
        self._sequence += 1
        for row in self._rows:
            row["t_rec"] += _SLOT
            row["lon_fwt"] += _ROTATION_DEG
        body = {
            "sender": {"id": "bench-newcomers", "sequence": self._sequence},
            "observations": [{**row, "t_rec": isoformat(row["t_rec"])} for row in self._rows],
        }
        answer = self._session.post(
            f"{self._api}/api/v1/observations", data=orjson.dumps(body),
            headers={"Content-Type": "application/json"}, timeout=60,
        )  # fmt: skip
        answer.raise_for_status()
        accepted: int = answer.json()["accepted"]
        return accepted


def _newest(connection: sa.Connection) -> list[dict[str, Any]]:
    newest: datetime = connection.execute(sa.select(sa.func.max(regions.c.last_t_rec))).scalar_one()
    query = (
        sa.select(regions.c.harpnum, observations)
        .join(observations, observations.c.region_id == regions.c.region_id)
        .where(observations.c.t_rec == newest, regions.c.last_t_rec == newest)
        .limit(_MOST_REGIONS)
    )
    return [_as_sent(row) for row in connection.execute(query).mappings()]


def _as_sent(row: sa.RowMapping) -> dict[str, Any]:
    values = {k.name: row[k.column] for k in LIVE_KEYWORDS}
    return {
        "harpnum": row["harpnum"],
        "t_rec": row["t_rec"],
        "series": row["series"],
        "quality": 0,
        "lon_fwt": row["lon_fwt"],
        "lat_fwt": row["lat_fwt"],
        "keywords": {name: value for name, value in values.items() if value is not None},
    }
