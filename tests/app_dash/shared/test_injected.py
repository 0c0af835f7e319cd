"""Injected faults on the pages: a band where there is one, cut off at now, and what was said."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from drawn_region import as_text
from stocked_store import NOW, stock

from app_dash.create_app import PAGES
from app_dash.frame import routing
from app_dash.frame.page import page_of
from app_dash.settings import DashSettings
from app_dash.shared.chart import chart, epoch, time_axis
from app_dash.shared.injected import with_bands
from app_dash.shared.theme import LIGHT
from database.clock.clock import Replayed, begin_replay
from database.engine import writing
from database.injected_faults import store_faults
from database.people.principal import COMMAND_LINE
from database.schema.tables import predictions
from solar.injected_faults import InjectedFault, Kind, checked_fault

HOUR = timedelta(hours=1)
# In the order in which the pages come in the navigation.
WITH_BANDS = ("/", "/regions/3894", "/explore")


def fault(kind: Kind, *, hours_ago: float, hours: float = 2, **more: int) -> InjectedFault:
    start_at = NOW - hours_ago * HOUR
    return checked_fault(InjectedFault(kind, start_at, start_at + hours * HOUR, **more))


@pytest.fixture
def replayed(engine_sqlite: sa.Engine) -> sa.Engine:
    """A store whose replay stands at NOW."""
    stock(engine_sqlite)
    replayed = Replayed("tester", NOW - 100 * HOUR, NOW + 100 * HOUR, 0.0, NOW)
    with writing(engine_sqlite) as connection:
        connection.execute(sa.text("UPDATE predictions SET issued_at = t_rec"))
        begin_replay(connection, COMMAND_LINE, replayed)
    return engine_sqlite


def inject(engine: sa.Engine, *faults: InjectedFault) -> None:
    with writing(engine) as connection:
        told = [(one, 12) for one in faults]
        store_faults(connection, told, sender="tester", now=NOW)


def drawn(engine: sa.Engine, pathname: str) -> str:
    view = routing.read_context(engine, settings=DashSettings(), theme="light")
    page = page_of(PAGES, pathname)
    assert page is not None
    return as_text(page.layout(view, pathname, ""))


def test_a_band_reaches_over_the_fault_within_the_range_of_the_figure() -> None:
    axis = time_axis(LIGHT, NOW - 4 * HOUR, NOW)
    figure = chart(LIGHT, [{"y": [1]}], xaxis=axis, yaxis={})
    faults = [fault("gap", hours_ago=5), fault("late", hours_ago=9)]

    banded = with_bands(figure, faults, LIGHT)

    (_, band) = banded["data"]
    assert (min(band["x"]), max(band["x"])) == (epoch(NOW - 4 * HOUR), epoch(NOW - 3 * HOUR))
    assert band["text"] == "injected: gap, 29 Mar 11:00 to 29 Mar 13:00 UTC"
    assert with_bands(figure, faults[1:], LIGHT) is figure


@pytest.mark.parametrize("pathname", WITH_BANDS)
def test_a_page_has_a_band_for_each_fault_that_has_begun_and_none_without(
    replayed: sa.Engine, pathname: str
) -> None:
    before = drawn(replayed, pathname)
    inject(
        replayed,
        fault("gap", hours_ago=5),
        fault("late", hours_ago=1),
        fault("silence", hours_ago=-1),
        fault("corrupt", hours_ago=8, region=3907),
    )

    after = drawn(replayed, pathname)

    assert "injected" not in before
    assert "injected: gap, 29 Mar 11:00 to 29 Mar 13:00 UTC" in after
    # It goes on; when it ends is not known at 16:00.
    assert "injected: late, 29 Mar 15:00 to 29 Mar 16:00 UTC" in after
    assert "injected: silence" not in after
    assert ("injected: corrupt" in after) == (pathname != "/regions/3894")


def test_the_pipeline_lists_what_was_injected_and_what_was_said(replayed: sa.Engine) -> None:
    before = drawn(replayed, "/pipeline")
    inject(
        replayed,
        fault("missing-keywords", hours_ago=5),
        fault("late", hours_ago=1),
        fault("silence", hours_ago=-1),
    )
    with writing(replayed) as connection:
        is_poor = (predictions.c.region_id == 3894) & (predictions.c.t_rec > NOW - 5 * HOUR)
        connection.execute(predictions.update().where(is_poor).values(rung="partial"))

    after = drawn(replayed, "/pipeline")

    assert "Injected faults" not in before
    assert "2 by a tester, 1 answered" in after
    assert "fallback level partial in 1 forecast" in after
    assert "nothing yet" in after
    assert "silence" not in after
