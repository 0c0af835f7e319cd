"""The outlook of agencies is their newest forecast that has begun, as known at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from database.agencies.forecasts import EXACT, AgencyForecast, store_forecasts
from database.agencies.outlook import Outlook, current_outlooks
from database.engine import reading, transact
from database.known import known_at
from solar.flares import EVENTS
from solar.windows import DAYS_AHEAD

DAY = timedelta(days=1)
FIRST = datetime(2014, 3, 1, tzinfo=UTC)
MAIN = EVENTS[1]


def issue(day: datetime, p: float, **changes: object) -> list[AgencyForecast]:
    """Forecast three days, each a tenth more certain, two hours before the first one begins."""
    fields = {"issued_at": day - timedelta(hours=2)} | changes
    return [
        AgencyForecast(
            k, day + w.latency, None, (None, p + k / 10, None, p / 10), window=w, **fields
        )
        for k, w in enumerate(DAYS_AHEAD)
    ]


def outlooks(engine: sa.Engine, now: datetime) -> list[Outlook]:
    with reading(known_at(engine, now)) as connection:
        return current_outlooks(connection, now=now)


@pytest.fixture
def with_two_days(engine: sa.Engine) -> sa.Engine:
    rows = [*issue(FIRST, 0.2), *issue(FIRST + DAY, 0.5)]
    transact(engine, lambda c: store_forecasts(c, "swpc@1", rows, now=FIRST))
    return engine


def test_the_next_issue_counts_when_its_first_day_begins(with_two_days: sa.Engine) -> None:
    before = outlooks(with_two_days, FIRST + timedelta(hours=23))
    after = outlooks(with_two_days, FIRST + timedelta(hours=25))

    for (outlook,), first in ((before, 0.2), (after, 0.5)):
        values = [outlook.of(MAIN, window) for window in DAYS_AHEAD]
        assert values == pytest.approx([first, first + 0.1, first + 0.2])
    assert after[0].issued_at == FIRST + timedelta(hours=22)


def test_of_a_silent_agency_only_the_days_that_go_on_are_left(with_two_days: sa.Engine) -> None:
    (outlook,) = outlooks(with_two_days, FIRST + 2 * DAY + timedelta(hours=1))

    values = [outlook.of(MAIN, window) for window in DAYS_AHEAD]
    assert values == [None, pytest.approx(0.6), pytest.approx(0.7)]
    assert outlooks(with_two_days, FIRST + 4 * DAY) == []


def test_what_was_issued_later_is_not_known(engine_sqlite: sa.Engine) -> None:
    rows = issue(FIRST, 0.2, issued_at=FIRST + timedelta(hours=9))
    transact(engine_sqlite, lambda c: store_forecasts(c, "swpc@1", rows, now=FIRST))

    assert outlooks(engine_sqlite, FIRST + timedelta(hours=8)) == []
    assert len(outlooks(engine_sqlite, FIRST + timedelta(hours=9))) == 1


def test_exact_probabilities_are_no_outlook(engine_sqlite: sa.Engine) -> None:
    rows = issue(FIRST, 0.2, semantics=EXACT)
    transact(engine_sqlite, lambda c: store_forecasts(c, "ccmc@1", rows, now=FIRST))

    assert outlooks(engine_sqlite, FIRST) == []
