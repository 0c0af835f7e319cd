"""The skill of a forecast: all its scores over a range of days, alone and beside others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solar import binned
from solar.binned import resampled_scores
from solar.bootstrap import (
    BLOCK_DAYS,
    RESAMPLES,
    Draws,
    draw,
    intervals,
)
from solar.contingency import Contingency, defined, score_arrays
from solar.curves import (
    CurvePoint,
    PrecisionRecallPoint,
    ValuePoint,
    precision_recall_points,
    threshold_curve,
    value_curve,
)
from solar.histogram import Stacked, Tally, snapped
from solar.probability import (
    Murphy,
)
from solar.reliability import ReliabilityBin

Floats = NDArray[np.float64]

DIFFERENCES = ("tss", "hss2", "bss", "auc")


@dataclass(frozen=True)
class Entry:
    """Forecasts over a range of days, and the probability from which they count as yes."""

    stacked: Stacked
    threshold: float


@dataclass(frozen=True)
class Estimate:
    """A score with its 95 % bootstrap interval; None where undefined."""

    value: float | None
    low: float | None
    high: float | None


def rounded(estimate: Estimate) -> Estimate:
    """Cut an estimate to five decimals, the precision of a thousand resamples."""
    value, low, high = (
        None if number is None else round(number, 5)
        for number in (estimate.value, estimate.low, estimate.high)
    )
    return Estimate(value, low, high) if value is not None else Estimate(None, None, None)


@dataclass(frozen=True)
class Comparison:
    """A comparison with another entrant, day by day; like with like only on the same cases.

    `bss` is Brier skill with the other as reference, `differences` are those of the scores
    in `DIFFERENCES`: positive where the entrant itself scores higher.
    """

    bss: Estimate
    differences: dict[str, Estimate]
    same_cases: bool


@dataclass(frozen=True)
class Summary:
    """All scores of one entrant for one event over a range of days.

    `scores` holds the contingency scores at `threshold` (the bin edge nearest to the requested
    one), then brier, bss, auc and average_precision. The reference of ``bss`` is the base rate
    of the scored cases. `block_days` is 1 when the range was too short for longer blocks; below
    `FEWEST_DAYS` there are no intervals.
    """

    n: int
    n_events: int
    threshold: float
    contingency: Contingency
    scores: dict[str, Estimate]
    versus: dict[str, Comparison]
    murphy: Murphy | None
    reliability: tuple[ReliabilityBin, ...]
    roc: tuple[binned.RocPoint, ...]
    curve: tuple[CurvePoint, ...]
    precision_recall: tuple[PrecisionRecallPoint, ...]
    value: tuple[ValuePoint, ...]
    block_days: int
    resamples: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries and lists, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Scored:
    """An entry with its scores: `values` () of all its days, `drawn` (resamples,)."""

    entry: Entry
    total: Tally
    values: dict[str, Floats]
    drawn: dict[str, Floats]


def summary(
    stacked: Stacked,
    *,
    threshold: float,
    rng: np.random.Generator,
    references: Mapping[str, Stacked] | None = None,
    block_days: int = BLOCK_DAYS,
    resamples: int = RESAMPLES,
) -> Summary:
    """Score stacked day histograms.

    Parameters
    ----------
    threshold : probability from which a forecast counts as yes
    references : other entrants over the same days, for Brier skill against each of them
    rng : seed it alike in every call, and a page shows the same interval when reloaded
    """
    draws = draw(
        len(stacked.rows.n),
        row_days=stacked.row_days,
        rng=rng,
        block_days=block_days,
        resamples=resamples,
    )
    name = ""
    entries = {name: stacked, **(references or {})}
    summaries = compare({key: Entry(one, threshold) for key, one in entries.items()}, draws=draws)
    return summaries[name]


def compare(entries: Mapping[str, Entry], *, draws: Draws) -> dict[str, Summary]:
    """Score entries over the same days; the first is compared with each of the others."""
    first, *others = entries
    for name in others:
        entries[first].stacked.must_match(entries[name].stacked)
    scored = {name: _scored(entry, draws) for name, entry in entries.items()}
    versus = {name: _comparison(scored[first], scored[name]) for name in others}
    return {
        name: _summary(one, draws, versus=versus if name == first else {})
        for name, one in scored.items()
    }


def estimates(entry: Entry, *, draws: Draws) -> dict[str, Estimate]:
    """Compute the scores of an entry alone."""
    scored = _scored(entry, draws)
    return _estimates(scored.values, scored.drawn)


def brier_skill(sums: Floats, *, draws: Draws) -> Estimate:
    """Compute the Brier skill alone, against the base rate, which needs no bins.

    Parameters
    ----------
    sums : (rows, 4) of each row of days, as `solar.binned.sums` gives them
    """
    totals = (sums.sum(axis=0), draws.double @ sums)
    value, drawn = (
        binned.brier_skill(
            binned.brier_of(total), binned.climatology_brier_of(total[..., 1], total[..., 0])
        )
        for total in totals
    )
    return _estimates({"bss": value}, {"bss": drawn})["bss"]


def _scored(entry: Entry, draws: Draws) -> _Scored:
    total = entry.stacked.total()
    drawn = resampled_scores(entry.stacked, threshold=entry.threshold, draws=draws)
    return _Scored(entry, total, _scores(total, entry.threshold), drawn)


def _scores(tally: Tally, threshold: float) -> dict[str, Floats]:
    score = binned.brier(tally)
    area, precision = binned.ranks(tally)
    return score_arrays(binned.cells(tally, threshold)) | {
        "brier": score,
        "bss": binned.brier_skill(score, binned.climatology_brier(tally)),
        "auc": area,
        "average_precision": precision,
    }


def _summary(scored: _Scored, draws: Draws, *, versus: dict[str, Comparison]) -> Summary:
    stacked, threshold, total = scored.entry.stacked, scored.entry.threshold, scored.total
    return Summary(
        n=int(total.n.sum()),
        n_events=int(total.events.sum()),
        threshold=snapped(threshold),
        contingency=binned.contingency(total, threshold),
        scores=_estimates(scored.values, scored.drawn),
        versus=versus,
        murphy=binned.murphy(stacked),
        reliability=binned.reliability(stacked),
        roc=binned.roc_points(total),
        curve=threshold_curve(total),
        precision_recall=precision_recall_points(total),
        value=value_curve(total, threshold),
        block_days=draws.block_days,
        resamples=draws.resamples,
    )


def _comparison(one: _Scored, other: _Scored) -> Comparison:
    both = ((one.values, other.values), (one.drawn, other.drawn))
    values, drawn = (
        {"against": binned.brier_skill(a["brier"], b["brier"])}
        | {name: np.asarray(a[name] - b[name]) for name in DIFFERENCES}
        for a, b in both
    )
    compared = _estimates(values, drawn)
    # Columns 0 and 1 are forecasts and events: the days agree when both do.
    cases, other_cases = (binned.sums(s.entry.stacked.rows)[:, :2] for s in (one, other))
    return Comparison(compared.pop("against"), compared, np.array_equal(cases, other_cases))


def _estimates(values: dict[str, Floats], drawn: dict[str, Floats]) -> dict[str, Estimate]:
    bounds = intervals(np.stack([drawn[name] for name in values]))
    return {
        name: Estimate(defined(float(value)), *((i.low, i.high) if i else (None, None)))
        for (name, value), i in zip(values.items(), bounds, strict=True)
    }
