"""The judgement of a model: its scores and those of every entrant on the same cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from model_training.evidence import MODEL, Evidence
from model_training.report.paired import LEVEL, block_days, differences, rounded
from solar import binned
from solar.bootstrap import RESAMPLES
from solar.contingency import Contingency
from solar.histogram import Stacked, stack_cases
from solar.probability import Murphy
from solar.skill import Estimate, summary

Floats = NDArray[np.float64]

PROBABILITY_SCORES = ("bss", "brier", "auc", "average_precision")
_SEED = 27


@dataclass(frozen=True)
class Entrant:
    """How one forecaster did; without a threshold it has no yes/no scores."""

    threshold: float | None
    contingency: Contingency | None
    scores: dict[str, Estimate]
    murphy: Murphy | None
    roc: tuple[binned.RocPoint, ...]


@dataclass(frozen=True)
class Judgement:
    """Scores of one event on one part; all entrants are scored on the same `n` cases.

    Parameters
    ----------
    model : the entrant that is judged, a key of `entrants`
    n_withheld : cases left out because somebody had no forecast for them
    absent : entrants without any forecast, which are not scored
    uncalibrated : the model before calibration, where it said something
    differences : entrant -> score -> model minus entrant, both on the same resamples
    """

    part: str
    event: str
    model: str
    n: int
    n_events: int
    n_unknown: int
    n_withheld: int
    first_at: str | None
    last_at: str | None
    block_days: int
    resamples: int
    entrants: dict[str, Entrant]
    uncalibrated: Entrant
    differences: dict[str, dict[str, Estimate]]
    absent: tuple[str, ...]

    @property
    def base_rate(self) -> float | None:
        """Share of the scored cases that were events."""
        return self.n_events / self.n if self.n else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries and lists, ready for JSON; None is undefined."""
        return {"base_rate": self.base_rate, **asdict(self)}


def to_json(judgements: Sequence[Judgement]) -> bytes:
    """Write judgements as JSON; undefined is null."""
    body = {
        "interval": {"level": LEVEL, "method": "block bootstrap of days, percentiles"},
        "references": {"bss": "base rate of the scored cases"},
        "judgements": [judgement.to_dict() for judgement in judgements],
    }
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def judge(evidence: Evidence, *, model: str = MODEL, resamples: int = RESAMPLES) -> Judgement:
    """Score the model, called `model`, and all entrants on the cases that all have forecast."""
    absent = tuple(name for name, p in evidence.entrants.items() if len(p) and np.isnan(p).all())
    forecasts = {model: evidence.calibrated} | {
        name: p for name, p in evidence.entrants.items() if name not in absent
    }
    cases = _forecast_by_all(list(forecasts.values()))
    thresholds = _thresholds(evidence, model)
    stacked = {name: _stack(evidence, p, cases) for name, p in forecasts.items()}
    raw = _stack(evidence, evidence.raw, cases & ~np.isnan(evidence.raw))
    first_at, last_at = _span(evidence.t_rec[cases])
    return Judgement(
        part=evidence.part,
        event=evidence.event,
        model=model,
        n=int(cases.sum()),
        n_events=int(evidence.outcome[cases].sum()),
        n_unknown=evidence.n_unknown,
        n_withheld=int((~cases).sum()),
        first_at=first_at,
        last_at=last_at,
        block_days=block_days(stacked[model]),
        resamples=resamples,
        entrants={n: _entrant(s, thresholds.get(n), resamples) for n, s in stacked.items()},
        uncalibrated=_entrant(raw, None, resamples),
        differences=differences(stacked, thresholds, model=model, resamples=resamples, rng=_rng()),
        absent=absent,
    )


def _forecast_by_all(forecasts: Sequence[Floats]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(np.stack(forecasts)).all(axis=0), np.bool_)


def _thresholds(evidence: Evidence, model: str) -> dict[str, float]:
    """Return the threshold of each entrant; one that says only 0 or 1 needs none of its own."""
    plain = {
        name: 0.5
        for name, p in evidence.entrants.items()
        if len(p) and np.isin(p[~np.isnan(p)], (0, 1)).all()
    }
    own = {} if evidence.threshold is None else {model: evidence.threshold}
    return own | plain | dict(evidence.thresholds)


def _stack(evidence: Evidence, probability: Floats, cases: NDArray[np.bool_]) -> Stacked:
    return stack_cases(probability[cases], evidence.outcome[cases], day=evidence.day[cases])


def _rng() -> np.random.Generator:
    """Seed alike for every entrant, so that all are scored on the same resamples."""
    return np.random.default_rng(_SEED)


def _entrant(stacked: Stacked, threshold: float | None, resamples: int) -> Entrant:
    found = summary(
        stacked,
        threshold=0.5 if threshold is None else threshold,
        rng=_rng(),
        resamples=resamples,
    )
    kept = PROBABILITY_SCORES if threshold is None else tuple(found.scores)
    return Entrant(
        threshold=threshold,
        contingency=None if threshold is None else found.contingency,
        scores={name: rounded(found.scores[name]) for name in kept},
        murphy=found.murphy,
        roc=found.roc,
    )


def _span(times: NDArray[np.datetime64]) -> tuple[str | None, str | None]:
    if not times.size:
        return None, None
    first, last = np.datetime_as_string([times.min(), times.max()], unit="s")
    return f"{first}Z", f"{last}Z"
