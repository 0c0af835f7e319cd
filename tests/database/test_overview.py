from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from stocked_store import MODEL, NOW, stock

from database.engine import reading
from database.hourly import hourly_forecasts
from database.overview import current_regions, data_state, data_version, latest_forecasts


def test_an_empty_store_has_a_state_without_values(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        state = data_state(connection)

    assert (state.newest_t_rec, state.last_ingest_at, state.model) == (None, None, None)
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
        found = current_regions(connection, NOW + timedelta(hours=13))

    # The region last seen 11 h before NOW is exactly 24 h old.
    assert [region.region_id for region in found] == [3856, 3894, 3907]


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


def test_the_latest_forecasts_are_served_by_an_index(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    plan = "EXPLAIN QUERY PLAN SELECT region_id, MAX(t_rec) FROM predictions WHERE model_id = 'a'"
    plan += " AND t_rec > '2014-03-28' AND t_rec <= '2014-03-29' GROUP BY region_id"

    with reading(engine_sqlite) as connection:
        steps = " ".join(str(row) for row in connection.exec_driver_sql(plan))

    assert "predictions_by_model_time (model_id=? AND t_rec>? AND t_rec<?)" in steps
