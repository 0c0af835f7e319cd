"""Whatever dies, stalls or is cut off: in the end the store holds the source, each row scored."""

from __future__ import annotations

import logging
import random
import time
from itertools import count

import pytest
from chaos.cast import LONGEST_SECONDS, Cast, engage
from chaos.script import write_script
from chaos.theatre import Theatre

FIRST_REGION, REGIONS_OF_A_ROUND = 1_000, 100

_log = logging.getLogger(__name__)
pytestmark = pytest.mark.slow
rounds = count()


def wait_for_share(cast: Cast, theatre: Theatre, share: float) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while cast.share_stored(theatre.engine) < share:
        assert time.monotonic() < deadline, "the rows stopped coming"
        time.sleep(0.05)


def test_after_faults_the_store_holds_exactly_the_source(theatre: Theatre, seed: int) -> None:
    rng = random.Random(seed)
    script = write_script(rng)
    first_region = FIRST_REGION + REGIONS_OF_A_ROUND * next(rounds)
    # In every other round the senders share their sources by leases.
    cast = engage(theatre, rng, regions_from=first_region, is_shared=seed % 2 == 0)

    for scene in script:
        wait_for_share(cast, theatre, scene.at_share)
        # pytest shows what was played when a round fails.
        _log.warning("%s", scene)
        scene.play(theatre, rng)
    cast.finish(theatre)
    theatre.wait_until_ready()

    cast.assert_is_stored(theatre)
