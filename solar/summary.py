"""The summary of a forecast: its scores over a range of days, alone and beside other entrants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solar import binned
from solar.bins import snapped
from solar.bootstrap import intervals
from solar.contingency import Contingency, defined, score_arrays
from solar.curve import CurvePoint, PrecisionRecallPoint, precision_recall_points, threshold_curve
from solar.draws import Draws
from solar.probability import Murphy
from solar.reliability import ReliabilityBin
from solar.resampling import resampled_scores
from solar.tally import Stacked, Tally
from solar.value import ValuePoint, value_curve

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


@dataclass(frozen=True)
class Versus:
    """A comparison with another entrant, day by day; like with like only on the same cases.

    `bss` is Brier skill with the other as reference, `differences` are those of the scores
    in `DIFFERENCES`: positive where the asked one scores higher.
    """

    bss: Estimate
    differences: dict[str, Estimate]
    same_cases: bool


@dataclass(frozen=True)
class Summary:
    """Everything there is to say about one entrant and event over a range of days.

    `scores` holds the contingency scores at `threshold` (the bin edge nearest to the one asked
    for), then brier, bss, auc and average_precision. The reference of ``bss`` is the base rate
    of the scored cases. `block_days` is 1 when the range was too short for longer blocks; below
    `FEWEST_DAYS` there are no intervals.
    """

    n: int
    n_events: int
    threshold: float
    contingency: Contingency
    scores: dict[str, Estimate]
    versus: dict[str, Versus]
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


def compare(entries: Mapping[str, Entry], *, draws: Draws) -> dict[str, Summary]:
    """Score entries over the same days; the first is compared with each of the others."""
    asked, *others = entries
    for name in others:
        entries[asked].stacked.must_match(entries[name].stacked)
    scored = {name: _scored(entry, draws) for name, entry in entries.items()}
    versus = {name: _versus(scored[asked], scored[name]) for name in others}
    return {
        name: _summary(one, draws, versus=versus if name == asked else {})
        for name, one in scored.items()
    }


def estimates(entry: Entry, *, draws: Draws) -> dict[str, Estimate]:
    """Compute the scores of an entry alone."""
    scored = _scored(entry, draws)
    return _estimates(scored.values, scored.drawn)


def _scored(entry: Entry, draws: Draws) -> _Scored:
    total = entry.stacked.total()
    drawn = resampled_scores(entry.stacked, threshold=entry.threshold, draws=draws)
    return _Scored(entry, total, _scores(total, entry.threshold), drawn)


def _scores(tally: Tally, threshold: float) -> dict[str, Floats]:
    own = binned.brier(tally)
    area, precision = binned.ranks(tally)
    return score_arrays(binned.cells(tally, threshold)) | {
        "brier": own,
        "bss": binned.brier_skill(own, binned.climatology_brier(tally)),
        "auc": area,
        "average_precision": precision,
    }


def _summary(scored: _Scored, draws: Draws, *, versus: dict[str, Versus]) -> Summary:
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


def _versus(own: _Scored, other: _Scored) -> Versus:
    mine, theirs = own.entry.stacked, other.entry.stacked
    both = ((own.values, other.values), (own.drawn, other.drawn))
    values, drawn = (
        {"against": binned.brier_skill(a["brier"], b["brier"])}
        | {name: np.asarray(a[name] - b[name]) for name in DIFFERENCES}
        for a, b in both
    )
    found = _estimates(values, drawn)
    # Columns 0 and 1 are forecasts and events: the days agree when both do.
    my_cases, their_cases = (binned.sums(one.rows)[:, :2] for one in (mine, theirs))
    return Versus(found.pop("against"), found, np.array_equal(my_cases, their_cases))


def _estimates(values: dict[str, Floats], drawn: dict[str, Floats]) -> dict[str, Estimate]:
    bounds = intervals(np.stack([drawn[name] for name in values]))
    return {
        name: Estimate(defined(float(value)), *((i.low, i.high) if i else (None, None)))
        for (name, value), i in zip(values.items(), bounds, strict=True)
    }
