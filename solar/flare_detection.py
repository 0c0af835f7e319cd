"""Flare detection: the flare in progress, seen in the minutes of the Sun's X-ray flux.

What is said at a minute rests on this minute and those before it. Classes and start follow the
definition of SWPC; a rise too slow for it is found over 16 minutes.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from operator import attrgetter

from solar.flares import FIRST_TRUE_SATELLITE, FluxScale, goes_class

MINUTE = timedelta(minutes=1)
# The Sun has never been below A0.1 or near X1000; NOAA writes -9999, -99999 and 1e-9 for
# what was not measured.
LEAST_FLUX, MOST_FLUX = 1.01e-9, 0.1

RISING, DECLINING, ENDED, UNFINISHED = "rising", "declining", "ended", "unfinished"

# NOAA's scale of radio blackouts by the peak flux [W m-2], from rare to frequent.
R_SCALE = (("R5", 2e-3), ("R4", 1e-3), ("R3", 1e-4), ("R2", 5e-5), ("R1", 1e-5))

FAST_MINUTES, SLOW_MINUTES = 4, 16
_FAST_LEAST, _FAST_RATIO = 1e-7, 1.4
_SLOW_LEAST, _SLOW_RATIO, _SLOW_UPWARD = 5e-6, 1.3, 0.7
# Below this share of its peak a flare declines, and the next one may begin.
_DECLINED = 0.9
# A flare is lost when more than 60 minutes without a measurement follow its last one.
_LOST_AFTER = timedelta(minutes=62)
# In one minute with two satellites the one counts that measured most of the hour.
HOUR = timedelta(hours=1)
# The detectors of satellites before GOES-16 show the same highest value over and over.
_SATURATED_MINUTES, _SATURATED_FROM = 10, 1e-3
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class XrayMinute:
    """The mean flux of one minute [W m-2], None where the satellite did not measure it."""

    minute_at: datetime
    flux_w_m2: float | None
    satellite: str

    @property
    def is_good(self) -> bool:
        """Whether the value is a measurement."""
        return self.flux_w_m2 is not None and LEAST_FLUX < self.flux_w_m2 <= MOST_FLUX


@dataclass(frozen=True)
class DetectedFlare:
    """A flare as it is known at some minute.

    `detected_at` is the minute at which it was first known, and `end_known_at` the one at which
    its end was, or that there will be none; both None while it lasts. `background_w_m2` is the
    flux at its start, `peak_minutes` the number of minutes with the flux of the peak.
    """

    satellite: str
    start_at: datetime
    detected_at: datetime
    peak_at: datetime
    peak_flux_w_m2: float
    background_w_m2: float
    rule: int
    state: str = RISING
    end_at: datetime | None = None
    end_known_at: datetime | None = None
    peak_minutes: int = 1

    @property
    def event_id(self) -> str:
        """The satellite and the start, the same however often the flare is computed."""
        return f"{self.satellite}-{self.start_at:%Y%m%dT%H%MZ}"

    @property
    def flux_scale(self) -> FluxScale:
        """The scale of the satellite."""
        return flux_scale_of(self.satellite)

    @property
    def goes_class(self) -> str:
        """The class of the peak; with ≥ where the detector was saturated."""
        name = goes_class(self.peak_flux_w_m2)
        return f"≥{name}" if self._is_saturated else name

    @property
    def _is_saturated(self) -> bool:
        is_old = self.flux_scale is FluxScale.OPERATIONAL
        is_flat = self.peak_minutes >= _SATURATED_MINUTES
        return is_old and is_flat and self.peak_flux_w_m2 >= _SATURATED_FROM

    @property
    def _half_way(self) -> float:
        return self.background_w_m2 + (self.peak_flux_w_m2 - self.background_w_m2) / 2

    def _after(self, minute_at: datetime, flux: float) -> DetectedFlare:
        """Return the flare with one minute more that does not end it."""
        if flux > self.peak_flux_w_m2:
            return replace(
                self, peak_at=minute_at, peak_flux_w_m2=flux, peak_minutes=1, state=RISING
            )
        state = DECLINING if flux < _DECLINED * self.peak_flux_w_m2 else RISING
        equal = self.peak_minutes + (flux == self.peak_flux_w_m2)
        if (state, equal) == (self.state, self.peak_minutes):
            return self
        return replace(self, state=state, peak_minutes=equal)


def flux_scale_of(satellite: str) -> FluxScale:
    """Return the scale of the classes of a satellite such as ``G16`` or ``GOES-15``."""
    number = _NUMBER.search(satellite)
    is_true = number is None or int(number.group()) >= FIRST_TRUE_SATELLITE
    return FluxScale.TRUE if is_true else FluxScale.OPERATIONAL


def r_scale(flux_w_m2: float) -> str | None:
    """Return the level of radio blackout that a flux [W m-2] reaches, None below R1."""
    return next((name for name, least in R_SCALE if flux_w_m2 >= least), None)


class FlareDetector:
    """The state machine: fed a minute at a time, in order and each once, it knows one flare.

    Parameters
    ----------
    before : the minutes before the first that is fed, of which the last 16 matter
    """

    def __init__(self, before: Iterable[XrayMinute] = ()) -> None:
        self.flare: DetectedFlare | None = None
        # Good minutes of one satellite without a hole, up to the newest one.
        self._run: deque[tuple[datetime, float]] = deque(maxlen=SLOW_MINUTES)
        self._satellite = ""
        self._last_at: datetime | None = None
        for minute in before:
            self._remember(minute)

    def resume(self, *, start_at: datetime, rule: int) -> None:
        """Take up a flare at the minute that was fed last, at which it was detected.

        Without its minutes, which may have been deleted since, there is no flare.
        """
        starts = [i for i, (at, _) in enumerate(self._run) if at == start_at]
        self.flare = self._begun(starts[0], rule) if starts else None

    def feed(self, minute: XrayMinute) -> DetectedFlare | None:
        """Take the next minute; return the flare that it ended, if any."""
        flux = minute.flux_w_m2
        if flux is None or not minute.is_good:
            return None
        lost = self._lost(minute)
        self._remember(minute)
        if self.flare is None:
            self.flare = self._detected()
            return lost
        self.flare = self.flare._after(minute.minute_at, flux)
        return self._ended(minute.minute_at, flux)

    def pass_time(self, now: datetime) -> DetectedFlare | None:
        """Return the flare that is lost because nothing good came for so long."""
        if self.flare is None or self._last_at is None:
            return None
        lost_at = self._last_at + _LOST_AFTER
        return None if now < lost_at else self._close(UNFINISHED, None, lost_at)

    def _lost(self, minute: XrayMinute) -> DetectedFlare | None:
        if self.flare is None or self._last_at is None:
            return None
        lost_at = self._last_at + _LOST_AFTER
        if minute.minute_at < lost_at and minute.satellite == self._satellite:
            return None
        return self._close(UNFINISHED, None, min(minute.minute_at, lost_at))

    def _remember(self, minute: XrayMinute) -> None:
        if minute.flux_w_m2 is None or not minute.is_good:
            return
        follows = self._last_at is not None and minute.minute_at - self._last_at == MINUTE
        if not follows or minute.satellite != self._satellite:
            self._run.clear()
        self._run.append((minute.minute_at, minute.flux_w_m2))
        self._satellite, self._last_at = minute.satellite, minute.minute_at

    def _ended(self, minute_at: datetime, flux: float) -> DetectedFlare | None:
        flare = self.flare
        if flare is None:
            return None
        if flux <= flare._half_way:
            ended = self._close(ENDED, minute_at, minute_at)
            if self._rises_fast():
                self.flare = self._begun(len(self._run) - FAST_MINUTES, 1)
            return ended
        if flux >= _DECLINED * flare.peak_flux_w_m2 or not self._rises_fast():
            return None
        trough_at = self._run[-FAST_MINUTES][0]
        if trough_at <= flare.peak_at:
            return None
        ended = self._close(ENDED, trough_at, minute_at)
        self.flare = self._begun(len(self._run) - FAST_MINUTES, 1)
        return ended

    def _close(
        self, state: str, end_at: datetime | None, known_at: datetime
    ) -> DetectedFlare | None:
        flare, self.flare = self.flare, None
        return flare and replace(flare, state=state, end_at=end_at, end_known_at=known_at)

    def _detected(self) -> DetectedFlare | None:
        if self._rises_fast():
            return self._begun(len(self._run) - FAST_MINUTES, 1)
        if self._rises_slowly():
            values = [flux for _, flux in self._run]
            return self._begun(values.index(min(values)), 2)
        return None

    def _rises_fast(self) -> bool:
        run = self._run
        if len(run) < FAST_MINUTES or not run[-1][1] > _FAST_RATIO * run[-4][1]:
            return False
        return _FAST_LEAST <= run[-4][1] < run[-3][1] < run[-2][1] < run[-1][1]

    def _rises_slowly(self) -> bool:
        run = self._run
        if len(run) < SLOW_MINUTES or run[-1][1] < _SLOW_LEAST:
            return False
        values = [flux for _, flux in run]
        upward = sum(later > earlier for earlier, later in pairwise(values))
        return (
            values[-1] == max(values)
            and values[-1] > _SLOW_RATIO * min(values)
            and upward > _SLOW_UPWARD * (SLOW_MINUTES - 1)
        )

    def _begun(self, start: int, rule: int) -> DetectedFlare:
        """Return a flare that began at this place of the run and is detected at its end."""
        minutes = list(self._run)[start:]
        peak_at, peak = max(minutes, key=lambda minute: minute[1])
        equal = sum(flux == peak for _, flux in minutes)
        (start_at, background), (detected_at, flux) = minutes[0], minutes[-1]
        state = DECLINING if flux < _DECLINED * peak else RISING
        return DetectedFlare(
            self._satellite, start_at, detected_at, peak_at, peak, background, rule, state,
            peak_minutes=equal,
        )  # fmt: skip


def one_a_minute(minutes: Iterable[XrayMinute]) -> Iterator[XrayMinute]:
    """Return one of the satellites of each minute: that with most good minutes of the last hour.

    Of two with as many it is the first by name. The minutes come in order.
    """
    recent: deque[XrayMinute] = deque()
    counts: dict[str, int] = {}
    for minute_at, group in groupby(minutes, key=attrgetter("minute_at")):
        candidates = list(group)
        for candidate in candidates:
            if candidate.is_good:
                recent.append(candidate)
                counts[candidate.satellite] = counts.get(candidate.satellite, 0) + 1
        while recent and recent[0].minute_at <= minute_at - HOUR:
            counts[recent.popleft().satellite] -= 1
        yield min(candidates, key=lambda one: (-counts.get(one.satellite, 0), one.satellite))


def detect(minutes: Sequence[XrayMinute]) -> list[DetectedFlare]:
    """Return the flares in minutes of any order; the last may be in progress."""
    in_order = sorted(minutes, key=attrgetter("minute_at", "satellite"))
    detector = FlareDetector()
    found = [ended for one in one_a_minute(in_order) if (ended := detector.feed(one)) is not None]
    return found if detector.flare is None else [*found, detector.flare]
