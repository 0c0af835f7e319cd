"""Whatever dies, stalls or is cut off: in the end the store holds the source, each row scored."""

from __future__ import annotations

import logging
import random
import time
from itertools import count

import pytest
from chaos.faults import draw_faults
from chaos.scenario import Scenario
from chaos.senders import LONGEST_SECONDS, Senders, start_senders

FIRST_REGION, REGIONS_OF_A_ROUND = 1_000, 100

_log = logging.getLogger(__name__)
pytestmark = pytest.mark.slow
rounds = count()


def wait_for_share(group: Senders, scenario: Scenario, share: float) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while group.share_stored(scenario.engine) < share:
        assert time.monotonic() < deadline, "the rows stopped coming"
        time.sleep(0.05)


def test_after_faults_the_store_holds_exactly_the_source(scenario: Scenario, seed: int) -> None:
    rng = random.Random(seed)
    faults = draw_faults(rng)
    first_region = FIRST_REGION + REGIONS_OF_A_ROUND * next(rounds)
    # In every other round the senders share their sources by leases.
    group = start_senders(scenario, rng, regions_from=first_region, is_shared=seed % 2 == 0)

    for fault in faults:
        wait_for_share(group, scenario, fault.at_share)
        # pytest shows what was played when a round fails.
        _log.warning("%s", fault)
        fault.inflict(scenario, rng)
    group.finish(scenario)
    scenario.wait_until_ready()

    group.assert_is_stored(scenario)
