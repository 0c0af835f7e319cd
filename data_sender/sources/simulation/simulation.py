"""A simulated Sun: active regions emerge, grow and decay; a pure function of seed and time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.source import Chunk, FlareReport
from data_sender.sources.simulation.region_life import (
    FURTHEST_DEG,
    SLOTS_PER_DAY,
    RegionLife,
    SimulatedFlare,
    draw_life,
    rotation_deg_per_day,
    six_digits,
)
from data_sender.sources.simulation.region_statistics import NAMES, RegionStatistics
from data_sender.sources.simulation.xray_flux import SATELLITE, flux_of_day
from data_sender.xrays import XrayMinutes
from solar.columns import Coded, Floats
from solar.errors import InvalidInputError
from solar.flares import FluxScale
from solar.full_disk import REACH_DAYS
from solar.observations import keyword_matrix, one_number_each
from solar.sharp import CADENCE_SECONDS, SIMULATED_SERIES
from solar.time import tai_to_utc

FIRST_HARPNUM = 900_001
FIRST_NOAA_AR = 90_001
# NOAA numbers have five digits; a busy Sun uses them again, years later.
_NOAA_ARS = 9_999
# Days are counted from here, TAI; nothing is simulated before it.
EPOCH = np.datetime64("2010-05-01", "us")
_LAST_DAY = 60 * 366
_NEVER = np.datetime64("9999-01-01", "us")
_LONGEST_LIFE_DAYS = int(np.ceil(2 * FURTHEST_DEG / rotation_deg_per_day(35.0))) + 1
_MEAN_LIFE_DAYS = 9.12
_DAY = np.timedelta64(1, "D")
_SECOND = np.timedelta64(1, "s")
# In the two eclipse seasons the Earth hides the Sun from SDO for up to 72 min a day, around
# 07 UT; other outages happen on every tenth day.
_ECLIPSE_SEASONS = ((36, 62), (220, 246))
_ECLIPSE_SLOTS = range(34, 39)
_OUTAGE_SHARE = 0.1
# Near-real-time records are made half an hour after their time. The definitive record of each
# full hour comes days later, with slightly other values; on the real Sun it takes five weeks.
_MADE_AFTER = np.timedelta64(30, "m")
_DEFINITIVE_DAYS = 4
_REVISION = 0.005
_MINUTE = np.timedelta64(1, "m")
_HISTORY = REACH_DAYS * _DAY


@dataclass(frozen=True)
class Sun:
    """All active regions of one seed; `regions` are on the disk at a time, on average."""

    seed: int
    regions: float
    statistics: RegionStatistics

    def births(self) -> NDArray[np.int64]:
        """Return how many regions appear before each day since the epoch (days + 1,)."""
        rng = np.random.default_rng((self.seed, 0))
        counts = rng.poisson(self.regions / _MEAN_LIFE_DAYS, _LAST_DAY)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def lives(self, day: int, births: NDArray[np.int64]) -> list[RegionLife]:
        """Draw the lives of the regions that appear on a day since the epoch."""
        return [self._life(day, int(number)) for number in range(births[day], births[day + 1])]

    def is_observed(self, day: int) -> NDArray[np.bool_]:
        """Tell for each slot of a day (120,) whether the instrument saw the Sun."""
        rng = np.random.default_rng((self.seed, 1, day))
        seen = np.ones(SLOTS_PER_DAY, bool)
        if rng.random() < _OUTAGE_SHARE:
            start = int(rng.integers(SLOTS_PER_DAY))
            seen[start : start + int(rng.integers(1, 8))] = False
        if any(first <= _day_of_year(day) <= last for first, last in _ECLIPSE_SEASONS):
            seen[_ECLIPSE_SLOTS] = False
        return seen

    def flux(self, day: int, lives: list[RegionLife]) -> Floats:
        """Return the X-ray flux (1440,) of the minutes of a day since the epoch [W m-2]."""
        return flux_of_day(day, lives, day_of_year=_day_of_year(day), seed=self.seed)

    def revised(self, rows: Rows, day: int) -> Rows:
        """Return the definitive records of full hours of a day, which leave when they are made."""
        seconds = ((rows.t_rec - rows.t_rec.astype("datetime64[h]")) / _SECOND).astype(int)
        hourly = rows.take(seconds >= 3600 - CADENCE_SECONDS)
        rng = np.random.default_rng((self.seed, 4, day))
        noise = 1.0 + rng.normal(0.0, _REVISION, hourly.keywords.shape)
        made_at = hourly.t_rec + _DEFINITIVE_DAYS * _DAY
        keywords = six_digits(hourly.keywords * noise)
        return replace(hourly, keywords=keywords, made_at=made_at, leaves_at=made_at)

    def _life(self, day: int, number: int) -> RegionLife:
        rng = np.random.default_rng((self.seed, 2, number))
        return draw_life(
            day * SLOTS_PER_DAY + int(rng.integers(SLOTS_PER_DAY)),
            harpnum=FIRST_HARPNUM + number,
            noaa_ar=FIRST_NOAA_AR + number % _NOAA_ARS,
            statistics=self.statistics,
            rng=rng,
        )


def _day_of_year(day: int) -> int:
    date = (EPOCH + day * _DAY).astype("datetime64[D]")
    return int((date - date.astype("datetime64[Y]")).astype(np.int64)) + 1


class Simulation:
    """Observations, flares and X-ray flux of a simulated Sun in a stretch of time, day by day.

    The Sun does not depend on the stretch: two that overlap agree there.
    """

    continues_past_end = False
    flare_source = "simulated"

    def __init__(
        self, sun: Sun, start_at: np.datetime64, end_at: np.datetime64 | None = None
    ) -> None:
        if start_at < EPOCH + _DAY:
            raise InvalidInputError(f"--start {start_at}Z: the simulated Sun begins at {EPOCH}Z")
        if end_at is not None and end_at <= start_at:
            raise InvalidInputError("--duration must be positive")
        self._sun = sun
        self.start_at, self._covers_from = start_at, _listed_from(start_at)
        self._end_at = _NEVER if end_at is None else end_at
        self.fingerprint = hashlib.sha256(f"{sun.seed} {sun.regions}".encode()).hexdigest()

    @property
    def covers_from(self) -> np.datetime64 | None:
        """Every flare of the last pass since then is published; at first those of months before."""
        return self._covers_from

    def beginning(self, start_at: np.datetime64) -> Simulation:
        """Return the same stretch of the same Sun, moved to another start."""
        end_at = None if self._end_at == _NEVER else start_at + (self._end_at - self.start_at)
        return Simulation(self._sun, start_at, end_at)

    def listed_through(self, moment: np.datetime64) -> np.datetime64:
        """The same time: each flare is published when it has ended."""
        return moment

    def chunks(self, position: Position) -> Iterator[Chunk]:
        """Yield one day after the other, from the start or the position, whichever is later."""
        begin, self._covers_from = self.start_at, _listed_from(self.start_at)
        listed_from = self._covers_from
        if position.through is not None and position.through >= begin:
            # From the position itself: a batch may have ended between two regions of that time.
            begin = listed_from = position.through
            self._covers_from = begin if position.covered_to is None else position.covered_to
        births = self._sun.births()
        day = int((begin - EPOCH) // _DAY)
        oldest = min(day - _DEFINITIVE_DAYS, int((listed_from - EPOCH) // _DAY))
        first = max(0, oldest - _LONGEST_LIFE_DAYS)
        lives = [life for one in range(first, day) for life in self._sun.lives(one, births)]
        earlier = _reports(lives, listed_from, min(begin, self._end_at))
        # As with a file, minutes of the day before show the flux of the first record.
        minutes_from = begin - _DAY
        while tai_to_utc(_tai([day * SLOTS_PER_DAY]))[0] < self._end_at:
            # Regions that are gone have definitive records to come, and flares that end.
            oldest = (day - 1 - _DEFINITIVE_DAYS) * SLOTS_PER_DAY
            lives = [life for life in lives if life.last_slot >= oldest]
            lives += self._sun.lives(day, births)
            yield self._chunk(day, lives, begin, minutes_from, earlier)
            day, earlier = day + 1, ()
            minutes_from = np.datetime64(EPOCH + day * _DAY)

    def _chunk(
        self,
        day: int,
        lives: list[RegionLife],
        begin: np.datetime64,
        minutes_from: np.datetime64,
        earlier: tuple[FlareReport, ...],
    ) -> Chunk:
        rows = self._records(day, lives)
        rows = rows.take((rows.times() >= begin) & (rows.times() < self._end_at))
        midnight = EPOCH + day * _DAY
        ended = _reports(lives, max(begin, midnight), min(midnight + _DAY, self._end_at))
        return Chunk(rows, earlier + ended, self._minutes(day, lives, minutes_from))

    def _records(self, day: int, lives: list[RegionLife]) -> Rows:
        """Return what leaves on a day: its records, and definitive ones of days before."""
        rows = _rows(lives, day, self._sun.is_observed(day))
        before = day - _DEFINITIVE_DAYS
        earlier = _rows(lives, before, self._sun.is_observed(before))
        earlier = earlier.take(earlier.t_rec >= self.start_at)
        both = Rows.concatenate([rows, self._sun.revised(earlier, before)])
        return both.take(np.lexsort((both.harpnum, both.t_rec, both.times())))

    def _minutes(self, day: int, lives: list[RegionLife], since: np.datetime64) -> XrayMinutes:
        """Return the minutes of a day, and those before it from a time on."""
        first = min(day, int((since - EPOCH) // _DAY))
        flux = np.concatenate([self._sun.flux(one, lives) for one in range(first, day + 1)])
        start = EPOCH + first * _DAY
        times = start + np.arange(len(flux)) * _MINUTE
        # A minute is known when it is over.
        minutes = XrayMinutes(times + _MINUTE, times, flux, np.full(len(flux), SATELLITE))
        return minutes.take((times >= since) & (times < self._end_at))


def _rows(lives: list[RegionLife], day: int, seen: NDArray[np.bool_]) -> Rows:
    """Cut one day out of the lives, in event time and without the unseen slots."""
    first = day * SLOTS_PER_DAY
    cuts = [
        np.flatnonzero(
            (life.slots >= first)
            & (life.slots < first + SLOTS_PER_DAY)
            & seen[(life.slots - first) % SLOTS_PER_DAY]
        )
        for life in lives
    ]
    pairs = list(zip(lives, cuts, strict=True))

    def column(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(life, name)[cut] for life, cut in pairs])

    counts = [len(cut) for cut in cuts]
    keywords = column("keywords") if lives else np.empty((0, len(NAMES)))
    total = sum(counts)
    t_rec = tai_to_utc(_tai(column("slots") if lives else []))
    return Rows(
        series=Coded.constant(SIMULATED_SERIES, total),
        t_rec=t_rec,
        harpnum=np.repeat([life.harpnum for life in lives], counts).astype(np.int64),
        noaa_ars=one_number_each(
            np.repeat([life.noaa_ar for life in lives], counts).astype(np.int64)
        ),
        made_at=t_rec + _MADE_AFTER,
        lon_fwt=column("lon_deg") if lives else np.empty(0),
        lat_fwt=column("lat_deg") if lives else np.empty(0),
        quality=np.zeros(total),
        has_quality=np.ones(total, bool),
        keywords=keyword_matrix(dict(zip(NAMES, keywords.T, strict=True)), total),
        leaves_at=t_rec,
    ).sorted()


def _tai(slots: NDArray[np.int64] | list[int]) -> NDArray[np.datetime64]:
    seconds = np.asarray(slots, np.int64) * CADENCE_SECONDS
    return EPOCH + seconds.astype("timedelta64[s]")


def _listed_from(start_at: np.datetime64) -> np.datetime64:
    """Return from when on flares are listed: as far back as any forecast looks."""
    return max(start_at - _HISTORY, EPOCH)


def _reports(
    lives: list[RegionLife], begin: np.datetime64, end: np.datetime64
) -> tuple[FlareReport, ...]:
    """Return the flares that ended in [begin, end), in that order."""
    first, last = ((time - EPOCH) / _SECOND for time in (begin, end))
    reports = [
        _report(life, flare)
        for life in lives
        for flare in life.flares
        if first <= flare.end_seconds < last
    ]
    return tuple(sorted(reports, key=lambda report: report.ended_at))


def _report(life: RegionLife, flare: SimulatedFlare) -> FlareReport:
    """Write a flare as the API accepts it; its times become full UTC minutes."""
    times = (flare.start_seconds, flare.peak_seconds, flare.end_seconds)
    start, peak, end = (EPOCH + np.timedelta64(int(seconds), "s") for seconds in times)
    body: dict[str, Any] = {
        "start": f"{start.astype('datetime64[s]')}Z",
        "peak": f"{peak.astype('datetime64[s]')}Z",
        "end": f"{end.astype('datetime64[s]')}Z",
        "goes_class": flare.goes_class,
        "flux_scale": FluxScale.TRUE.value,
    }
    if flare.is_located:
        body |= {"noaa_ar": life.noaa_ar, "harpnum": life.harpnum}
    return FlareReport(start, end, body)
