"""Whatever dies, stalls or is cut off: in the end the store holds the source, each row scored."""

from __future__ import annotations

import logging
import random
import time
from itertools import count

import pytest
from chaos.faults import draw_faults
from chaos.proxy import CLEAR, UNANSWERED
from chaos.scenario import Scenario
from chaos.senders import LONGEST_SECONDS, Senders, start_senders
from chaos.single_records import SENDERS, SingleRecordSenders, sending_single_records

FIRST_REGION, REGIONS_OF_A_ROUND = 1_000, 100
# What may come between the commit of a record and the answer to its sender.
DEADLY = (
    "answers are lost",
    "senders are cut off",
    "store is killed",
    "API is killed",
    "worker is killed",
)

_log = logging.getLogger(__name__)
pytestmark = pytest.mark.slow
rounds = count()


def wait_for_share(group: Senders | SingleRecordSenders, scenario: Scenario, share: float) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while group.share_stored(scenario.engine) < share:
        assert time.monotonic() < deadline, "the rows stopped coming"
        time.sleep(0.05)


def next_regions() -> int:
    return FIRST_REGION + REGIONS_OF_A_ROUND * next(rounds)


def test_after_faults_the_store_holds_exactly_the_source(scenario: Scenario, seed: int) -> None:
    rng = random.Random(seed)
    faults = draw_faults(rng)
    first_region = next_regions()
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


@pytest.mark.parametrize(
    ("records", "faults"), [(6, 2), pytest.param(10, 4, marks=pytest.mark.thorough)]
)
def test_records_sent_one_by_one_are_stored_once_when_they_are_answered(
    scenario: Scenario, seed: int, records: int, faults: int
) -> None:
    rng = random.Random(seed)
    drawn = draw_faults(rng, n=faults, among=DEADLY)

    regions_from = next_regions()
    with sending_single_records(scenario, regions_from=regions_from, records=records) as group:
        group.wait_until_known()
        for fault in drawn:
            wait_for_share(group, scenario, fault.at_share)
            _log.warning("%s", fault)
            fault.inflict(scenario, rng)
        group.finish()
    scenario.wait_until_ready()

    group.assert_is_stored(scenario)


@pytest.mark.thorough
def test_records_that_were_stored_without_an_answer_count_once(scenario: Scenario) -> None:
    road = scenario.roads["api"]
    lost_before = road.lost_answers

    with sending_single_records(scenario, regions_from=next_regions(), records=10) as group:
        group.wait_until_known()
        road.set(UNANSWERED)
        while road.lost_answers < lost_before + 2 * SENDERS:
            time.sleep(0.01)
        scenario.api.kill()
        road.set(CLEAR)
        scenario.api.start()
        group.finish()

    group.assert_is_stored(scenario)
