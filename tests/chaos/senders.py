"""The senders of a round, each with a source, and what the store must hold of them."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import requests
import sqlalchemy as sa
from chaos.scenario import Program, Scenario
from pyarrow import parquet

from database.delivery.row_outcomes import OUTCOMES
from database.schema.tables import observations, predictions
from model_training.registry import ARTIFACTS
from solar.sharp import LIVE_KEYWORDS
from solar.stages import read_stages

SENDERS, REGIONS, STEPS = 3, 4, 300
STEP = np.timedelta64(12, "m")
# The rows of a round come in six seconds, however fast the machine.
SPEED = STEPS * 12 * 60 / 6
BATCH = 50
LONGEST_SECONDS = 240.0

Key = tuple[int, Any]


@dataclass(frozen=True)
class Senders:
    """The senders of one round by name, their files, and the regions that are theirs."""

    senders: dict[str, Program]
    files: list[Path]
    regions: range

    def expected(self) -> dict[Key, tuple[Any, ...]]:
        """Return what the files hold, by region and time: position, quality and keywords."""
        names = ("LON_FWT", "LAT_FWT", "QUALITY", *(k.name for k in LIVE_KEYWORDS))
        found: dict[Key, tuple[Any, ...]] = {}
        for path in self.files:
            table = parquet.read_table(path)
            keys = zip(table["HARPNUM"].to_pylist(), table["T_REC"].to_pylist(), strict=True)
            values = zip(*(table[name].to_pylist() for name in names), strict=True)
            found |= dict(zip(keys, values, strict=True))
        return found

    def stored(self, engine: sa.Engine) -> dict[Key, tuple[Any, ...]]:
        """Return what the store holds of the regions, in the same shape."""
        c = observations.c
        columns = [c.lon_fwt, c.lat_fwt, c.quality, *(c[k.column] for k in LIVE_KEYWORDS)]
        query = sa.select(c.region_id, c.t_rec, *columns).where(self._is_ours(c.region_id))
        with engine.connect() as connection:
            return {(row[0], row[1]): tuple(row[2:]) for row in connection.execute(query)}

    def scored(self, engine: sa.Engine, *, model_id: str) -> set[Key]:
        """Return the records for which a model has said a probability, or why it says none."""
        c = predictions.c
        says = sa.or_(c.m1.is_not(None), c.reason.is_not(None))
        query = sa.select(c.region_id, c.t_rec).where(
            self._is_ours(c.region_id), c.model_id == model_id, says
        )
        with engine.connect() as connection:
            return {(row[0], row[1]) for row in connection.execute(query)}

    def share_stored(self, engine: sa.Engine) -> float:
        """Return how much of the round is stored, from 0 to 1."""
        query = sa.select(sa.func.count()).select_from(observations)
        with engine.connect() as connection:
            n = connection.scalar(query.where(self._is_ours(observations.c.region_id)))
        return float(n or 0) / (len(self.regions) * STEPS)

    def counters(self, scenario: Scenario) -> dict[str, dict[str, Any]]:
        """Return what the API has counted of each sender."""
        answer = requests.get(f"{scenario.url}/api/v1/senders?limit=1000", timeout=30)
        return {item["sender"]: item for item in answer.json()["items"]
                if item["sender"] in self.senders}  # fmt: skip

    def assert_is_stored(self, scenario: Scenario) -> None:
        """Compare store and source row by row, and what the API has counted with both."""
        expected = self.expected()
        assert self.stored(scenario.engine) == expected
        live = read_stages(ARTIFACTS).live
        assert live is not None
        assert self.scored(scenario.engine, model_id=live) == expected.keys()
        counters = self.counters(scenario)
        assert counters.keys() == self.senders.keys()
        for row in counters.values():
            assert row["sent"] == sum(row[name] for name in OUTCOMES)
            assert (row["lost"], row["revised"], row["rejected"]) == (0, 0, 0)
        assert sum(row["accepted"] for row in counters.values()) == len(expected)

    def finish(self, scenario: Scenario) -> None:
        """Wait until every sender has delivered everything and ended by itself."""
        deadline = time.monotonic() + LONGEST_SECONDS
        for sender in self.senders.values():
            assert sender.process is not None
            status = sender.process.wait(max(1.0, deadline - time.monotonic()))
            assert status == 0, sender.log.read_text()[-2000:]
        scenario.senders.clear()

    def _is_ours(self, region: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        return region.between(self.regions.start, self.regions.stop - 1)


def start_senders(
    scenario: Scenario,
    rng: random.Random,
    *,
    regions_from: int,
    n: int = SENDERS,
    speed: float | str = SPEED,
    is_shared: bool = False,
    within: Sequence[str] = (),
) -> Senders:
    """Write the sources of a round and start its n senders.

    Each has a file of its own, of which the first region is also in the one before: what comes
    twice counts once. Or all share all the files, by leases.
    """
    own = REGIONS - 1
    group = Senders({}, [], range(regions_from, regions_from + own * n + 1))
    for first in group.regions[:-1:own]:
        group.files.append(scenario.folder / f"{first}.parquet")
        write_source(group.files[-1], range(first, first + REGIONS))
    for path in group.files:
        paths = [*map(str, group.files), "--shard", "auto"] if is_shared else [str(path)]
        # Each round begins anew in the same store, at a pace of its own.
        pace = ["--speed", str(speed), "--batch", str(BATCH), "--clock", "wall"]
        name = f"from-{path.stem}"
        group.senders[name] = scenario.add_sender(name, "replay", *paths, *pace, within=within)
    scenario.senders[:] = group.senders.values()
    for sender in scenario.senders:
        sender.start()
        time.sleep(rng.uniform(0.0, 0.3))
    return group


def write_source(path: Path, regions: range) -> None:
    """Write values of which none is like another; a region has the same in every file."""
    n = STEPS
    levels = [np.random.default_rng(r).uniform(0.0005, 0.02, (n, len(LIVE_KEYWORDS)))
              for r in regions]  # fmt: skip
    level = np.concatenate(levels)
    times = np.tile(np.datetime64("2024-05-01", "us") + np.arange(n) * STEP, len(regions))
    table = {
        "HARPNUM": np.repeat(list(regions), n),
        "T_REC": pa.array(times, pa.timestamp("us", tz="UTC")),
        "QUALITY": np.zeros(len(level)),
        "LON_FWT": np.repeat([10.0 * (region % 7) - 30.0 for region in regions], n),
        "LAT_FWT": np.full(len(level), 12.0),
    }
    for place, keyword in enumerate(LIVE_KEYWORDS):
        table[keyword.name] = keyword.low + (keyword.high - keyword.low) * level[:, place]
    parquet.write_table(pa.table(table), path)
