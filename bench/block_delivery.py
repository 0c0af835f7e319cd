"""The delivery of a sun block: through the API itself, at the times of the block."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import orjson
from flask.testing import FlaskClient

from app.create_app import create_app
from app.services import prepare
from app.settings import ApiSettings
from bench.sun_block import BLOCK_DAYS, Delivery, SunBlock
from database.engine import create_engine, transact
from database.schema.tables import xray_flux
from database.upsert import upsert
from solar.time import isoformat

SENDER = "bench"
_DELAY = timedelta(minutes=4)
# Every so many deliveries one record is sent again with another value.
_REVISED_EVERY = 25


class _Clock:
    """The time of receipt, as the block has it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def deliver(address: str, block: SunBlock) -> None:
    """Store a block in an upgraded store: records, flares, forecasts, alerts, traffic."""
    settings = ApiSettings(database_url=address)
    prepare(settings)
    # All that happened is known before the first record comes, lest no flare be missed later.
    end_at = block.start_at + timedelta(days=2 * BLOCK_DAYS)
    clock = _Clock(end_at)
    client = create_app(settings, clock=clock).test_client()
    covers = {"from": isoformat(block.start_at - timedelta(days=30)), "to": isoformat(end_at)}
    _post(client, "flares", {"flares": block.flares(), "covers": covers, "source": SENDER})
    for number, delivery in enumerate(block.deliveries()):
        clock.at = delivery.ended_at + _DELAY
        sender = {"id": SENDER, "sequence": number}
        _post(client, "observations", {"sender": sender, "observations": delivery.observations})
        if number % _REVISED_EVERY == 0:
            _post(client, "observations", {"sender": sender, "observations": _revised(delivery)})
    _store_xrays(settings, block)


def _post(client: FlaskClient, path: str, body: dict[str, Any]) -> None:
    answer = client.post(
        f"/api/v1/{path}", data=orjson.dumps(body), content_type="application/json"
    )
    if answer.status_code != 200:
        raise RuntimeError(f"the API refused the block: {answer.text[:300]}")


def _revised(delivery: Delivery) -> list[dict[str, Any]]:
    row = delivery.observations[0]
    return [{**row, "keywords": {**row["keywords"], "MEANGAM": 42.0}}]


def _store_xrays(settings: ApiSettings, block: SunBlock) -> None:
    minutes = np.arange(BLOCK_DAYS * 1440)
    noise = np.random.default_rng(2).normal(size=len(minutes))
    flux = (3e-7 * np.exp(np.sin(minutes / 700) + 0.1 * noise)).tolist()
    rows = [(block.start_at + timedelta(minutes=i), flux[i], "bench") for i in minutes.tolist()]
    columns = [column.name for column in xray_flux.columns]
    engine = create_engine(settings)
    transact(engine, lambda connection: upsert(connection, xray_flux, columns=columns, rows=rows))
    engine.dispose()
