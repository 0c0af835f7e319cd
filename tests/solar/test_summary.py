from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest
from day_forecasts import forecasts
from exact_scores import auc

from solar import probability
from solar.contingency import Contingency
from solar.errors import InvalidInputError
from solar.histogram import BIN, dense, stack_cases
from solar.skill import summary


def score(p, o, day, **options):
    return summary(stack_cases(p, o, day=day), rng=np.random.default_rng(0), **options)


def test_a_summary_holds_every_score_with_its_interval() -> None:
    p, o, day = forecasts(300)

    result = summary(
        stack_cases(p, o, day=day), threshold=0.1, rng=np.random.default_rng(0), resamples=200
    )

    assert (result.n, result.n_events, result.block_days) == (6000, int(o.sum()), 27)
    assert result.contingency == Contingency.from_forecasts(o, p >= 0.1)
    for name, value in result.contingency.scores().items():
        assert result.scores[name].value == pytest.approx(value)
    assert result.scores["brier"].value == pytest.approx(probability.brier(p, o))
    assert result.scores["bss"].value == pytest.approx(
        probability.brier_skill(p, o, reference=o.mean())
    )
    for name, estimate in result.scores.items():
        assert estimate.low < estimate.value < estimate.high, name


def test_the_same_seed_gives_the_same_summary() -> None:
    stacked = stack_cases(*forecasts(100)[:2], day=forecasts(100)[2])

    first, second = (
        summary(stacked, threshold=0.1, rng=np.random.default_rng(7), resamples=50)
        for _ in range(2)
    )

    assert first == second


def test_a_summary_can_be_written_as_json() -> None:
    p, o, day = forecasts(30)

    result = summary(
        stack_cases(p, o, day=day), threshold=0.1, rng=np.random.default_rng(0), resamples=20
    )

    written = json.loads(json.dumps(result.to_dict()))
    assert written["contingency"]["hits"] == result.contingency.hits
    assert written["scores"]["tss"].keys() == {"value", "low", "high"}


def test_an_asked_threshold_moves_to_the_nearest_edge_and_says_so() -> None:
    p, o, day = forecasts(30)

    result = summary(
        stack_cases(p, o, day=day), threshold=0.3021, rng=np.random.default_rng(0), resamples=20
    )

    assert result.threshold == 0.3


def test_a_range_without_events_is_undefined_and_not_zero() -> None:
    p, day = np.tile([0.1, 0.4], 5), np.repeat(np.arange(5), 2)
    result = summary(
        stack_cases(p, np.zeros(10), day=day), threshold=0.3, rng=np.random.default_rng(0)
    )

    assert result.n_events == 0
    for name in ("tss", "recall", "bss", "auc", "average_precision"):
        estimate = result.scores[name]
        assert (estimate.value, estimate.low, estimate.high) == (None, None, None)
    assert result.scores["brier"].value == pytest.approx(0.085)
    assert result.roc == ()


def test_a_few_days_have_scores_but_no_intervals() -> None:
    p, o, day = forecasts(9)

    result = score(p, o, day, threshold=0.1)

    assert result.scores["tss"].value is not None
    assert {estimate.low for estimate in result.scores.values()} == {None}


def test_scores_can_be_had_without_resampling() -> None:
    p, o, day = forecasts(30)

    result = summary(
        stack_cases(p, o, day=day), threshold=0.1, rng=np.random.default_rng(0), resamples=0
    )

    assert result.scores["auc"].value == pytest.approx(auc(p, o), abs=2e-3)
    assert result.scores["auc"].low is None


@pytest.mark.parametrize("n_days", [0, 40])
def test_a_range_without_forecasts_has_no_score_at_all(n_days) -> None:
    nothing, none = np.zeros(n_days), np.zeros(0, np.int64)
    stacked = dense(none, np.zeros(0, BIN), sum_p2=nothing, sum_po=nothing)

    result = summary(stacked, threshold=0.3, rng=np.random.default_rng(0))

    assert result.n == 0
    assert {e.value for e in result.scores.values()} == {None}
    assert {e.low for e in result.scores.values()} == {None}
    assert result.murphy is None


def test_cases_of_no_day_stack_to_nothing() -> None:
    assert stack_cases([], [], day=[]).n_days == 0


def test_skill_over_another_entrant_is_paired_day_by_day() -> None:
    p, o, day = forecasts(120)
    q = np.full(p.size, o.mean())
    model, climatology = stack_cases(p, o, day=day), stack_cases(q, o, day=day)

    result = summary(
        model,
        threshold=0.1,
        rng=np.random.default_rng(0),
        references={"climatology-365d": climatology},
        resamples=200,
    )

    versus = result.versus["climatology-365d"]
    assert versus.same_cases
    assert versus.bss.value == pytest.approx(probability.brier_skill(p, o, reference=q))
    assert versus.bss.low < versus.bss.value < versus.bss.high


def test_entrants_that_forecast_other_cases_are_marked() -> None:
    p, o, day = forecasts(90)
    some = np.arange(p.size) % 20 > 0

    result = summary(
        stack_cases(p, o, day=day),
        threshold=0.1,
        rng=np.random.default_rng(0),
        references={"persistence": stack_cases(p[some], o[some], day=day[some])},
        resamples=20,
    )

    assert not result.versus["persistence"].same_cases


def test_entrants_over_other_ranges_are_refused() -> None:
    five, four = (stack_cases(np.full(n, 0.2), np.zeros(n), day=np.arange(n)) for n in (5, 4))

    with pytest.raises(InvalidInputError, match="stack the same range"):
        summary(
            five,
            threshold=0.1,
            rng=np.random.default_rng(0),
            references={"persistence": four},
        )


def test_rows_of_nine_days_give_the_interval_of_single_days(monkeypatch) -> None:
    p, o, day = forecasts(1100)

    pooled = score(p, o, day, threshold=0.1)
    monkeypatch.setattr("solar.histogram._POOLED_FROM_DAYS", 10_000)
    single = score(p, o, day, threshold=0.1)

    assert pooled.block_days == single.block_days == 27
    for name in ("tss", "bss", "auc"):
        width = single.scores[name].high - single.scores[name].low
        assert pooled.scores[name].value == pytest.approx(single.scores[name].value)
        assert pooled.scores[name].low == pytest.approx(single.scores[name].low, abs=0.15 * width)
        assert pooled.scores[name].high == pytest.approx(single.scores[name].high, abs=0.15 * width)


def test_days_may_be_given_as_dates() -> None:
    days = np.array([date(2014, 2, 16), date(2014, 2, 18)], "datetime64[us]")

    assert stack_cases([0.1, 0.2], [0, 1], day=days).n_days == 3
