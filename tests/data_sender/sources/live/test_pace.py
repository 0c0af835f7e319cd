"""A source is asked at its pace, and after failures more and more seldom."""

from __future__ import annotations

import pytest

from data_sender.delivery.client import LONGEST_BACKOFF_SECONDS, api_backoff
from data_sender.sources.live.feed import Pace


def test_the_waits_after_failures_grow_up_to_a_limit_and_begin_again_after_an_answer() -> None:
    pace = Pace(720.0)

    waits = [pace.after_failure() for _ in range(20)]
    pace.after_answer()

    # Full steps of 1, 2, 4, ... and at most five minutes, of which half is jitter.
    limits = [min(2.0**k, 300.0) for k in range(20)]
    assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits, limits, strict=True))
    assert pace.after_failure() <= 1.0


def test_the_waits_between_answers_differ_by_a_tenth_at_most() -> None:
    pace = Pace(60.0)

    waits = [pace.after_answer() for _ in range(100)]

    assert 54.0 <= min(waits) < max(waits) <= 66.0


@pytest.mark.parametrize("longest", [LONGEST_BACKOFF_SECONDS, 300.0])
def test_an_outage_of_days_is_survived(longest: float) -> None:
    pace, backoff = Pace(720.0), api_backoff()
    wait = pace.after_failure if longest == 300.0 else backoff.next_seconds

    waits = [wait() for _ in range(3_000)]

    assert max(waits) <= longest
