from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.alerting import SEVERITIES, Episode, Phase, Rule, Track, follow
from solar.errors import InvalidInputError
from solar.flares import EVENTS, event

START = datetime(2014, 3, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)
M1 = event("M1.0")
RULE = Rule(M1, on=0.10, off=0.06)

Samples = list[tuple[datetime, float | None]]


def hourly(*probabilities: float | None) -> Samples:
    return [(START + place * HOUR, p) for place, p in enumerate(probabilities)]


def cadence(minutes: int, *probabilities: float | None) -> Samples:
    step = timedelta(minutes=minutes)
    return [(START + place * step, p) for place, p in enumerate(probabilities)]


def raised(samples: Samples, rule: Rule = RULE) -> list[Episode]:
    return follow(rule, None, samples)[1]


def oscillation(period_h: float, *, days: int, minutes: int = 12) -> Samples:
    # HMI's field oscillates with SDO's orbital velocity (Hoeksema et al. 2014); half of the
    # probability is more than that ever makes of it.
    count = days * 24 * 60 // minutes
    times = [timedelta(minutes=minutes * place) for place in range(count)]
    return [
        (START + at, RULE.on * (1 + 0.5 * math.sin(2 * math.pi * at / (period_h * HOUR))))
        for at in times
    ]


@pytest.mark.parametrize("period_h", [12, 24])
@pytest.mark.parametrize("minutes", [12, 60])
def test_an_oscillation_of_the_instrument_raises_exactly_one_alert(
    period_h: int, minutes: int
) -> None:
    (episode,) = raised(oscillation(period_h, days=9, minutes=minutes))

    assert episode.is_open


def test_one_frame_over_the_threshold_raises_nothing() -> None:
    assert raised(hourly(0.02, 0.9, 0.02)) == []


def test_at_12_minutes_the_third_record_opens() -> None:
    (episode,) = raised(cadence(12, 0.2, 0.3, 0.4))

    assert episode.opened_at == START + timedelta(minutes=24)
    assert episode.opened_probability == 0.4


def test_at_an_hour_the_second_record_opens() -> None:
    (episode,) = raised(hourly(0.2, 0.3))

    assert episode.opened_at == START + HOUR


def test_without_a_minimum_duration_the_first_record_opens() -> None:
    (episode,) = raised(hourly(0.2), Rule(M1, on=0.1, off=0.06, sustain=timedelta(0)))

    assert episode.opened_at == START


def test_an_alert_closes_a_day_after_the_last_warning() -> None:
    samples = hourly(0.2, 0.3, 0.07, *[0.01] * 30)

    (episode,) = raised(samples)

    # 0.07 lies between off and on: it prolongs the alert and could not have opened it.
    assert episode.last_over_at == START + 2 * HOUR
    assert episode.closed_at == START + 26 * HOUR
    assert (episode.peak_at, episode.peak_probability) == (START + HOUR, 0.3)


def test_a_region_that_falls_silent_has_its_alert_closed_at_the_same_time() -> None:
    silent = [*hourly(0.2, 0.3), (START + 100 * HOUR, 0.3)]
    withheld = hourly(0.2, 0.3, *[None] * 40)

    assert raised(silent)[0].closed_at == START + 25 * HOUR
    assert raised(withheld)[0].closed_at == START + 25 * HOUR


def test_no_forecast_neither_opens_nor_prolongs() -> None:
    assert raised(hourly(None, None)) == []
    (episode,) = raised(hourly(0.2, None, 0.2, None))
    assert episode.last_over_at == START + 2 * HOUR


def test_two_records_far_apart_are_no_lasting_rise() -> None:
    assert raised([(START, 0.2), (START + 30 * HOUR, 0.2)]) == []


def test_during_the_cool_down_only_twice_the_threshold_opens_again() -> None:
    # Closes at 25 h; the cool-down lasts to 31 h.
    quiet = [0.2, 0.2, *[0.01] * 24]

    assert len(raised(hourly(*quiet, 0.15, 0.15))) == 1
    assert len(raised(hourly(*quiet, 0.20, 0.20))) == 2
    assert len(raised(hourly(*quiet, *[0.01] * 6, 0.15, 0.15))) == 2


def test_late_records_change_nothing() -> None:
    track, episodes = follow(RULE, None, hourly(0.2, 0.3, 0.01))

    late = [(START + 30 * timedelta(minutes=1), 0.9), (START + 2 * HOUR, 0.9)]

    assert follow(RULE, track, late) == (track, [])
    assert len(episodes) == 1


def test_a_region_that_has_come_to_rest_needs_no_memory() -> None:
    assert follow(RULE, None, hourly(0.01, 0.2, 0.01))[0] is None
    assert follow(RULE, None, hourly(0.2, 0.2, *[0.01] * 40))[0] is None


def test_the_phases_follow_each_other() -> None:
    track: Track | None = None
    phases = []
    for sample in hourly(0.2, 0.2, *[0.01] * 24):
        track, _ = follow(RULE, track, [sample])
        phases.append(None if track is None else track.phase)

    assert phases == [Phase.RISING, *[Phase.OPEN] * 24, Phase.RESTING]


steps = st.tuples(
    st.integers(1, 40 * 60),
    st.one_of(st.none(), st.floats(0, 1), st.sampled_from([0.06, 0.0999, 0.1, 0.2])),
)


def as_samples(drawn: list[tuple[int, float | None]]) -> Samples:
    at, samples = START, []
    for minutes, probability in drawn:
        at += timedelta(minutes=minutes)
        samples.append((at, probability))
    return samples


@given(st.lists(steps, max_size=60), st.sets(st.integers(0, 60)))
def test_batches_cut_anywhere_give_the_same(
    drawn: list[tuple[int, float | None]], cuts: set[int]
) -> None:
    samples = as_samples(drawn)
    whole_track, whole = follow(RULE, None, samples)

    track: Track | None = None
    parts: dict[datetime, Episode] = {}
    for first, last in pairwise([0, *sorted(cuts), len(samples)]):
        track, episodes = follow(RULE, track, samples[first:last])
        parts |= {episode.opened_at: episode for episode in episodes}

    assert track == whole_track
    assert list(parts.values()) == whole


@given(st.lists(steps, max_size=80))
def test_alerts_of_a_region_never_overlap(drawn: list[tuple[int, float | None]]) -> None:
    episodes = raised(as_samples(drawn))

    for before, after in pairwise(episodes):
        assert before.closed_at is not None
        assert before.closed_at <= after.opened_at
    for episode in episodes:
        assert episode.opened_probability >= RULE.on
        assert episode.peak_probability >= episode.last_probability
        assert episode.opened_at <= episode.last_over_at
        if episode.closed_at is not None:
            assert episode.closed_at - episode.last_over_at == RULE.settle


@pytest.mark.parametrize(
    "wrong",
    [
        {"on": 0.1, "off": 0.2},
        {"on": 0.0, "off": 0.0},
        {"on": 0.1, "off": 0.06, "settle": timedelta(0)},
        {"on": 0.1, "off": 0.06, "sustain": timedelta(minutes=-1)},
        {"on": 0.1, "off": 0.06, "reopen": 0.5},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_its_event(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=r"M1\.0\+"):
        Rule(M1, **wrong)


def test_every_event_has_its_step_of_the_blackout_scale() -> None:
    # NOAA Space Weather Scales: R1 from M1, R2 from M5, R3 from X1.
    assert [SEVERITIES[one.name] for one in EVENTS] == ["R0", "R1", "R2", "R3"]
