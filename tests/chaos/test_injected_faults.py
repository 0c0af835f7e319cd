"""Each kind of fault, killed in between: what was sent is stored, and each is answered for."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from conftest import empty
from faulty_replay import START, FaultyReplay, assert_accounted_for

from app.create_app import create_app
from app.services import prepare
from app.settings import ApiSettings


@dataclass
class EventTime:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.thorough
def test_faults_of_each_kind_lose_nothing_and_are_answered_for_at_any_batch_and_after_kills(
    mariadb_engine: sa.Engine, seed: int, tmp_path: Path
) -> None:
    empty(mariadb_engine)
    rng, clock = random.Random(seed), EventTime()
    address = mariadb_engine.url.render_as_string(hide_password=False)
    settings = ApiSettings(database_url=address)
    prepare(settings)
    app = create_app(settings, clock=clock)
    replay = FaultyReplay(app.test_client(), clock, tmp_path, seed=seed)

    try:
        replay.run(batch=lambda: rng.randint(1, 9), kills=(rng.randint(5, 40), rng.randint(1, 30)))

        assert_accounted_for(app.test_client(), replay)
    finally:
        app.extensions["flarewatch"].engine.dispose()
