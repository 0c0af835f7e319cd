from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from solar.flares import EVENTS
from solar.strata import ACTIVE, HISTORY_UNKNOWN, LONGITUDE_UNKNOWN, QUIET, history, longitude_band
from solar.time import Window
from solar.truth import Truth

M1 = EVENTS[1]
PEAK = np.datetime64("2014-03-04T00:00", "us")
HOUR = np.timedelta64(1, "h")
COVERED = Window(datetime(2014, 2, 1, tzinfo=UTC), datetime(2014, 4, 1, tzinfo=UTC))


def truth(*, region: int = 1, flux: float = 1e-5, covered: Window = COVERED) -> Truth:
    return Truth(np.array([PEAK]), np.array([flux]), np.array([region]), [covered])


@pytest.mark.parametrize(
    ("hours_after", "expected"),
    # The peak belongs to the 72 h before from its own time on, which is not yet past at 0.
    [(-1, QUIET), (0, QUIET), (1, ACTIVE), (72, ACTIVE), (73, QUIET)],
)
def test_a_region_is_active_for_three_days_after_a_flare(hours_after, expected) -> None:
    t = np.array([PEAK + hours_after * HOUR])

    assert history(truth(), M1, t, region_id=np.array([1])).tolist() == [expected]


def test_a_flare_elsewhere_leaves_a_region_quiet_but_not_the_disk() -> None:
    t = np.array([PEAK + HOUR])

    assert history(truth(), M1, t, region_id=np.array([2])).tolist() == [QUIET]
    assert history(truth(), M1, t).tolist() == [ACTIVE]


def test_a_flare_of_nobody_leaves_the_regions_unknown_and_the_disk_active() -> None:
    t, nobody = np.array([PEAK + HOUR]), truth(region=0)

    assert history(nobody, M1, t, region_id=np.array([2])).tolist() == [HISTORY_UNKNOWN]
    assert history(nobody, M1, t).tolist() == [ACTIVE]


def test_a_weaker_flare_does_not_end_the_quiet() -> None:
    assert history(truth(flux=9e-6), M1, np.array([PEAK + HOUR])).tolist() == [QUIET]


def test_a_list_that_begins_within_the_three_days_cannot_tell_quiet() -> None:
    late = Window(datetime(2014, 3, 3, tzinfo=UTC), COVERED.end_at)
    t = np.array([PEAK + HOUR, PEAK + 48 * HOUR])

    told = history(truth(covered=late, flux=1e-6), M1, t)

    assert told.tolist() == [HISTORY_UNKNOWN, QUIET]


def test_a_band_holds_its_eastern_end_and_the_last_one_the_limb() -> None:
    longitudes = [-90, -60.1, -60, -0.1, 0, 59.9, 60, 90, 90.1, -91, np.nan]

    assert longitude_band(longitudes).tolist() == [
        0, 0, 1, 2, 3, 4, 5, 5, LONGITUDE_UNKNOWN, LONGITUDE_UNKNOWN, LONGITUDE_UNKNOWN,
    ]  # fmt: skip
