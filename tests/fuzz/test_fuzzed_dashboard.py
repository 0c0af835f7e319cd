"""The dashboard answers requests that nobody means with a refusal, and logs no error of its own."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from conftest import empty
from fuzz.crafted_callbacks import callback_request, crafted, sound_body
from fuzz.target import LOG, DashboardTarget, opened_dashboard
from stocked_store import stock

pytestmark = pytest.mark.slow

SOUND_ROUNDS = 3
TROUBLES = ("Traceback", "[ERROR]", "[CRITICAL]", "ERROR:", "Exception")


@pytest.fixture
def dashboard(
    mariadb_engine: sa.Engine, mariadb_address: str, tmp_path: Path
) -> Iterator[DashboardTarget]:
    empty(mariadb_engine)
    stock(mariadb_engine)
    with opened_dashboard(mariadb_address, tmp_path) as served:
        yield served
    empty(mariadb_engine)


def test_crafted_requests_are_refused_by_the_dashboard_without_a_fault_of_its_own(
    dashboard: DashboardTarget, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    n, seed = pytestconfig.getoption("--fuzz-requests"), pytestconfig.getoption("--fuzz-seed")
    rng = random.Random(seed)
    described = requests.get(f"{dashboard.url}/_dash-dependencies", timeout=10).json()
    callbacks = [one for one in described if one["clientside_function"] is None]
    worker = dashboard.worker

    for callback in callbacks * SOUND_ROUNDS:
        sound = callback_request(json.dumps(sound_body(callback, rng)).encode())
        # Where nobody is registered nobody has an account.
        right = (403,) if "account-" in callback["output"] else (200, 204)
        if dashboard.send(sound) not in right:
            dashboard.wrong.append(f"a sound request is refused: {sound}")
    for _ in range(n // 2):
        dashboard.send(crafted(callbacks, rng))

    log = (tmp_path / LOG).read_text(errors="replace")
    assert dashboard.worker == worker, "the worker died"
    assert not any(trouble in log for trouble in TROUBLES), log[-4_000:]
    if dashboard.wrong:
        pytest.fail("\n".join(dashboard.wrong[:20]))
    assert min(dashboard.statuses[status] for status in (200, 400, 422)) > 0
