"""Nothing is lost and nothing doubled, whichever process dies in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from processes import free_port, serving

from database.schema.tables import observations, predictions
from model_training.registry import ARTIFACTS
from solar.stages import read_stages

ROWS = 8_570  # of hourly_2014.parquet, each region and time once


def count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


# The rounds of faults play the same on MariaDB.
@pytest.mark.slow
@pytest.mark.parametrize(
    "engine", ["sqlite", pytest.param("mariadb", marks=pytest.mark.thorough)], indirect=True
)
def test_an_api_killed_in_the_middle_of_a_replay_loses_and_doubles_nothing(
    engine: sa.Engine, tmp_path: Path, shared_data: Path
) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "FLARE_DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "FLARE_API_PORT": port,
        "FLARE_API_URL": base,
        "FLARE_DATA_DIR": str(tmp_path),
    }
    replay = ["data_sender", "replay", str(shared_data / "sharp" / "hourly_2014.parquet")]
    replay += ["--speed", "max", "--batch", "500"]

    with serving("app", "serve", ready=f"{base}/ready", environment=environment) as api:
        sender = subprocess.Popen([sys.executable, "-m", *replay], env=environment)
        while count(engine, observations) < ROWS // 4:
            time.sleep(0.05)
        os.killpg(api.pid, signal.SIGKILL)
    interrupted_at = count(engine, observations)
    with serving("app", "serve", ready=f"{base}/ready", environment=environment):
        assert sender.wait(120) == 0
        again = subprocess.run(
            [sys.executable, "-m", *replay, "--restart"], env=environment, capture_output=True
        )

    models = read_stages(ARTIFACTS)
    assert 0 < interrupted_at < ROWS
    assert again.returncode == 0
    assert count(engine, observations) == ROWS
    assert count(engine, predictions) == ROWS * (1 + len(models.shadow))
    with engine.connect() as connection:
        unexplained = sa.select(sa.func.count()).where(
            predictions.c.m1.is_(None), predictions.c.reason.is_(None)
        )
        assert connection.execute(unexplained).scalar_one() == 0
