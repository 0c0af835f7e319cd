"""The sun block: some weeks of a simulated Sun, which a longer history repeats."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from data_sender.sources.simulation.region_life import (
    SLOTS_PER_DAY,
    RegionLife,
    SimulatedFlare,
    draw_life,
)
from data_sender.sources.simulation.region_statistics import NAMES, load_statistics
from data_sender.sources.simulation.simulation import FIRST_HARPNUM
from solar.flares import FluxScale
from solar.sharp import CADENCE_SECONDS, QUALITY_LIMIT, SIMULATED_SERIES
from solar.time import isoformat

BLOCK_DAYS = 36
# Eleven regions at a 12-min cadence: with two models ten years are ten million predictions.
RECORDS_A_DAY = 1_370
SLOTS_PER_REQUEST = 5
FIRST_NOAA_AR = 11_001
_SLOT = timedelta(seconds=CADENCE_SECONDS)


@dataclass(frozen=True)
class Delivery:
    """What a sender brings at once; `ended_at` is when the last of its slots was over."""

    ended_at: datetime
    observations: list[dict[str, Any]]


@dataclass(frozen=True)
class SunBlock:
    """The whole lives of all regions that appear within `BLOCK_DAYS` of a midnight."""

    start_at: datetime

    @cached_property
    def lives(self) -> list[RegionLife]:
        """The regions in the order of their appearance, with numbers in that order."""
        rng, statistics = np.random.default_rng(1), load_statistics()
        drawn: list[RegionLife] = []
        while sum(len(life.slots) for life in drawn) < BLOCK_DAYS * RECORDS_A_DAY:
            first = int(rng.integers(BLOCK_DAYS * SLOTS_PER_DAY))
            drawn.append(draw_life(first, harpnum=0, noaa_ar=0, statistics=statistics, rng=rng))
        drawn.sort(key=lambda life: int(life.slots[0]))
        return [
            replace(life, harpnum=FIRST_HARPNUM + 1_000 + place, noaa_ar=FIRST_NOAA_AR + place)
            for place, life in enumerate(drawn)
        ]

    def at(self, slot: float) -> datetime:
        """Return the time of a slot."""
        return self.start_at + slot * _SLOT

    def flares(self) -> list[dict[str, Any]]:
        """Return all flares as the API takes them."""
        return [self._flare(life, flare) for life in self.lives for flare in life.flares]

    def deliveries(self) -> Iterator[Delivery]:
        """Give hour after hour of records; now and then one that has to be refused."""
        last = max(int(life.slots[-1]) for life in self.lives)
        for number, first in enumerate(range(0, last + 1, SLOTS_PER_REQUEST)):
            end = first + SLOTS_PER_REQUEST
            rows = [
                self.observation(life, place)
                for life in self.lives
                for place in range(
                    max(0, first - int(life.slots[0])),
                    min(len(life.slots), end - int(life.slots[0])),
                )
            ]
            if number % 40 == 39 and rows:
                rows.append({**rows[0], "quality": QUALITY_LIMIT})
            if rows:
                yield Delivery(self.at(end), rows)

    def observation(self, life: RegionLife, place: int) -> dict[str, Any]:
        """Return a record of a region as the API takes it in JSON."""
        values = zip(NAMES, life.keywords[place].tolist(), strict=True)
        return {
            "harpnum": life.harpnum, "noaa_ars": [life.noaa_ar],
            "t_rec": isoformat(self.at(int(life.slots[place]))), "series": SIMULATED_SERIES,
            "quality": 0, "lon_fwt": float(life.lon_deg[place]),
            "lat_fwt": float(life.lat_deg[place]),
            "keywords": {name: value for name, value in values if not math.isnan(value)},
        }  # fmt: skip

    def _flare(self, life: RegionLife, flare: SimulatedFlare) -> dict[str, Any]:
        times = {
            name: isoformat(self.start_at + timedelta(seconds=seconds))
            for name, seconds in (("start", flare.start_seconds), ("peak", flare.peak_seconds),
                                  ("end", flare.end_seconds))
        }  # fmt: skip
        return {
            **times, "goes_class": flare.goes_class, "harpnum": life.harpnum,
            "noaa_ar": life.noaa_ar, "flux_scale": FluxScale.TRUE.value,
        }  # fmt: skip
