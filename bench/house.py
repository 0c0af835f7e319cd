"""The house: the services on a filled store, as the README starts them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from database.engine import create_engine
from database.settings import DatabaseSettings
from tests.processes import free_port, serving

API_WORKERS = "2"


@dataclass(frozen=True)
class House:
    """The services on a filled store."""

    engine: sa.Engine
    api: str
    dash: str
    api_pid: int
    dash_pid: int


@contextmanager
def opened_house(address: str) -> Iterator[House]:
    """Run both services on a store until the block ends."""
    api, dash = free_port(), free_port()
    environment = {
        **os.environ, "FLARE_DATABASE_URL": address,
        "FLARE_API_PORT": api, "FLARE_API_WORKERS": API_WORKERS, "FLARE_DASH_PORT": dash,
        "FLARE_API_URL": f"http://127.0.0.1:{api}",
    }  # fmt: skip
    engine = create_engine(DatabaseSettings(database_url=address))
    addresses = f"http://127.0.0.1:{api}", f"http://127.0.0.1:{dash}"
    with (
        serving("app", "serve", ready=f"{addresses[0]}/ready", environment=environment) as first,
        serving("app_dash", "serve", ready=addresses[1], environment=environment) as second,
    ):
        yield House(engine, *addresses, first.pid, second.pid)
    engine.dispose()
