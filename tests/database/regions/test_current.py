from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from stocked_store import MODEL, NOW, stock

from database.engine import reading, transact
from database.flares.xray import store_flux
from database.predictions.forecasts import hourly_forecasts
from database.regions.current import (
    current_regions,
    data_state,
    data_version,
    latest_forecasts,
)
from solar.flare_detection import XrayMinute
from solar.full_disk import COUNTED
from solar.time import to_datetime64


def test_an_empty_store_has_a_state_without_values(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        state = data_state(connection)

    assert (state.newest_t_rec, state.model) == (None, None)
    assert state.regions == ()
    assert state.latest == {}
    assert state.series == ()


def test_the_state_knows_the_newest_record_the_model_and_the_regions(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        state = data_state(connection)

    assert state.newest_t_rec == NOW
    assert state.model is not None
    assert state.model.thresholds["M1.0"] == 0.1
    assert [region.region_id for region in state.regions] == [3856, 3894, 3907, 3874]
    assert state.series == ("hmi.sharp_cea_720s",)


def test_regions_silent_for_a_day_are_no_longer_current(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        current = current_regions(connection, NOW + timedelta(hours=13))

    # The region last seen 11 h before NOW is exactly 24 h old.
    assert [region.region_id for region in current] == [3856, 3894, 3907]


def test_each_region_has_its_newest_forecast(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        latest = latest_forecasts(connection, MODEL, NOW)

    assert latest[3894].t_rec == NOW
    assert latest[3894].probabilities == pytest.approx((0.7, 0.35, 0.175, 0.035))
    assert latest[3856].probabilities == (None,) * 4
    assert latest[3856].reason == "beyond 70° of longitude"
    assert latest[3874].t_rec == NOW - timedelta(hours=11)


def test_a_forecast_issued_later_than_asked_for_is_not_the_latest(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        latest = latest_forecasts(connection, MODEL, NOW - timedelta(minutes=30))

    assert latest[3894].t_rec == NOW - timedelta(hours=1)


def test_the_forecast_before_the_latest_can_be_had(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        before = latest_forecasts(connection, MODEL, NOW, skip=1)

    assert before[3894].t_rec == NOW - timedelta(hours=1)
    assert before[3874].t_rec == NOW - timedelta(hours=12)


def test_the_state_knows_the_activity_of_the_rotation_before(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        state = data_state(connection)

    # Four flares in 27 days, one of them above M1.0.
    assert state.activity is not None
    (counts,) = state.activity.counts(np.array([to_datetime64(NOW)]))
    found = dict(zip(COUNTED, counts.tolist(), strict=True))
    assert (found["C1.0", 27], found["M1.0", 27]) == (4, 1)


def test_new_x_rays_make_a_new_version(engine: sa.Engine) -> None:
    stock(engine)
    with reading(engine) as connection:
        before = data_version(connection)

    transact(engine, lambda c: store_flux(c, [XrayMinute(NOW, 1e-6, "G15")]))

    with reading(engine) as connection:
        assert data_version(connection) != before


def test_other_models_are_not_mixed_in(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        assert latest_forecasts(connection, "climatology-120d", NOW) == {}
        assert len(hourly_forecasts(connection, "climatology-120d", NOW, hours=24).t_rec) == 0


def test_one_frame_an_hour_is_read(engine: sa.Engine) -> None:
    stock(engine)
    stock(engine, now=NOW - timedelta(minutes=12))

    with reading(engine) as connection:
        columns = hourly_forecasts(connection, MODEL, NOW, hours=24)

    mine = columns.t_rec[columns.region_id == 3894]
    assert len(mine) == 24
    assert mine[-1] == np.datetime64("2014-03-29T16:00:00")
    assert columns.probability.shape[1] == 4
    assert np.isnan(columns.probability[columns.region_id == 3856]).all()


def test_the_version_is_the_same_for_the_same_store(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        assert data_version(connection) == data_version(connection)


def test_the_latest_forecasts_are_found_by_the_key_of_each_region(engine: sa.Engine) -> None:
    stock(engine)

    if engine.dialect.name == "sqlite":
        plan = _plan(engine, "EXPLAIN QUERY PLAN ")

        assert "SEARCH regions USING INDEX ix_regions_last_t_rec" in plan
        assert "predictions USING INDEX sqlite_autoindex_predictions_1 (region_id=?" in plan
        assert "SCAN predictions" not in plan
    else:
        tables = list(_tables(json.loads(_plan(engine, "EXPLAIN FORMAT=JSON "))))

        # One probe for the newest time of each region, one for the forecast itself; for the
        # probe either index may look cheaper while a table is as small as this one.
        used = [table for table in tables if table["table_name"] == "predictions"]
        assert len(used) == 2
        assert {table["key"] for table in used} <= {"PRIMARY", "predictions_by_model_time"}
        assert {table["access_type"] for table in used} <= {"eq_ref", "ref", "range"}


def _plan(engine: sa.Engine, explain: str) -> str:
    """Explain what the store was asked for the latest forecasts, as it was asked."""
    asked: list[tuple[str, object]] = []

    def note(
        _connection: object, _cursor: object, text: str, parameters: object, *_: object
    ) -> None:
        asked.append((text, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    with reading(engine) as connection:
        latest_forecasts(connection, MODEL, NOW)
        sa.event.remove(engine, "before_cursor_execute", note)
        text, parameters = asked[-1]
        return "\n".join(row[-1] for row in connection.exec_driver_sql(explain + text, parameters))


def _tables(plan: object) -> Iterator[dict[str, str]]:
    if isinstance(plan, dict):
        if "table_name" in plan:
            yield plan
        for part in plan.values():
            yield from _tables(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from _tables(part)
