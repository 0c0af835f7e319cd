"""Alerting: when the probability of an event becomes an alert of a region, and when it ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from solar.errors import InvalidInputError
from solar.flares import EVENTS, Event
from solar.windows import DAY, WINDOWS

# What a rule may name: from frequent to rare, and of each class the shortest window first.
ALERTED: tuple[Event, ...] = tuple(e.within(window) for e in EVENTS for window in WINDOWS)
# NOAA's radio blackout scale begins at M1; what lies below has no effect to grade.
SEVERITIES = {"C1.0": "R0", "M1.0": "R1", "M5.0": "R2", "X1.0": "R3"}

OFF_FACTOR = 0.6
# Three records at 12-minute cadence, two at an hourly one: a single frame raises nothing.
SUSTAIN = timedelta(minutes=24)
# The last warning's own window has passed; and it is a whole period of the 24-h oscillation of
# the instrument, so that no trough of it, nor of the 12-h one, can end an alert.
SETTLE = DAY.validity
COOL_DOWN = timedelta(hours=6)
REOPEN_FACTOR = 2.0
_HOUR = timedelta(hours=1)


class Phase(StrEnum):
    """The state of a region and an event between two records."""

    IDLE = "idle"
    RISING = "rising"
    OPEN = "open"
    RESTING = "resting"


@dataclass(frozen=True)
class Rule:
    """The conditions under which an event is alerted.

    An alert opens once the probability has been at `on` or above over `sustain`. It closes
    `settle` after the last probability of `off` or above. For `cool_down` after that, only
    `reopen` times `on` counts. An event of another window than the next 24 h has one probability
    an hour.
    """

    event: Event
    on: float
    off: float
    sustain: timedelta = SUSTAIN
    settle: timedelta = SETTLE
    cool_down: timedelta = COOL_DOWN
    reopen: float = REOPEN_FACTOR

    def __post_init__(self) -> None:
        if not 0 < self.off <= self.on <= 1:
            raise InvalidInputError(
                f"the thresholds of {self.event.label}, on {self.on:g} and off {self.off:g},"
                " are no alert rule; choose 0 < off <= on <= 1"
            )
        if min(self.sustain, self.cool_down) < timedelta(0) or self.settle <= timedelta(0):
            raise InvalidInputError(
                f"the rule of {self.event.label} has a negative duration, or none to settle;"
                " sustain and cool_down may be 0, settle must be longer"
            )
        if self.settle <= self.event.window.latency:
            raise InvalidInputError(
                f"the rule of {self.event.label} settles in {self.settle / _HOUR:g} h, before what"
                f" it announces begins; choose more than {self.event.window.latency / _HOUR:g} h"
            )
        if self.reopen < 1:
            raise InvalidInputError(
                f"the rule of {self.event.label} reopens at {self.reopen:g} times its threshold;"
                " choose 1 or more"
            )

    @property
    def severity(self) -> str:
        """The step of the radio blackout scale that the event reaches."""
        return SEVERITIES[self.event.goes_class]


@dataclass(frozen=True)
class Episode:
    """One alert as the probabilities make it; `last_over_at` is the last of `off` or above."""

    opened_at: datetime
    opened_probability: float
    peak_at: datetime
    peak_probability: float
    last_probability: float
    last_over_at: datetime
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self.closed_at is None


@dataclass(frozen=True)
class Track:
    """The state of a region and an event after the record at `last_t_rec`.

    `rising_at` is the first, `last_over_at` the last record of `on` or above while an alert
    is about to open; `episode` is the alert that is open or rests.
    """

    last_t_rec: datetime
    rising_at: datetime | None = None
    last_over_at: datetime | None = None
    episode: Episode | None = None

    @property
    def phase(self) -> Phase:
        """The state of the region."""
        if self.episode is not None and self.episode.is_open:
            return Phase.OPEN
        if self.rising_at is not None:
            return Phase.RISING
        return Phase.IDLE if self.episode is None else Phase.RESTING


Sample = tuple[datetime, float | None]


def follow(
    rule: Rule, track: Track | None, samples: Iterable[Sample]
) -> tuple[Track | None, list[Episode]]:
    """Apply a rule to the forecasts of one region.

    Parameters
    ----------
    track : its state before; None is idle
    samples : time and probability, ascending; None is no forecast, which neither opens nor
        prolongs an alert. What is not newer than the track is left out: a late record does
        not change what has been decided.

    Returns
    -------
    the state after them, None when there is nothing to remember, and every alert that began or
    changed, in order of time. The same samples give the same however they are cut into batches.
    """
    fresh = [sample for sample in samples if track is None or sample[0] > track.last_t_rec]
    episodes: dict[datetime, Episode] = {}
    place = 0
    while place < len(fresh):
        here = track or Track(fresh[place][0])
        if here.episode is not None and here.episode.is_open:
            track, place = _through_alert(rule, here.episode, fresh, place)
        else:
            track, place = _through_quiet(rule, here, fresh, place)
        if track.episode is not None:
            episodes[track.episode.opened_at] = track.episode
    is_idle = track is None or track.phase is Phase.IDLE
    return None if is_idle else track, list(episodes.values())


def _through_alert(
    rule: Rule, episode: Episode, samples: Sequence[Sample], place: int
) -> tuple[Track, int]:
    """Follow an open alert to the record before which it ends, or to the last one."""
    peak_at, peak, last = episode.peak_at, episode.peak_probability, episode.last_probability
    over_at, at, closed_at = episode.last_over_at, samples[place][0], None
    # Plain names, because this is passed for every record of an active region.
    ends_at, off, settle = over_at + rule.settle, rule.off, rule.settle
    for here in range(place, len(samples)):
        following, probability = samples[here]
        if following >= ends_at:
            closed_at = ends_at
            break
        at, place = following, here + 1
        if probability is None:
            continue
        last = probability
        if probability > peak:
            peak_at, peak = at, probability
        if probability >= off:
            over_at, ends_at = at, at + settle
    updated = replace(
        episode,
        peak_at=peak_at,
        peak_probability=peak,
        last_probability=last,
        last_over_at=over_at,
        closed_at=closed_at,
    )
    return Track(at, episode=updated), place


def _through_quiet(
    rule: Rule, track: Track, samples: Sequence[Sample], place: int
) -> tuple[Track, int]:
    """Follow a region to the record that opens an alert, or to the last one."""
    rested, rising_at, over_at = track.episode, track.rising_at, track.last_over_at
    for here in range(place, len(samples)):
        at, probability = samples[here]
        if rested is not None and rested.closed_at and at >= rested.closed_at + rule.cool_down:
            rested = None
        if probability is None:
            continue
        if probability < (rule.on if rested is None else min(1.0, rule.reopen * rule.on)):
            rising_at = over_at = None
            continue
        if rising_at is None or over_at is None or at - over_at > rule.settle:
            rising_at = at
        over_at = at
        if at - rising_at >= rule.sustain:
            opened = Episode(at, probability, at, probability, probability, at)
            return Track(at, episode=opened), here + 1
    return Track(samples[-1][0], rising_at, last_over_at=over_at, episode=rested), len(samples)
