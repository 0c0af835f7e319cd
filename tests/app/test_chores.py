from __future__ import annotations

import threading
from datetime import date

import pytest
import sqlalchemy as sa
from served_windows import MakeApp

from app.chores import Chore, Housekeeper, verify
from app.services import Services
from database.engine import writing
from database.verification.stale_days import mark_stale, stale_days
from solar.errors import StoreUnavailableError


def test_verification_follows_without_anyone_asking_for_it(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    with writing(engine_sqlite) as connection:
        mark_stale(connection, [date(2024, 5, 1)])
    done = threading.Event()

    def after(_given: Services) -> None:
        done.set()

    chores = (Chore("verification", 60, verify), Chore("after", 60, after))
    housekeeper = Housekeeper(make_app(engine_sqlite), chores)
    housekeeper.start()
    assert done.wait(10)
    housekeeper.stop()

    with writing(engine_sqlite) as connection:
        assert stale_days(connection, 10) == []


def test_a_chore_that_fails_is_logged_and_keeps_no_other_from_its_turn(
    engine_sqlite: sa.Engine, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    done = threading.Event()

    def fail(_given: Services) -> None:
        raise StoreUnavailableError("the store does not answer")

    def work(_given: Services) -> None:
        done.set()

    housekeeper = Housekeeper(
        make_app(engine_sqlite), (Chore("failing", 60, fail), Chore("working", 60, work))
    )
    housekeeper.start()
    assert done.wait(10)
    housekeeper.stop()

    assert "failing: the store does not answer" in caplog.text
