from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from stocked_store import HOURS, NOW, stock

from database.engine import reading
from database.regions.timeline import (
    find_region,
    largest_fluxes,
    measurements,
    place_at,
    search_regions,
)
from solar.errors import NotFoundError
from solar.sharp import BY_NAME
from solar.time import Window

DAY = Window(NOW - timedelta(hours=23), NOW + timedelta(hours=1))


def test_a_region_is_found_by_its_number(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        region = find_region(connection, 3894)

    assert region.noaa_ars == (12017,)
    assert region.last_t_rec == NOW
    assert region.first_t_rec == NOW - timedelta(hours=HOURS - 1)


def test_an_unknown_region_says_how_to_look_for_it(engine: sa.Engine) -> None:
    with reading(engine) as connection, pytest.raises(NotFoundError, match="search by NOAA"):
        find_region(connection, 1)


def test_regions_are_listed_with_the_most_recent_first(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        result = search_regions(connection, None)

    assert [region.region_id for region in result] == [3856, 3894, 3907, 3874]


@pytest.mark.parametrize("number", [3894, 12017])
def test_a_harp_and_a_noaa_number_find_the_same_region(engine: sa.Engine, number: int) -> None:
    stock(engine)

    with reading(engine) as connection:
        result = search_regions(connection, number)

    assert [region.region_id for region in result] == [3894]


def test_missing_measurements_are_not_a_number(engine: sa.Engine) -> None:
    stock(engine)
    keywords = [BY_NAME["USFLUX"], BY_NAME["R_VALUE"]]

    with reading(engine) as connection:
        result = measurements(connection, 3894, keywords=keywords, window=DAY)

    assert result.values.shape == (24, 2)
    np.testing.assert_array_equal(result.values[0], [1.5, np.nan])


def test_a_window_without_records_is_empty_and_keeps_its_shape(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        result = measurements(connection, 3894, keywords=[BY_NAME["USFLUX"]], window=DAY)

    assert result.values.shape == (0, 1)


def test_a_region_stands_where_its_newest_record_up_to_then_has_it(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        place = place_at(connection, 3894, NOW - timedelta(minutes=30))
        before = place_at(connection, 3894, NOW - timedelta(days=30))

    assert place is not None
    assert (place.t_rec, place.lon_fwt) == (NOW - timedelta(hours=1), 33.0)
    assert before is None


def test_the_largest_flare_of_a_region_is_that_of_its_own(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        result = largest_fluxes(connection, [3894, 3907, 3856])

    assert result == {3894: pytest.approx(2e-5), 3907: pytest.approx(5e-6)}
